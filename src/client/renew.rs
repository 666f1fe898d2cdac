//! Renewing the host's certificate over mTLS, with a new key, keeping the host's id.

use serde::Serialize;
use serde_json::json;

use super::authority::HostClient;
use super::directory::{CertDir, KeyReaders, Purpose, load_enrolled, repair};
use super::error::ClientError;
use super::first_use::Fresh;
use super::host::{HostFile, ThisHost, TrustAnchor, load_serial};
use super::servers::{Question, ServerAnswer};
use crate::clock::Timestamp;
use crate::id::Serial;
use crate::name::DnsName;
use crate::wire::EnrollAnswer;

/// Renews the identity of `this` host, due or not, and presents the new certificate to the server. After a failure, another call
/// uses the same key.
///
/// # Errors
/// If the directory holds no identity, the identity has expired, or the server refuses. An expired certificate is never
/// presented: it would break the handshake.
pub async fn renew(this: &ThisHost, now: Timestamp) -> Result<Fresh, ClientError> {
    let Renewed { host, name_withdrawn, .. } = renew_only(this, now).await?;
    Ok(Fresh::show(host, name_withdrawn, this, now).await)
}

/// A renewed identity.
#[derive(Debug)]
pub struct Renewed {
    /// The host file.
    pub host: HostFile,
    /// Serial number of the certificate.
    pub serial: Serial,
    /// The certificate before.
    pub replaced: Replaced,
    /// The name that this host has lost to the authority.
    pub name_withdrawn: Option<DnsName>,
}

/// A certificate that another one replaced.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Replaced {
    /// Its serial number.
    pub serial: Serial,
    /// Its expiry.
    pub expires_at: Timestamp,
}

/// Renews the identity of `this` host, and leaves the first use of the certificate to the caller.
///
/// # Errors
/// As [`renew`] has them.
pub async fn renew_only(this: &ThisHost, now: Timestamp) -> Result<Renewed, ClientError> {
    repair(&this.cert_dir)?;
    load_enrolled(&this.cert_dir)?;
    // Locked before the identity is read: another renewal may end in between, and the former certificate is a copy then.
    let opened = CertDir::open(&this.cert_dir)?;
    let client = HostClient::open(this, now).await?;
    let serial = load_serial(&this.cert_dir)?;
    let attempt = opened.begin(&Purpose::Renew(client.host.host_id), None)?;
    attempt.reserve(&KeyReaders::default())?;
    let request = Question::post("/api/v1/renew", json!({ "csr": attempt.key().request()? }));
    let ServerAnswer { url, body: answer, .. } = client.ask::<EnrollAnswer>(&request).await?;
    let host = client.host;
    let expired = host.life.expires_at;
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
    let replaced = Replaced { serial, expires_at: expired };
    let serial = load_serial(&this.cert_dir)?;
    Ok(Renewed { host: renewed, serial, replaced, name_withdrawn: answer.name_withdrawn })
}
