//! Hosts and their certificates.

use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::{HostId, PolicyId, Serial, SpkiHash, TokenId};
use crate::name::{Cluster, DnsName, Label, Role};
use crate::store::{CheckIn, HeldOpaqueKey};
use crate::wire::HostReport;

/// The facts of a host outside its certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HostFacts {
    /// Its DNS name; no two live hosts share one.
    #[schema(required)]
    pub name: Option<DnsName>,
    /// The cluster that it named.
    #[schema(required)]
    pub cluster: Option<Cluster>,
    /// Roles of the next certificate.
    pub roles: Vec<Role>,
    /// The policy of its next certificate.
    #[schema(required)]
    pub policy: Option<PolicyId>,
}

/// An enrolled machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HostRecord {
    /// Public id of the host.
    pub id: HostId,
    /// Name, cluster, roles and policy.
    #[serde(flatten)]
    pub facts: HostFacts,
    /// The policy for people.
    #[schema(required)]
    pub policy_name: Option<Label>,
    /// Label from an administrator.
    #[schema(required)]
    pub label: Option<Label>,
    /// Token of the enrollment.
    #[serde(rename = "token_id")]
    pub token: TokenId,
    /// Label of the enrollment's token.
    #[schema(required)]
    pub token_label: Option<Label>,
    /// Facts that the host reported of itself: unverified. `null`: none.
    #[schema(required)]
    pub reported: Option<Reported>,
    /// Time of the enrollment.
    pub enrolled_at: Timestamp,
    /// Time of the revocation.
    #[schema(required)]
    pub revoked_at: Option<Timestamp>,
    /// The quarantine: two machines renewed with certificates of the host. `null`: none.
    #[schema(required)]
    pub quarantine: Option<Quarantine>,
    /// The newest certificate.
    #[serde(rename = "certificate")]
    pub newest: CertificateRecord,
    /// True if the host has presented the newest certificate.
    #[schema(example = true)]
    #[serde(rename = "certificate_seen")]
    pub newest_seen: bool,
    /// The last contact.
    #[serde(flatten)]
    pub contact: Contact,
    /// The newest check-in; `null`: none.
    #[schema(required)]
    pub checkin: Option<CheckIn>,
    /// The opaque key that the host has beside its certificate; `null`: none.
    #[schema(required)]
    pub opaque_key: Option<HeldOpaqueKey>,
    /// URL at which the host last enrolled, renewed, checked in or asked for its identity; `null`: not known.
    #[schema(required, format = "uri", example = "https://gate.example.org")]
    pub reached_url: Option<String>,
    /// Serial number of the certificate before the newest.
    #[serde(skip)]
    pub previous: Option<Serial>,
    /// Time of the last move to another policy.
    #[serde(skip)]
    pub moved_at: Option<Timestamp>,
    /// Number of the host's state: the changes by administrators, and its quarantines.
    #[serde(skip)]
    pub revision: u64,
}

/// A host in quarantine. One machine holds the newest certificate, and another one renewed with an older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HostQuarantine)]
pub struct Quarantine {
    /// Time of the renewal that conflicted.
    pub at: Timestamp,
    /// Serial number of the superseded certificate that renewed. The host's last contact was with the newest one.
    pub serial: Serial,
    /// Address of that renewal; `null`: not known.
    #[schema(required, value_type = Option<String>, example = "192.0.2.9")]
    pub from: Option<IpAddr>,
}

/// The newest report of a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = HostReport)]
pub struct Reported {
    /// The facts.
    #[serde(flatten)]
    pub report: HostReport,
    /// Time of the report.
    pub at: Timestamp,
}

/// The last contact of a host: it enrolled, renewed, checked in or asked for its identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = LastContact)]
pub struct Contact {
    /// Time of the last enrollment, renewal, check-in or request for the identity; up to a minute late.
    #[serde(rename = "last_seen_at")]
    pub at: Timestamp,
    /// Address of the host at that time; `null`: not known.
    #[schema(required, value_type = Option<String>, example = "192.0.2.7")]
    #[serde(rename = "last_seen_from")]
    pub from: Option<IpAddr>,
}

/// The state of a host: the last of these that holds. Every list and filter uses these words.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    ToSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HostState {
    /// The newest certificate is valid.
    Active,
    /// The newest certificate is valid, and the host should have renewed it.
    Expiring,
    /// The newest certificate has expired.
    Lapsed,
    /// Two machines renewed with certificates of the host. Both are refused until an administrator decides.
    Quarantined,
    /// The host is revoked.
    Revoked,
}

impl HostState {
    /// The states of hosts with a valid certificate.
    pub const LIVE: [Self; 2] = [Self::Active, Self::Expiring];

    /// The states of hosts that can be revoked.
    pub const NOT_REVOKED: [Self; 4] = [Self::Active, Self::Expiring, Self::Lapsed, Self::Quarantined];
}

impl HostRecord {
    /// Returns true if the certificate may renew: it is the newest, or the one before while the newest was never seen.
    pub fn is_current(&self, serial: Serial) -> bool {
        serial == self.newest.serial || (self.previous == Some(serial) && !self.newest_seen)
    }

    /// Returns true if the host was moved to another policy after its newest certificate was signed.
    pub fn has_former_policy(&self) -> bool {
        self.moved_at.is_some_and(|moved_at| moved_at > self.newest.issued_at)
    }

    /// Returns the state at `now`.
    pub fn state(&self, now: Timestamp) -> HostState {
        match self.revoked_at {
            Some(_) => HostState::Revoked,
            None if self.quarantine.is_some() => HostState::Quarantined,
            None if self.newest.not_after <= now => HostState::Lapsed,
            None if self.newest.renew_after() <= now => HostState::Expiring,
            None => HostState::Active,
        }
    }
}

/// The facts of a certificate outside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Certificate)]
pub struct CertificateRecord {
    /// Its serial number.
    pub serial: Serial,
    /// Hash of the certified key.
    #[serde(skip)]
    pub host_key: SpkiHash,
    /// Time of the signature.
    pub issued_at: Timestamp,
    /// Its notAfter.
    #[serde(rename = "expires_at")]
    pub not_after: Timestamp,
    /// Time of the renewal by the policy under which it was signed.
    #[serde(skip)]
    pub due_at: Option<Timestamp>,
}

impl CertificateRecord {
    /// Returns the time at which a host should renew. Without a policy it is two thirds into the life of its certificate.
    pub fn renew_after(self) -> Timestamp {
        let Self { issued_at, not_after, due_at, .. } = self;
        due_at.unwrap_or_else(|| issued_at.plus(not_after.since(issued_at) * 2 / 3).whole_second())
    }
}

/// A certificate with the host it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCertificate {
    /// Id of the host.
    pub host: HostId,
    /// Facts of the certificate.
    pub record: CertificateRecord,
    /// The certificate, DER.
    pub der: Vec<u8>,
}

/// A revoked certificate, as a CRL lists it (RFC 5280 section 5.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number.
    pub serial: Serial,
    /// Moment of its revocation.
    pub revoked_at: Timestamp,
    /// Reason of its revocation.
    pub reason: RevocationReason,
}

/// Reason of a certificate's revocation (the CRLReason of RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationReason {
    /// The host was revoked: cessationOfOperation.
    HostRevoked,
    /// A role was removed: privilegeWithdrawn.
    RolesChanged,
    /// Its name is the authority's: privilegeWithdrawn. The host may still renew with it.
    NameWithdrawn,
    /// The host was enrolled again with another certificate: superseded.
    Reenrolled,
    /// An administrator gave the host another certificate in its place: superseded.
    Replaced,
}
