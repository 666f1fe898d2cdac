//! Enrolling only where it is needed, at each start of a machine or a container.

use super::{Enroll, Fresh};
use crate::client::directory::{CertDir, load, load_identity, repair};
use crate::client::error::ClientError;
use crate::client::first_use::first_use;
use crate::client::host::{HostFile, ThisHost};
use crate::client::renew::Renewed;
use crate::client::renewal::attempt_if_due;
use crate::clock::Reading;

/// An identity that works.
#[derive(Debug)]
pub enum Held {
    /// The server knows it, and its renewal is not due.
    Kept(HostFile),
    /// It was due, and is renewed.
    Renewed(Fresh),
    /// Its certificate is valid, but the server was not reached and could neither judge nor renew it.
    Unjudged(HostFile, ClientError),
}

/// Keeps the identity in the directory, and renews it if that is due. Returns `None` if the host must enroll: the directory has
/// no identity, or its certificate has expired.
///
/// # Errors
/// The server refuses the host, or the files cannot be used. The host must not enroll then.
pub async fn keep(ask: &Enroll, now: Reading) -> Result<Option<Held>, ClientError> {
    let Enroll { cert_dir, server, network, readers, .. } = ask;
    repair(cert_dir)?;
    let Some(host) = load(cert_dir)? else { return Ok(None) };
    load_identity(cert_dir)?;
    let this = ThisHost { cert_dir: cert_dir.clone(), server: server.clone(), network: network.clone() };
    let held = match attend(&this, &host, now).await {
        Ok(held) => held,
        Err(ClientError::Expired { .. }) => return Ok(None),
        Err(error) if error.is_transient() && host.is_live(now.wall) => Held::Unjudged(host, error),
        Err(error) => return Err(error),
    };
    if !readers.is_empty() {
        CertDir::open(cert_dir)?.share(readers)?;
    }
    Ok(Some(held))
}

/// Renews the identity, or presents it to the server.
async fn attend(this: &ThisHost, host: &HostFile, now: Reading) -> Result<Held, ClientError> {
    // A certificate that looks expired may be valid by the server's clock, which the first use asks for.
    if host.is_live(now.wall)
        && let Some(Renewed { host, name_withdrawn, .. }) = attempt_if_due(this, host, now).await?
    {
        return Ok(Held::Renewed(Fresh::show(host, name_withdrawn, this, now.wall).await));
    }
    first_use(this, now.wall).await.map(|(host, _)| Held::Kept(host))
}
