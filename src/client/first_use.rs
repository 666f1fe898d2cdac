//! The first use of a new certificate. Until the server has seen it, the previous certificate still renews, because a lost
//! answer must not strand a host. Afterwards, use of the previous certificate reveals a copy.

use super::authority::HostClient;
use super::error::ClientError;
use super::host::{HostFile, ThisHost};
use crate::clock::Timestamp;
use crate::name::DnsName;

/// A new identity.
#[derive(Debug)]
pub struct Fresh {
    /// The host file.
    pub host: HostFile,
    /// The name that this host has lost to the authority.
    pub name_withdrawn: Option<DnsName>,
    /// The reason that the server has not seen the new certificate. The identity is valid anyway.
    pub unseen: Option<ClientError>,
}

impl Fresh {
    /// Presents the new identity of `this` host to the server.
    pub(super) async fn show(
        host: HostFile,
        name_withdrawn: Option<DnsName>,
        this: &ThisHost,
        now: Timestamp,
    ) -> Self {
        match first_use(this, now).await {
            Ok(host) => Self { host, name_withdrawn, unseen: None },
            Err(error) => Self { host, name_withdrawn, unseen: Some(error) },
        }
    }
}

/// Presents the certificate of `this` host to the server, with a `whoami` request. Returns the host file, with the
/// addresses of the answer.
///
/// # Errors
/// If there is no identity, it has expired, or the server was not reached or refuses it.
pub async fn first_use(this: &ThisHost, now: Timestamp) -> Result<HostFile, ClientError> {
    Ok(HostClient::open(this, now)?.present().await?.0)
}
