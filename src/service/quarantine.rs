//! Releasing hosts from quarantine: an administrator chooses the certificate that stays.

use super::hosts::HostAdmin;
use super::revocable::{is_unlimited, judge_host};
use super::{Caller, FieldError, HostError, RequestError, ServiceError};
use crate::id::HostId;
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
                let what =
                    "not a certificate of this host that is neither expired nor revoked: re-enroll the host";
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
    /// A host is beyond the caller's limits: no host is released. Or the store cannot be written.
    pub async fn release_hosts(
        &self,
        caller: &Caller,
        hosts: Vec<KeptCertificate>,
    ) -> Result<Vec<HostRelease>, ServiceError> {
        for kept in &hosts {
            self.may_release(caller, kept.host).await?;
        }
        let entry = caller.did(Action::HostReleased, self.base.time.now());
        Ok(self.base.store.release_hosts(ReleaseHosts { hosts, entry }).await?)
    }

    /// Checks that roles, name and cluster of the host are within the caller's limits: they count again (I5). An unknown host is
    /// refused later.
    async fn may_release(&self, caller: &Caller, id: HostId) -> Result<(), ServiceError> {
        if is_unlimited(caller) {
            return Ok(());
        }
        self.base.store.host(id).await?.map_or(Ok(()), |host| judge_host(caller, &host))
    }
}
