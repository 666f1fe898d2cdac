//! The host of a certificate, checked on every request. The handshake has checked only the chain.

use std::collections::BTreeSet;

use serde_json::json;

use crate::ca::BACKDATED;
use crate::clock::Timestamp;
use crate::host_certificate::HostPeer;
use crate::id::{CertificateThumbprint, HostId};
use crate::ledger::{Action, Subjects};
use crate::name::{DnsName, Role};
use crate::service::verification::Authenticator;
use crate::service::{Caller, HostError, ServiceError};
use crate::store::{AdoptCertificate, CertificateRecord, HostRecord, MarkSeen, StoredCertificate};

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

impl HostPeer {
    /// The record of the certificate, without the time of a policy.
    fn record(&self) -> CertificateRecord {
        let Self { serial, host_key, not_before, not_after, .. } = *self;
        let issued_at = not_before.plus(BACKDATED);
        CertificateRecord { serial, host_key, issued_at, not_after, due_at: None }
    }
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
        let record = self.base.store.host(identity.host).await?.ok_or(HostError::Unknown)?;
        let record = self.after_restore(caller, (&identity, certificate), record, now).await?;
        let overlap_ends = self.judge_lineage(usage, caller, &identity, &record, now).await?;
        let ends_at = overlap_ends.map_or(identity.not_after, |end| end.min(identity.not_after));
        let presented = identity.record();
        let HostPeer { host: id, roles, dns_name: name, .. } = identity;
        let due_at = record.newest.due_at.filter(|_| presented.serial == record.newest.serial);
        let thumbprint = CertificateThumbprint::of(certificate);
        let certificate = CertificateRecord { due_at, ..presented };
        Ok(HostCaller { id, certificate, ends_at, thumbprint, roles, name, record })
    }

    /// Adopts a certificate that the host got after the backup from which the database was restored. Its issuer signed it, so the host
    /// goes on without a visit. Returns the record of the host.
    async fn after_restore(
        &self,
        caller: &Caller,
        (identity, der): (&HostPeer, &[u8]),
        record: HostRecord,
        now: Timestamp,
    ) -> Result<HostRecord, ServiceError> {
        let (host, new) = (record.id, identity.record());
        if record.is_current(new.serial) || !self.base.store.is_adoptable(host, new).await? {
            return Ok(record);
        }
        let entry = caller.did(Action::HostAdopted, now).about(Subjects::host(host).with_serial(new.serial));
        let roles = |roles: &[Role]| roles.iter().map(|role| role.to_string()).collect::<BTreeSet<_>>();
        let differ = roles(&identity.roles) != roles(&record.facts.roles);
        let entry = if differ { entry.with("certificate_roles", json!(identity.roles)) } else { entry };
        let certificate = StoredCertificate { host, record: new, der: der.to_vec() };
        self.base.store.adopt_certificate(AdoptCertificate { certificate, entry }).await?;
        Ok(self.base.store.host(host).await?.ok_or(HostError::Unknown)?)
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
