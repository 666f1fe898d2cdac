//! Renewing the host's certificate over mTLS, with a new key, keeping the host's id.

use std::path::Path;

use http::HeaderMap;
use serde_json::json;

use super::directory::{CertDir, Purpose, load, load_identity};
use super::enroll::{exchange, trust};
use super::error::ClientError;
use super::first_use::Fresh;
use super::host::{Anchor, HostFile};
use super::key::read_certificates;
use crate::clock::Timestamp;
use crate::connect::{Connector, Trust};

/// Renews the identity in `dir`, due or not, and shows the server the new certificate. Run again after any failure, it asks with the same key.
///
/// # Errors
/// If there is no identity, it has expired (an expired certificate is never presented: it would only break the
/// handshake), or the server refuses.
pub async fn renew(dir: &Path, now: Timestamp) -> Result<Fresh, ClientError> {
    let (connector, host) = connect(dir, now)?;
    let opened = CertDir::open(dir)?;
    let attempt = opened.begin(&Purpose::Renew(host.host_id), None)?;
    attempt.reserve()?;
    let answer =
        exchange(&connector, "/api/v1/renew", &[], &json!({ "csr": attempt.key().request()? })).await?;
    let fingerprint = attempt.key().check(&answer, None)?;
    if answer.host_id != host.host_id {
        return Err(ClientError::Answer { what: String::from("it renews another host") });
    }
    // A new root, cross-signed, arrives over a connection that the old one vouched for.
    let trust = match host.trust {
        Anchor::Pinned(_) => Anchor::Pinned(fingerprint),
        outside @ Anchor::Outside(_) => outside,
    };
    let renewed = HostFile {
        server: host.server,
        host_id: host.host_id,
        roles: answer.roles.clone(),
        name: answer.name.clone(),
        fingerprint,
        trust,
        token_id: host.token_id,
        expires_at: answer.expires_at,
        renew_after: answer.renew_after,
    };
    attempt.complete(&answer, &renewed)?;
    drop(opened);
    Ok(Fresh::show(renewed, dir, now).await)
}

/// A connection that presents the identity in `dir`, and who that is.
///
/// # Errors
/// If there is no identity, or it has expired.
pub(super) fn connect(dir: &Path, now: Timestamp) -> Result<(Connector, HostFile), ClientError> {
    let host = load(dir)?.ok_or_else(|| ClientError::NotEnrolled { dir: dir.to_owned() })?;
    if !host.is_live(now) {
        return Err(ClientError::Expired { host: host.host_id, at: host.expires_at });
    }
    let identity = load_identity(dir)?;
    let connector = Connector::new(&host.server, judge(dir, &host.trust)?, Some(identity))?;
    Ok((connector, host))
}

/// An enrolled host has the root itself, and needs it no more from the server's chain.
pub(super) fn judge(dir: &Path, anchor: &Anchor) -> Result<Trust, ClientError> {
    match anchor {
        Anchor::Pinned(_) => read_certificates(&dir.join("root.pem")).map(Trust::Roots),
        Anchor::Outside(_) => trust(anchor),
    }
}

/// What the server's clock says (RFC 9110 section 6.6.1).
pub(super) fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(http::header::DATE)?.to_str().ok()?;
    let at = chrono::DateTime::parse_from_rfc2822(date).ok()?;
    Some(Timestamp::from_millis(at.timestamp_millis()))
}
