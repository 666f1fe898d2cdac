//! Hosts and their certificates.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::id::{HostId, Serial, SpkiHash, TokenId};
use crate::name::{Cluster, DnsName, Role};

/// The facts of a new host that its certificate does not state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHost {
    /// The DNS name it may use; no two live hosts share one.
    pub name: Option<DnsName>,
    /// The cluster it named.
    pub cluster: Option<Cluster>,
    /// Its roles.
    pub roles: Vec<Role>,
}

/// A host as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRecord {
    /// Its id.
    pub id: HostId,
    /// The DNS name it may use.
    pub name: Option<DnsName>,
    /// The cluster it named.
    pub cluster: Option<Cluster>,
    /// Its roles from the next certificate on.
    pub roles: Vec<Role>,
    /// The token that admitted it.
    pub token: TokenId,
    /// When it was admitted.
    pub enrolled_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Its newest certificate.
    pub newest: CertificateRecord,
    /// Whether the newest certificate has been used.
    pub newest_seen: bool,
    /// The serial of the certificate before the newest.
    pub previous: Option<Serial>,
}

/// The state of a host: one vocabulary for every list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// Its newest certificate is good.
    Live,
    /// Its newest certificate has expired.
    Expired,
    /// It was shut out.
    Revoked,
}

impl HostState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Live, Self::Expired, Self::Revoked];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl HostRecord {
    /// The state at `now`: revoked before expired.
    pub fn state(&self, now: Timestamp) -> HostState {
        match self.revoked_at {
            Some(_) => HostState::Revoked,
            None if self.newest.not_after <= now => HostState::Expired,
            None => HostState::Live,
        }
    }
}

/// What is known of a certificate without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Its serial number.
    pub serial: Serial,
    /// The key it certifies.
    pub host_key: SpkiHash,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// Its notAfter.
    pub not_after: Timestamp,
}

/// A certificate with the host it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCertificate {
    /// The host.
    pub host: HostId,
    /// What is known of it.
    pub record: CertificateRecord,
    /// The certificate, DER.
    pub der: Vec<u8>,
}

/// A revoked certificate, as a CRL lists it (RFC 5280 section 5.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number.
    pub serial: Serial,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Its notAfter: from then on no CRL needs it.
    pub not_after: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a certificate was revoked (the CRLReason of RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationReason {
    /// The host was revoked: cessationOfOperation.
    HostRevoked,
    /// A role was taken away: privilegeWithdrawn.
    RolesChanged,
}
