//! The first use of a new certificate. Until the server has seen it, the previous certificate still renews, because a lost
//! answer must not strand a host. Afterwards, use of the previous certificate reveals a copy.

use std::path::Path;

use http::Method;

use super::authority::connect;
use super::error::ClientError;
use super::host::HostFile;
use crate::clock::Timestamp;

/// A new identity.
#[derive(Debug)]
pub struct Fresh {
    /// The host file.
    pub host: HostFile,
    /// The reason that the server has not seen the new certificate. The identity is valid anyway.
    pub unseen: Option<ClientError>,
}

impl Fresh {
    /// Presents the new identity in `dir` to the server.
    pub(super) async fn show(host: HostFile, dir: &Path, now: Timestamp) -> Self {
        let unseen = first_use(dir, now).await.err();
        Self { host, unseen }
    }
}

/// Presents the certificate in `dir` to the server, with a `whoami` request.
///
/// # Errors
/// If there is no identity, it has expired, or the server was not reached or refuses it.
pub async fn first_use(dir: &Path, now: Timestamp) -> Result<(), ClientError> {
    let (connector, _) = connect(dir, now)?;
    let response = connector.request(Method::GET, "/api/v1/whoami", &[], None).await?;
    ClientError::check(response).map(drop)
}
