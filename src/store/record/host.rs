//! Hosts and their certificates.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::{HostId, Serial, SpkiHash, TokenId};
use crate::name::{Cluster, DnsName, Role};

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
}

/// An enrolled machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HostRecord {
    /// Public id of the host.
    pub id: HostId,
    /// Name, cluster and roles.
    #[serde(flatten)]
    pub facts: HostFacts,
    /// Token of the enrollment.
    #[serde(rename = "token_id")]
    pub token: TokenId,
    /// Time of the enrollment.
    pub enrolled_at: Timestamp,
    /// Time of the revocation.
    #[schema(required)]
    pub revoked_at: Option<Timestamp>,
    /// The newest certificate.
    #[serde(rename = "certificate")]
    pub newest: CertificateRecord,
    /// True if the host has presented the newest certificate.
    #[schema(example = true)]
    #[serde(rename = "certificate_seen")]
    pub newest_seen: bool,
    /// URL at which the host last enrolled, renewed or asked for its identity; `null`: not known.
    #[schema(required, format = "uri", example = "https://gate.example.org")]
    pub reached_url: Option<String>,
    /// Serial number of the certificate before the newest.
    #[serde(skip)]
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
    ToSchema,
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
}
