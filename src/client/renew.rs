//! Renewing the host's certificate over mTLS, with a new key, keeping the host's id.

use serde_json::json;

use super::authority::HostClient;
use super::directory::{CertDir, Purpose};
use super::error::ClientError;
use super::first_use::Fresh;
use super::host::{HostFile, ThisHost, TrustAnchor};
use super::servers::{Question, ServerAnswer};
use crate::clock::Timestamp;
use crate::wire::EnrollAnswer;

/// Renews the identity of `this` host, due or not, and presents the new certificate to the server. After a failure, another call
/// uses the same key.
///
/// # Errors
/// If the directory holds no identity, the identity has expired, or the server refuses. An expired certificate is never
/// presented: it would break the handshake.
pub async fn renew(this: &ThisHost, now: Timestamp) -> Result<Fresh, ClientError> {
    let client = HostClient::open(this, now)?;
    let opened = CertDir::open(&this.cert_dir)?;
    let attempt = opened.begin(&Purpose::Renew(client.host.host_id), None)?;
    attempt.reserve()?;
    let request = Question::post("/api/v1/renew", json!({ "csr": attempt.key().request()? }));
    let ServerAnswer { url, body: answer, .. } = client.ask::<EnrollAnswer>(&request).await?;
    let host = client.host;
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
    let servers = client.servers.after(&url, answer.host.server_url.as_deref(), true);
    let renewed = HostFile { servers, certified, fingerprint, trust, life, ..host };
    attempt.complete(&answer, &renewed)?;
    drop(opened);
    Ok(Fresh::show(renewed, answer.name_withdrawn, this, now).await)
}
