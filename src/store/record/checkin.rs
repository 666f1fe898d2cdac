//! Check-ins of hosts.

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::PolicyId;
use crate::name::Labels;
use crate::wire::HostHealth;

/// The newest check-in of a host, in its own words: unverified.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = HostCheckIn)]
pub struct CheckIn {
    /// Time of the check-in; up to a minute late.
    pub at: Timestamp,
    /// Version of the program that checked in.
    #[schema(example = "0.3.0")]
    pub version: String,
    /// State of the host.
    pub status: HostHealth,
    /// The cause of the state, for people; may be empty.
    #[schema(example = "the disk is nearly full")]
    pub message: String,
    /// Labels of the host.
    pub labels: Labels,
    /// The policy that the host had.
    #[schema(required)]
    pub policy: Option<PolicyId>,
    /// Number of its revision.
    #[schema(required, minimum = 1, example = 3)]
    pub policy_revision: Option<u64>,
}
