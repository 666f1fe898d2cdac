//! Hosts that wait for a decision, and the decisions.

use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::admission::HostCredential;
use crate::clock::Timestamp;
use crate::id::{EnrollmentId, HostId, PolicyId, SpkiHash, TokenId};
use crate::name::{Cluster, DnsName, Label, Role};

/// A host that no rule admitted, and the decision about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = QueuedEnrollment)]
pub struct EnrollmentRecord {
    /// Public id, which the host shows too.
    pub id: EnrollmentId,
    /// Waiting, or the end of the wait.
    pub state: EnrollmentState,
    /// The token that the host redeems.
    #[serde(rename = "token_id")]
    pub token: TokenId,
    /// Its text for people.
    #[schema(required)]
    pub token_label: Option<Label>,
    /// Minter of the token, as an actor in the ledger; `null`: no longer known.
    #[schema(required, example = "user:admin")]
    pub minter: Option<String>,
    /// The owner of the API key that minted it.
    #[serde(skip)]
    pub minter_owner: Option<String>,
    /// The code that the host shows too: the first 8 characters of its key's RFC 7638 thumbprint.
    #[schema(example = "Xk9_2fQa")]
    pub code: String,
    /// The requested DNS name.
    #[schema(required)]
    pub name: Option<DnsName>,
    /// The cluster that the host named.
    #[schema(required)]
    pub cluster: Option<Cluster>,
    /// Roles of the token.
    pub roles: Vec<Role>,
    /// Policy of the token.
    #[schema(required)]
    pub policy: Option<PolicyId>,
    /// The credential that the host asked for.
    pub credential: HostCredential,
    /// Address of the first request; `null`: not known.
    #[schema(required, value_type = Option<String>, example = "10.1.2.3")]
    pub address: Option<IpAddr>,
    /// Time of the first request.
    pub began_at: Timestamp,
    /// End of the wait.
    pub expires_at: Timestamp,
    /// An approval or a denial; `null`: none.
    #[schema(required)]
    pub decision: Option<Decision>,
    /// The host that an approval admitted.
    #[serde(rename = "host_id")]
    #[schema(required)]
    pub host: Option<HostId>,
    /// The hash of the host's key.
    #[serde(skip)]
    pub host_key: SpkiHash,
    /// The host's key, as a DER SubjectPublicKeyInfo.
    #[serde(skip)]
    pub public_key: Vec<u8>,
    /// URL at which the host reached the server.
    #[serde(skip)]
    pub reached_url: String,
}

/// A decision about an enrollment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = EnrollmentDecision)]
pub struct Decision {
    /// Time of the decision.
    pub at: Timestamp,
    /// The approver, as an actor in the ledger.
    #[schema(example = "user:admin")]
    pub by: String,
    /// The reason of a denial.
    #[schema(required, max_length = 256)]
    pub reason: Option<String>,
}

/// The state of an enrollment.
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
pub enum EnrollmentState {
    /// A person decides.
    Waiting,
    /// The host is admitted.
    Approved,
    /// The host and its key are refused.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// The token ended before a decision.
    Ended,
}

/// The number of hosts that wait for a decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Number of enrollments that wait.
    pub count: u64,
    /// Beginning of the oldest one.
    pub oldest: Option<Timestamp>,
}
