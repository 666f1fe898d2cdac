//! Leaving: the host revokes itself, then removes its files.

use serde::Deserialize;
use serde_json::json;

use super::authority::HostClient;
use super::directory::{CertDir, load_enrolled};
use super::error::ClientError;
use super::host::ThisHost;
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
    let host = match load_enrolled(&this.cert_dir) {
        Err(ClientError::Damaged { .. }) if force => {
            CertDir::open(&this.cert_dir)?.clear()?;
            return Ok(LeaveResult::Forgotten(None));
        }
        enrolled => enrolled?.host_id,
    };
    let left = match revoke(this, now).await {
        Ok(()) => LeaveResult::Revoked(host),
        Err(error) if error.code() == Some("host_revoked") => LeaveResult::Before(host),
        Err(_) if force => LeaveResult::Forgotten(Some(host)),
        Err(error) => return Err(error),
    };
    CertDir::open(&this.cert_dir)?.clear()?;
    Ok(left)
}

async fn revoke(this: &ThisHost, now: Timestamp) -> Result<(), ClientError> {
    let client = HostClient::open(this, now)?;
    let answer: ServerAnswer<Left> = client.ask(&Question::post("/api/v1/leave", json!({}))).await?;
    match answer.body.host_id == client.host.host_id {
        true => Ok(()),
        false => Err(ClientError::Answer { what: String::from("it revokes another host") }),
    }
}

#[derive(Deserialize)]
struct Left {
    host_id: HostId,
}
