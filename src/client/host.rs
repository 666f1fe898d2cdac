//! The host's record of its enrollment: `host.json`.

use std::io;
use std::path::{self, Path, PathBuf};

use clap::builder::{PathBufValueParser, TypedValueParser};
use serde::{Deserialize, Serialize};

use super::directory::load_identity;
use super::enroll::CERT_DIR;
use super::error::ClientError;
use super::network::Network;
use super::servers::Servers;
use crate::clock::Timestamp;
use crate::connect::server_url;
use crate::host_certificate::HostPeer;
use crate::id::{Fingerprint, HostId, Serial, TokenId};
use crate::wire::{CertificateLife, Certified};

/// The trust anchor of the server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrustAnchor {
    /// The authority's root, by its fingerprint.
    Pinned(Fingerprint),
    /// External certificates: those in this file, or those of the system.
    Outside(Option<PathBuf>),
}

impl TrustAnchor {
    /// The external certificates in `file`. A file in `dir`, the directory of the identity, moves with it. Any other keeps its
    /// place, from wherever a command is run.
    ///
    /// # Errors
    /// If the working directory is gone.
    pub fn outside(file: &Path, dir: &Path) -> io::Result<Self> {
        let within = || {
            let parent = path::absolute(file).ok()?.parent()?.canonicalize().ok()?;
            let below = parent.strip_prefix(dir.canonicalize().ok()?).ok()?;
            Some(below.join(file.file_name()?))
        };
        within().map_or_else(|| path::absolute(file), Ok).map(|file| Self::Outside(Some(file)))
    }

    /// The same, as seen from the working directory. `dir` is the directory of the identity.
    pub(super) fn at(&self, dir: &Path) -> Self {
        match self {
            Self::Outside(Some(file)) => Self::Outside(Some(dir.join(file))),
            other => other.clone(),
        }
    }
}

/// Reads a path, and makes it absolute: hooks and services get it in another working directory.
pub(super) fn absolute() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(path::absolute)
}

/// The directory of this host's identity, and a server to ask.
#[derive(Clone, Debug, clap::Args)]
pub struct ThisHost {
    /// Directory of the identity
    #[arg(long, value_name = "DIR", default_value = CERT_DIR, value_parser = absolute())]
    pub cert_dir: PathBuf,
    /// URL of the server for this host, which it keeps besides the authority's own; without a pinned root, only a known one
    #[arg(long, value_name = "URL", value_parser = server_url)]
    pub server: Option<String>,
    /// Proxies and roots of this machine.
    #[arg(skip)]
    pub network: Network,
}

impl ThisHost {
    /// The identity in `cert_dir`, at the servers that it knows.
    pub fn at(cert_dir: impl Into<PathBuf>) -> Self {
        Self { cert_dir: cert_dir.into(), server: None, network: Network::default() }
    }
}

/// `host.json`: host, server and expiry. Not secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFile {
    /// Addresses of the authority.
    #[serde(flatten)]
    pub servers: Servers,
    /// The host's UUID.
    pub host_id: HostId,
    /// Roles and name of the host.
    #[serde(flatten)]
    pub certified: Certified,
    /// SHA-256 of the root certificate.
    pub fingerprint: Fingerprint,
    /// Trust anchor of the server.
    pub trust: TrustAnchor,
    /// Token of the enrollment.
    pub token_id: TokenId,
    /// Expiry and renewal of the certificate.
    #[serde(flatten)]
    pub life: CertificateLife,
}

impl HostFile {
    /// Returns true until the certificate expires.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.life.expires_at
    }

    /// Returns true if renewal is due at `now`.
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.life.renew_after
    }
}

/// The serial number of the certificate in a directory.
///
/// # Errors
/// If the directory has no identity, or a file is damaged.
pub fn load_serial(dir: &Path) -> Result<Serial, ClientError> {
    let identity = load_identity(dir)?;
    let leaf = identity.chain.first().and_then(|leaf| HostPeer::parse(leaf));
    leaf.map(|leaf| leaf.serial).ok_or_else(|| ClientError::Damaged {
        path: dir.join("host.pem"),
        why: String::from("it is not the certificate of a host"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_beside_the_identity_moves_with_it() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, link) = (temp.path().join("certs"), temp.path().join("link"));
        std::fs::create_dir(&dir).unwrap();
        std::os::unix::fs::symlink(&dir, &link).unwrap();
        for (file, stored) in [
            (dir.join("ca.pem"), PathBuf::from("ca.pem")),
            (link.join("ca.pem"), PathBuf::from("ca.pem")),
            (dir.join("../certs/ca.pem"), PathBuf::from("ca.pem")),
            (temp.path().join("ca.pem"), temp.path().join("ca.pem")),
            (dir.join("../ca.pem"), dir.join("../ca.pem")),
            (PathBuf::from("ca.pem"), std::env::current_dir().unwrap().join("ca.pem")),
        ] {
            let anchor = TrustAnchor::outside(&file, &dir).unwrap();
            assert_eq!(anchor, TrustAnchor::Outside(Some(stored.clone())), "{}", file.display());
            assert_eq!(anchor.at(&dir), TrustAnchor::Outside(Some(dir.join(stored))));
        }
    }

    #[test]
    fn a_host_file_keeps_its_text() {
        let id = "0198c0de-9b41-7d20-9c55-6e7f80912a3b";
        let fingerprint = "1".repeat(64);
        let text = |name: &str, more: &str| {
            format!(
                "{{\"server\":\"https://gate\",\"host_id\":\"{id}\",\"roles\":[\"proxy\"],{name}\
                 \"fingerprint\":\"{fingerprint}\",\"trust\":{{\"outside\":null}},\"token_id\":\"{id}\",\
                 \"expires_at\":\"2030-01-31T12:00:00Z\",\"renew_after\":\"2030-01-21T12:00:00Z\"{more}}}"
            )
        };
        let whole = text("\"name\":null,", "");
        let file: HostFile = serde_json::from_str(&whole).unwrap();
        assert_eq!(serde_json::to_string(&file).unwrap(), whole);
        let other = text("", ",\"unknown\":1");
        assert_eq!(serde_json::from_str::<HostFile>(&other).unwrap(), file);
    }
}
