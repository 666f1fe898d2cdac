//! The host of a certificate, checked on every request. The handshake has checked only the chain.

use crate::access::Actor;
use crate::ca::BACKDATED;
use crate::clock::Timestamp;
use crate::host_certificate::HostPeer;
use crate::id::HostId;
use crate::ledger::{Action, Subjects};
use crate::name::{DnsName, Role};
use crate::service::verification::Authenticator;
use crate::service::{Caller, HostError, ServiceError};
use crate::store::{AppendEntries, CertificateRecord, HostRecord, MarkSeen};

/// An authenticated host.
#[derive(Clone, Debug)]
pub struct HostCaller {
    /// The host.
    pub id: HostId,
    /// The presented certificate. The host proved to hold its key.
    pub certificate: CertificateRecord,
    /// The roles in that certificate.
    pub roles: Vec<Role>,
    /// The DNS name in that certificate.
    pub name: Option<DnsName>,
    /// The host's record.
    pub record: HostRecord,
}

/// The use of a presented certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CertificateUse {
    /// Any request.
    Any,
    /// Renewing it.
    Renewal,
}

impl Authenticator {
    /// Returns the host that presented `certificate` (DER). The handshake has checked its chain.
    ///
    /// # Errors
    /// It is not a host certificate, it has expired, or its successor is in use. It, its host or its key is revoked.
    pub async fn identify(&self, caller: &Caller, certificate: &[u8]) -> Result<HostCaller, ServiceError> {
        self.identify_for(CertificateUse::Any, caller, certificate).await
    }

    /// Returns the host that presented `certificate` to renew it. It may be revoked for its name: the next one is without.
    ///
    /// # Errors
    /// As [`Authenticator::identify`].
    pub async fn identify_to_renew(
        &self,
        caller: &Caller,
        certificate: &[u8],
    ) -> Result<HostCaller, ServiceError> {
        self.identify_for(CertificateUse::Renewal, caller, certificate).await
    }

    async fn identify_for(
        &self,
        usage: CertificateUse,
        caller: &Caller,
        certificate: &[u8],
    ) -> Result<HostCaller, ServiceError> {
        let identity = HostPeer::parse(certificate).ok_or(HostError::NoCertificate)?;
        let now = self.base.time.now();
        let revocations = self.base.store.revocations();
        if revocations.host_revoked(identity.host) {
            return Err(HostError::Revoked.into());
        }
        if revocations.certificate_revoked(identity.serial) {
            match self.base.store.lost_its_name(identity.serial).await? {
                true if usage == CertificateUse::Renewal => {}
                true => return Err(HostError::NameWithdrawn.into()),
                false => return Err(HostError::CertificateRevoked.into()),
            }
        }
        if identity.not_after <= now {
            return Err(HostError::NoCertificate.into());
        }
        if self.cas.load().has_revoked_issuer(certificate) {
            return Err(HostError::IssuerRevoked.into());
        }
        // One key may be in the certificates of several hosts: it redeemed several tokens.
        if self.base.store.key_of_revoked_host(identity.host_key).await? {
            return Err(HostError::Revoked.into());
        }
        let record = self.base.store.host(identity.host).await?.ok_or(HostError::Revoked)?;
        self.judge_lineage(caller, &identity, &record, now).await?;
        let HostPeer { host: id, serial, roles, dns_name: name, not_before, not_after, host_key, .. } =
            identity;
        let issued_at = not_before.plus(BACKDATED);
        let certificate = CertificateRecord { serial, host_key, issued_at, not_after };
        Ok(HostCaller { id, certificate, roles, name, record })
    }

    /// Accepts the newest certificate of a host, and the previous one until the newest has been used.
    async fn judge_lineage(
        &self,
        caller: &Caller,
        identity: &HostPeer,
        record: &HostRecord,
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        if identity.serial == record.newest.serial {
            if !record.newest_seen {
                // A store that cannot be written must not lock hosts out. The next request tries again.
                if let Err(error) =
                    self.base.store.mark_seen(MarkSeen { host: record.id, serial: identity.serial }).await
                {
                    tracing::warn!(host = %record.id, %error, "the first use of a certificate could not be marked");
                }
            }
            return Ok(());
        }
        if Some(identity.serial) == record.previous && !record.newest_seen {
            return Ok(());
        }
        metrics::counter!("gatepass_lineage_conflicts_total").increment(1);
        if self.conflicts.first_in_a_minute(record.id, now) {
            tracing::error!(host = %record.id, serial = %identity.serial, "lineage conflict: two machines hold one identity");
            let subjects = Subjects::host(record.id).with_serial(identity.serial);
            let actor = Actor::Host { id: record.id, serial: identity.serial };
            let caller = Caller { actor, ..caller.clone() };
            let entry = caller.was_refused(Action::HostRefused, now, "lineage_conflict").about(subjects);
            self.base.store.append_entries(AppendEntries { entries: vec![entry] }).await?;
        }
        Err(HostError::LineageConflict.into())
    }
}
