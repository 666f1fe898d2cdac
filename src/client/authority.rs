//! Connections to the authority: its trust anchor, the host's certificate, requests for certificates.

use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rustls::pki_types::CertificateDer;

use super::directory::{load_enrolled, load_identity};
use super::error::ClientError;
use super::host::{HostFile, TrustAnchor};
use super::key::read_certificates;
use super::problem::ServerProblem;
use crate::clock::Timestamp;
use crate::connect::{Connector, Trust};
use crate::id::Fingerprint;
use crate::wire::EnrollAnswer;

/// Requests a certificate.
pub(super) async fn exchange(
    connector: &Connector,
    path: &str,
    headers: &[(HeaderName, HeaderValue)],
    body: &serde_json::Value,
) -> Result<EnrollAnswer, ClientError> {
    let mut headers = headers.to_vec();
    headers.push((http::header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
    let response = connector.request(Method::POST, path, &headers, Some(body.to_string().into())).await?;
    let response = ClientError::check(response)?;
    if response.status == StatusCode::ACCEPTED {
        let seconds = ServerProblem::of(&response).retry_after.unwrap_or(30);
        return Err(ClientError::Pending { seconds });
    }
    serde_json::from_slice(&response.body).map_err(|error| ClientError::Answer { what: error.to_string() })
}

/// A connection with the identity in `dir`, and its host file.
///
/// # Errors
/// If there is no identity, or it has expired.
pub(super) fn connect(dir: &Path, now: Timestamp) -> Result<(Connector, HostFile), ClientError> {
    let host = load_enrolled(dir)?;
    if !host.is_live(now) {
        return Err(ClientError::Expired { host: host.host_id, at: host.life.expires_at });
    }
    let identity = load_identity(dir)?;
    let connector = Connector::new(&host.server, host_trust(dir, &host.trust)?, Some(identity))?;
    Ok((connector, host))
}

/// A connection to the authority of the identity in `dir`, without that identity: for public routes.
///
/// # Errors
/// If there is no identity, or its files are damaged.
pub(super) fn connect_public(dir: &Path) -> Result<Connector, ClientError> {
    let host = load_enrolled(dir)?;
    Ok(Connector::new(&host.server, host_trust(dir, &host.trust)?, None)?)
}

/// The trust anchor of an enrolled host, which has the root certificate in its directory.
fn host_trust(dir: &Path, anchor: &TrustAnchor) -> Result<Trust, ClientError> {
    match anchor {
        TrustAnchor::Pinned(_) => read_certificates(&dir.join("root.pem")).map(Trust::Roots),
        TrustAnchor::Outside(_) => trust(anchor),
    }
}

/// The time of the server (RFC 9110 section 6.6.1).
pub(super) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(http::header::DATE)?.to_str().ok()?;
    let at = chrono::DateTime::parse_from_rfc2822(date).ok()?;
    Some(Timestamp::from_millis(at.timestamp_millis()))
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
