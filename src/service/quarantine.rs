//! Releasing hosts from quarantine: an administrator chooses the certificate that stays.

use super::hosts::HostAdmin;
use super::revocable::{is_unlimited, judge_host};
use super::{Caller, FieldError, HostError, RequestError, ServiceError};
use crate::ledger::Action;
use crate::store::{HostRecord, HostRelease, KeptCertificate, ReleaseHosts};

impl HostAdmin {
    /// Releases a host. The kept certificate becomes its newest; the others are revoked, and their keys stay refused.
    ///
    /// # Errors
    /// The host is unknown, revoked, not in quarantine, or beyond the caller's limits. The certificate is not one of its good
    /// ones. Or the store cannot be written.
    pub async fn release_host(
        &self,
        caller: &Caller,
        kept: KeptCertificate,
    ) -> Result<HostRecord, ServiceError> {
        let id = kept.host;
        let released = self.release_hosts(caller, vec![kept]).await?;
        match released.first().copied().unwrap_or(HostRelease::Unknown) {
            HostRelease::Released | HostRelease::Before => self.show_host(id).await,
            HostRelease::NotQuarantined => Err(HostError::NotQuarantined.into()),
            HostRelease::NoSuchCertificate => {
                let what = "not a valid certificate of this host: it may have expired or been revoked; choose the other one, or \
                            re-enroll the host (`gatepass host reenroll`)";
                Err(RequestError::Fields(vec![FieldError::new("serial", what)]).into())
            }
            HostRelease::Stale => Err(RequestError::Stale.into()),
            HostRelease::Revoked => Err(HostError::Revoked.into()),
            HostRelease::Unknown => Err(RequestError::not_found("host", id).into()),
        }
    }

    /// Releases many hosts, each with the certificate that stays. The outcomes are in the order of the hosts.
    ///
    /// # Errors
    /// A host is beyond the caller's limits, or at another revision than the caller saw: no host is released. Or the store
    /// cannot be written.
    pub async fn release_hosts(
        &self,
        caller: &Caller,
        hosts: Vec<KeptCertificate>,
    ) -> Result<Vec<HostRelease>, ServiceError> {
        let mut judged = Vec::with_capacity(hosts.len());
        for kept in hosts {
            judged.push(self.judge_release(caller, kept).await?);
        }
        let entry = caller.did(Action::HostReleased, self.base.time.now());
        Ok(self.base.store.release_hosts(ReleaseHosts { hosts: judged, entry }).await?)
    }

    /// Checks that roles, name, cluster and policy of the host are within the caller's limits: they count again (I5). The transaction
    /// then releases the judged revision alone. An unknown host is refused later.
    async fn judge_release(
        &self,
        caller: &Caller,
        kept: KeptCertificate,
    ) -> Result<KeptCertificate, ServiceError> {
        if is_unlimited(caller) {
            return Ok(kept);
        }
        let Some(host) = self.base.store.host(kept.host).await? else { return Ok(kept) };
        judge_host(caller, &host)?;
        Ok(judged_revision(kept, host.revision)?)
    }
}

/// The order for the judged revision of the host. A caller that saw another one is refused now: the host could reach that
/// revision before the transaction, with facts that nobody judged.
fn judged_revision(kept: KeptCertificate, judged: u64) -> Result<KeptCertificate, RequestError> {
    match kept.revision {
        Some(seen) if seen != judged => Err(RequestError::Stale),
        _ => Ok(KeptCertificate { revision: Some(judged), ..kept }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::{HostId, Serial};

    #[test]
    fn i5_only_the_judged_revision_is_released() {
        let host = HostId::with(Timestamp::from_secs(1), &[1; 10]);
        let kept = |revision| KeptCertificate { host, serial: Serial::generate(), revision };
        let judged = |revision| judged_revision(kept(revision), 7).map(|kept| kept.revision);
        for seen in [None, Some(7)] {
            assert_eq!(judged(seen), Ok(Some(7)));
        }
        for stale in [0, 6, 8] {
            assert_eq!(judged(Some(stale)), Err(RequestError::Stale));
        }
    }
}
