//! Renewing the host's certificate over mTLS, with a new key, keeping the host's id.

use std::path::Path;

use serde_json::json;

use super::authority::{connect, exchange};
use super::directory::{CertDir, Purpose};
use super::error::ClientError;
use super::first_use::Fresh;
use super::host::{HostFile, TrustAnchor};
use crate::clock::Timestamp;

/// Renews the identity in `dir`, due or not, and presents the new certificate to the server. After a failure, another call
/// uses the same key.
///
/// # Errors
/// If the directory holds no identity, the identity has expired, or the server refuses. An expired certificate is never
/// presented: it would break the handshake.
pub async fn renew(dir: &Path, now: Timestamp) -> Result<Fresh, ClientError> {
    let (connector, host) = connect(dir, now)?;
    let opened = CertDir::open(dir)?;
    let attempt = opened.begin(&Purpose::Renew(host.host_id), None)?;
    attempt.reserve()?;
    let answer =
        exchange(&connector, "/api/v1/renew", &[], &json!({ "csr": attempt.key().request()? })).await?;
    let fingerprint = attempt.key().check(&answer, None)?;
    if answer.host.host_id != host.host_id {
        return Err(ClientError::Answer { what: String::from("it renews another host") });
    }
    // A new root, cross-signed, arrives over a connection that the old one vouched for.
    let trust = match host.trust {
        TrustAnchor::Pinned(_) => TrustAnchor::Pinned(fingerprint),
        outside @ TrustAnchor::Outside(_) => outside,
    };
    let (certified, life) = (answer.host.certified.clone(), answer.host.life);
    let renewed = HostFile { certified, fingerprint, trust, life, ..host };
    attempt.complete(&answer, &renewed)?;
    drop(opened);
    Ok(Fresh::show(renewed, dir, now).await)
}
