//! Auto-approve rules.

use serde::Serialize;
use utoipa::ToSchema;

use crate::admission::Rule;
use crate::clock::Timestamp;

/// A rule with the record of its creation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleRecord {
    /// Id, revision and conditions.
    #[serde(flatten)]
    pub rule: Rule,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Creator of the rule, as an actor in the ledger.
    #[schema(example = "user:admin")]
    pub created_by: String,
}
