//! The first use of a new certificate. Until the server has seen it, the previous certificate still renews, because a lost
//! answer must not strand a host. Afterwards, use of the previous certificate reveals a copy.

use super::authority::HostClient;
use super::error::ClientError;
use super::host::{HostFile, ThisHost};
use super::renewal::record::RenewalRecord;
use super::replace::Handover;
use super::report::present_with;
use crate::clock::Timestamp;
use crate::name::DnsName;

/// A new identity.
#[derive(Debug)]
pub struct Fresh {
    /// The host file.
    pub host: HostFile,
    /// The name that this host has lost to the authority.
    pub name_withdrawn: Option<DnsName>,
    /// The end of the identity that this one replaced, if there was one.
    pub replaced: Option<Handover>,
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
            Ok((host, _)) => Self { host, name_withdrawn, replaced: None, unseen: None },
            Err(error) => Self { host, name_withdrawn, replaced: None, unseen: Some(error) },
        }
    }

    /// The identity that an earlier enrollment got. It is presented again if the server has not taken its report.
    pub(super) async fn again(host: HostFile, this: &ThisHost, now: Timestamp) -> Self {
        match RenewalRecord::load(&this.cert_dir).report {
            Some(_) => Self::show(host, None, this, now).await,
            None => Self { host, name_withdrawn: None, replaced: None, unseen: None },
        }
    }
}

/// Presents the certificate of `this` host to the server, with a `whoami` request and the report that it still owes. Returns
/// the host file, with the addresses of the answer, and the time of the renewal in the answer. A time that has come by the
/// server's clock is not later than `now`.
///
/// # Errors
/// If there is no identity, it has expired, or the server was not reached or refuses it.
pub async fn first_use(this: &ThisHost, now: Timestamp) -> Result<(HostFile, Timestamp), ClientError> {
    let client = HostClient::open(this, now).await?;
    let (host, answer) = match RenewalRecord::load(&this.cert_dir).report {
        Some(report) => present_with(&report, client, this).await?,
        None => client.present().await?,
    };
    let renew_after = answer.body.life.renew_after;
    let is_due = renew_after <= answer.date.unwrap_or(now);
    Ok((host, if is_due { renew_after.min(now) } else { renew_after }))
}
