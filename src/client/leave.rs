//! Leaving: the host revokes itself, then removes its files.

use std::path::Path;

use http::{HeaderValue, Method};

use super::authority::connect;
use super::directory::{CertDir, load_enrolled};
use super::error::ClientError;
use crate::clock::Timestamp;
use crate::id::HostId;

/// The result of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveResult {
    /// The server revoked the host; the files are removed.
    Revoked(HostId),
    /// The server had revoked the host before; the files are removed.
    Before(HostId),
    /// The files are removed without the server, because of `--force`.
    Forgotten(HostId),
}

/// Revokes the host of `dir` and removes its files. With `force` the files are removed even if the server is not reachable.
///
/// # Errors
/// If the directory holds no identity, or the server is not reachable and `force` is not set.
pub async fn leave(dir: &Path, force: bool, now: Timestamp) -> Result<LeaveResult, ClientError> {
    let host = load_enrolled(dir)?.host_id;
    let left = match revoke(dir, now).await {
        Ok(()) => LeaveResult::Revoked(host),
        Err(error) if error.code() == Some("host_revoked") => LeaveResult::Before(host),
        Err(_) if force => LeaveResult::Forgotten(host),
        Err(error) => return Err(error),
    };
    CertDir::open(dir)?.clear()?;
    Ok(left)
}

async fn revoke(dir: &Path, now: Timestamp) -> Result<(), ClientError> {
    let (connector, _) = connect(dir, now)?;
    let json = [(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let response = connector.request(Method::POST, "/api/v1/leave", &json, Some("{}".into())).await?;
    ClientError::check(response).map(drop)
}
