//! A host's identity, and the trust anchor of its authority.

use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use serde::de::DeserializeOwned;

use super::directory::{CertDir, load_enrolled, load_identity};
use super::error::ClientError;
use super::host::{HostFile, ThisHost, TrustAnchor};
use super::key::read_certificates;
use super::servers::{Question, ServerAnswer, Servers, same_server};
use crate::clock::Timestamp;
use crate::connect::{Connector, Trust};
use crate::id::Fingerprint;
use crate::wire::HostSummary;

/// An enrolled host that asks its authority.
pub(super) struct HostClient<'a> {
    dir: &'a Path,
    pub(super) host: HostFile,
    /// The servers to ask: those in the file and a given one.
    pub(super) servers: Servers,
}

impl<'a> HostClient<'a> {
    /// The host with the identity in the directory.
    ///
    /// # Errors
    /// If there is no identity, or it has expired.
    pub(super) fn open(this: &'a ThisHost, now: Timestamp) -> Result<Self, ClientError> {
        let host = load_enrolled(&this.cert_dir)?;
        if !host.is_live(now) {
            return Err(ClientError::Expired { host: host.host_id, at: host.life.expires_at });
        }
        let servers = allowed_servers(&host, this.server.as_deref())?;
        Ok(Self { dir: &this.cert_dir, host, servers })
    }

    /// Asks the authority with the host's certificate.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        question: &Question<'_>,
    ) -> Result<ServerAnswer<T>, ClientError> {
        self.servers.ask(|url| self.connect(url), question).await
    }

    /// Presents the certificate. Stores the addresses that follow from the answer, and returns the changed host file.
    pub(super) async fn present(self) -> Result<(HostFile, ServerAnswer<HostSummary>), ClientError> {
        let answer: ServerAnswer<HostSummary> = self.ask(&Question::get("/api/v1/whoami")).await?;
        let servers = self.servers.after(&answer.url, answer.body.server_url.as_deref(), false);
        if servers != self.host.servers
            && let Err(error) = CertDir::open(self.dir).and_then(|dir| dir.store_servers(&servers))
        {
            // The next answer brings the same addresses.
            tracing::debug!(%error, "the addresses of the authority could not be stored");
        }
        Ok((HostFile { servers, ..self.host }, answer))
    }

    fn connect(&self, url: &str) -> Result<Connector, ClientError> {
        let trust = host_trust(self.dir, &self.host.trust)?;
        Ok(Connector::new(url, trust, Some(load_identity(self.dir)?))?)
    }
}

/// The addresses to ask: the host's, and a given one. Without a pin, any server with a certificate for its name could replace
/// the root of this host. Such a host asks only the addresses that it knows.
fn allowed_servers(host: &HostFile, given: Option<&str>) -> Result<Servers, ClientError> {
    match (given, &host.trust) {
        (Some(given), TrustAnchor::Outside(_)) if !host.servers.urls().any(|url| same_server(url, given)) => {
            let known = host.servers.urls().map(str::to_owned).collect();
            Err(ClientError::UnknownServer { given: given.to_owned(), known })
        }
        _ => Ok(host.servers.with_own(given)),
    }
}

/// A connection to each address of the authority of the identity in `dir`, without that identity: for public routes.
///
/// # Errors
/// If there is no identity, or its files are damaged.
pub(super) fn connect_public(dir: &Path) -> Result<Vec<Connector>, ClientError> {
    let host = load_enrolled(dir)?;
    let connect = |url| Ok(Connector::new(url, host_trust(dir, &host.trust)?, None)?);
    host.servers.urls().map(connect).collect()
}

/// The trust anchor of an enrolled host, which has the root certificate in its directory.
fn host_trust(dir: &Path, anchor: &TrustAnchor) -> Result<Trust, ClientError> {
    match anchor {
        TrustAnchor::Pinned(_) => read_certificates(&dir.join("root.pem")).map(Trust::Roots),
        TrustAnchor::Outside(_) => trust(anchor),
    }
}

/// The trust anchor of a connection.
///
/// # Errors
/// If the file of certificates cannot be read, or holds no certificate.
pub fn trust(anchor: &TrustAnchor) -> Result<Trust, ClientError> {
    match anchor {
        TrustAnchor::Pinned(fingerprint) => Ok(Trust::Fingerprint(*fingerprint)),
        TrustAnchor::Outside(Some(file)) => read_certificates(file).map(Trust::Outside),
        TrustAnchor::Outside(None) => system_roots().map(Trust::Outside),
    }
}

/// Reads a fingerprint, with or without colons.
///
/// # Errors
/// The text is not a fingerprint.
pub fn parse_fingerprint(text: &str) -> Result<Fingerprint, &'static str> {
    Fingerprint::parse_lenient(text).ok_or("a fingerprint is 64 hexadecimal digits, with or without colons")
}

/// Files of trusted certificates in common systems.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

fn system_roots() -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let bundle = SYSTEM_BUNDLES.iter().map(PathBuf::from).find(|path| path.exists());
    read_certificates(&bundle.ok_or(ClientError::NoTrust)?)
}
