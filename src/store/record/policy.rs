//! Policies.

use serde::Serialize;
use utoipa::ToSchema;

use crate::admission::PolicyTerms;
use crate::clock::Timestamp;
use crate::id::PolicyId;

/// A policy at one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PolicyRevision)]
pub struct Policy {
    /// Id of the policy.
    pub id: PolicyId,
    /// Number of the revision: each change begins another one.
    #[schema(minimum = 1, example = 3)]
    pub revision: u64,
    /// The decisions about its hosts.
    #[serde(flatten)]
    pub terms: PolicyTerms,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Creator of the policy, as an actor in the ledger.
    #[schema(example = "user:admin")]
    pub created_by: String,
    /// Time of the revision.
    pub updated_at: Timestamp,
    /// Author of the revision, as an actor in the ledger.
    #[schema(example = "user:admin")]
    pub updated_by: String,
}
