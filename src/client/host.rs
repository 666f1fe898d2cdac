//! The host's record of its enrollment: `host.json`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::enroll::CERT_DIR;
use super::servers::Servers;
use crate::clock::Timestamp;
use crate::id::{Fingerprint, HostId, TokenId};
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

/// The directory of this host's identity, and a server to ask.
#[derive(Clone, Debug, clap::Args)]
pub struct ThisHost {
    /// Directory of the identity
    #[arg(long, value_name = "DIR", default_value = CERT_DIR)]
    pub cert_dir: PathBuf,
    /// URL of the server for this host, which it keeps besides the authority's own; without a pinned root, only a known one
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
}

impl ThisHost {
    /// The identity in `cert_dir`, at the servers that it knows.
    pub fn at(cert_dir: impl Into<PathBuf>) -> Self {
        Self { cert_dir: cert_dir.into(), server: None }
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

#[cfg(test)]
mod tests {
    use super::*;

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
