//! Hosts and their certificates.

use serde::Serialize;

use crate::clock::Timestamp;
use crate::id::{HostId, Serial, SpkiHash, TokenId};
use crate::name::{Cluster, DnsName, Role};

/// The facts of a host outside its certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// Its DNS name; no two live hosts share one.
    pub name: Option<DnsName>,
    /// The cluster that it named.
    pub cluster: Option<Cluster>,
    /// Its roles from the next certificate on.
    pub roles: Vec<Role>,
}

/// A host in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRecord {
    /// Public id of the host.
    pub id: HostId,
    /// Name, cluster and roles.
    pub facts: HostFacts,
    /// Id of the token that admitted it.
    pub token: TokenId,
    /// Moment of its redemption.
    pub enrolled_at: Timestamp,
    /// Moment of its revocation.
    pub revoked_at: Option<Timestamp>,
    /// Its newest certificate.
    pub newest: CertificateRecord,
    /// True if the newest certificate has been used.
    pub newest_seen: bool,
    /// Serial number of the certificate before the newest.
    pub previous: Option<Serial>,
}

/// The state of a host: one vocabulary for every list.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    utoipa::ToSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum HostState {
    /// The newest certificate is valid.
    Live,
    /// The newest certificate has expired.
    Expired,
    /// The host is revoked.
    Revoked,
}

impl HostRecord {
    /// Returns the state at `now`. Revoked precedes expired.
    pub fn state(&self, now: Timestamp) -> HostState {
        match self.revoked_at {
            Some(_) => HostState::Revoked,
            None if self.newest.not_after <= now => HostState::Expired,
            None => HostState::Live,
        }
    }
}

/// The facts of a certificate outside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Its serial number.
    pub serial: Serial,
    /// Hash of the certified key.
    pub host_key: SpkiHash,
    /// Moment of the signature.
    pub issued_at: Timestamp,
    /// Its notAfter.
    pub not_after: Timestamp,
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
}
