//! The host of a certificate, checked on every request. The handshake has checked only the chain.

use crate::ca::BACKDATED;
use crate::clock::Timestamp;
use crate::host_certificate::HostPeer;
use crate::id::{CertificateThumbprint, HostId};
use crate::name::{DnsName, Role};
use crate::service::verification::Authenticator;
use crate::service::{Caller, HostError, ServiceError};
use crate::store::{CertificateRecord, HostRecord, MarkSeen};

/// An authenticated host.
#[derive(Clone, Debug)]
pub struct HostCaller {
    /// The host.
    pub id: HostId,
    /// The presented certificate. The host proved to hold its key.
    pub certificate: CertificateRecord,
    /// End of that certificate: its expiry, or the end of its overlap if it is superseded.
    pub ends_at: Timestamp,
    /// The thumbprint of that certificate.
    pub thumbprint: CertificateThumbprint,
    /// The roles in that certificate.
    pub roles: Vec<Role>,
    /// The DNS name in that certificate.
    pub name: Option<DnsName>,
    /// The host's record.
    pub record: HostRecord,
}

impl HostCaller {
    /// Returns true if an administrator changed the host's roles or its policy, and a renewal brings the change.
    pub fn has_former_terms(&self) -> bool {
        !self.has_its_roles() || self.record.has_former_policy()
    }

    /// Returns true if the certificate carries the host's present roles.
    pub fn has_its_roles(&self) -> bool {
        let now = &self.record.facts.roles;
        self.roles.iter().all(|role| now.contains(role)) && now.iter().all(|role| self.roles.contains(role))
    }
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
    /// It is not a host certificate, it has expired, or its overlap has passed. It, its host or its key is revoked.
    pub async fn identify(&self, caller: &Caller, certificate: &[u8]) -> Result<HostCaller, ServiceError> {
        self.identify_for(CertificateUse::Any, caller, certificate).await
    }

    /// Returns the host that presented `certificate` to renew it. It may be revoked for its name: the next one is without.
    ///
    /// # Errors
    /// As [`Authenticator::identify`]. A superseded certificate is a lineage conflict, also in its overlap.
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
        // The keys of a host in quarantine are refused with it.
        if let Some(refusal) = self.base.store.refused_key(identity.host_key).await? {
            return Err(HostError::from(refusal).into());
        }
        let record = self.base.store.host(identity.host).await?.ok_or(HostError::Revoked)?;
        let overlap_ends = self.judge_lineage(usage, caller, &identity, &record, now).await?;
        let ends_at = overlap_ends.map_or(identity.not_after, |end| end.min(identity.not_after));
        let HostPeer { host: id, serial, roles, dns_name: name, not_before, not_after, host_key, .. } =
            identity;
        let issued_at = not_before.plus(BACKDATED);
        let due_at = record.newest.due_at.filter(|_| serial == record.newest.serial);
        let thumbprint = CertificateThumbprint::of(certificate);
        let certificate = CertificateRecord { serial, host_key, issued_at, not_after, due_at };
        Ok(HostCaller { id, certificate, ends_at, thumbprint, roles, name, record })
    }

    /// Judges a certificate by its place in the lineage of its host. The newest and its unconfirmed predecessor do
    /// everything. A superseded one has its overlap, and cannot renew. Returns the end of that overlap.
    async fn judge_lineage(
        &self,
        usage: CertificateUse,
        caller: &Caller,
        identity: &HostPeer,
        record: &HostRecord,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, ServiceError> {
        let (host, serial) = (record.id, identity.serial);
        if record.is_current(serial) {
            if serial == record.newest.serial && !record.newest_seen {
                self.mark_seen(MarkSeen { host, serial, at: now }).await;
            }
            return Ok(None);
        }
        if usage == CertificateUse::Renewal {
            return Err(self.conflicts.alarm(caller, host, serial, now).await);
        }
        match self.base.store.superseded_at(host, serial).await? {
            Some(at) if now.since(at) < self.overlap => Ok(Some(at.plus(self.overlap))),
            _ => Err(superseded()),
        }
    }

    /// A store that cannot be written must not lock hosts out. The next request tries again.
    async fn mark_seen(&self, command: MarkSeen) {
        let host = command.host;
        if let Err(error) = self.base.store.mark_seen(command).await {
            tracing::warn!(%host, %error, "the first use of a certificate could not be marked");
        }
    }
}

/// Counts the refusal of a superseded certificate.
pub(in crate::service) fn superseded() -> ServiceError {
    metrics::counter!("gatepass_superseded_certificates_total").increment(1);
    HostError::CertificateSuperseded.into()
}
