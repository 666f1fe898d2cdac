//! Leaving: the host revokes itself, then removes its files.

use serde::Deserialize;
use serde_json::json;

use super::authority::HostClient;
use super::directory::{CertDir, load_enrolled, repair};
use super::error::ClientError;
use super::host::ThisHost;
use super::renewal::record::RenewalRecord;
use super::servers::{Question, ServerAnswer};
use crate::clock::Timestamp;
use crate::id::HostId;

/// The result of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveResult {
    /// The server revoked the host; the files are removed.
    Revoked(HostId),
    /// The server had revoked the host before; the files are removed.
    Before(HostId),
    /// The files are removed without the server, because of `--force`. A damaged host file names no host.
    Forgotten(Option<HostId>),
}

/// Revokes `this` host and removes its files. With `force` the files are removed even if the server is not
/// reachable or the identity is damaged.
///
/// # Errors
/// If the directory holds no identity, or the server is not reachable and `force` is not set.
pub async fn leave(this: &ThisHost, force: bool, now: Timestamp) -> Result<LeaveResult, ClientError> {
    let host = leaving(this, force)?;
    // Opened before the request: files that cannot be removed must not outlive their host.
    let opened = CertDir::open(&this.cert_dir)?;
    let left = match host {
        None => LeaveResult::Forgotten(None),
        Some(host) => match revoke(this, now).await {
            Ok(()) => LeaveResult::Revoked(host),
            Err(error) if error.is_revoked() => LeaveResult::Before(host),
            Err(_) if force => LeaveResult::Forgotten(Some(host)),
            Err(error) => return Err(error),
        },
    };
    // Before the identity: a kill in between leaves nothing that no command removes.
    RenewalRecord::remove(&this.cert_dir)?;
    opened.clear()?;
    Ok(left)
}

/// The host that [`leave`] revokes; `None` for damaged files, which leave only with `force`.
///
/// # Errors
/// If the directory holds no identity.
pub fn leaving(this: &ThisHost, force: bool) -> Result<Option<HostId>, ClientError> {
    repair(&this.cert_dir)?;
    match load_enrolled(&this.cert_dir) {
        Err(ClientError::Damaged { .. }) if force => Ok(None),
        enrolled => Ok(Some(enrolled?.host_id)),
    }
}

async fn revoke(this: &ThisHost, now: Timestamp) -> Result<(), ClientError> {
    let client = HostClient::open(this, now).await?;
    let answer: ServerAnswer<Left> = client.ask(&Question::post("/api/v1/leave", json!({}))).await?;
    match answer.body.host_id == client.host.host_id {
        true => Ok(()),
        false => {
            let what = String::from("it revokes another host");
            Err(ClientError::NotGatepass { server: answer.url, what, retry_after: None })
        }
    }
}

#[derive(Deserialize)]
struct Left {
    host_id: HostId,
}
