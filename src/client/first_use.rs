//! The first use of a new certificate. Until the server has seen it, the one before it still renews (a lost answer must
//! not strand a host); from then on whoever holds a copy of the old one is found.

use std::path::Path;

use http::Method;

use super::authority::connect;
use super::error::ClientError;
use super::host::HostFile;
use super::problem::ServerProblem;
use crate::clock::Timestamp;

/// An identity that was just put in place.
#[derive(Debug)]
pub struct Fresh {
    /// Who the host is.
    pub host: HostFile,
    /// Why the server has not seen the new certificate yet. The identity is good all the same.
    pub unseen: Option<ClientError>,
}

impl Fresh {
    /// The identity that is in `dir` since a moment ago, shown to the server.
    pub(super) async fn show(host: HostFile, dir: &Path, now: Timestamp) -> Self {
        let unseen = first_use(dir, now).await.err();
        Self { host, unseen }
    }
}

/// Shows the server the certificate in `dir`: it asks who it is.
///
/// # Errors
/// If there is no identity, it has expired, or the server was not reached or refuses it.
pub async fn first_use(dir: &Path, now: Timestamp) -> Result<(), ClientError> {
    let (connector, _) = connect(dir, now)?;
    let response = connector.request(Method::GET, "/api/v1/whoami", &[], None).await?;
    match response.status.is_success() {
        true => Ok(()),
        false => Err(ClientError::Refused(Box::new(ServerProblem::of(&response)))),
    }
}
