//! The verbs about policies.

use super::RecordMint;
use crate::admission::PolicyTerms;
use crate::id::PolicyId;
use crate::ledger::Draft;
use crate::store::Policy;

/// Maximum number of policies, which memory keeps.
pub const MOST_POLICIES: u32 = 1000;

/// Number of revisions that are kept of a policy, the current one included.
pub const KEPT_REVISIONS: u64 = 100;

/// See [`Verbs::create_policy`](crate::store::Verbs::create_policy).
pub struct CreatePolicy {
    /// The policy at its first revision.
    pub policy: Policy,
    /// Its first token.
    pub first: Option<RecordMint>,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::change_policy`](crate::store::Verbs::change_policy). The entry's time and actor are those of the revision.
pub struct ChangePolicy {
    /// Id of the policy.
    pub policy: PolicyId,
    /// The revision that was judged.
    pub revision: u64,
    /// New terms of the policy.
    pub terms: PolicyTerms,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::delete_policy`](crate::store::Verbs::delete_policy). [`RevokeDue`](crate::store::RevokeDue) revokes its live tokens.
pub struct DeletePolicy {
    /// Id of the policy.
    pub policy: PolicyId,
    /// The revision that was judged.
    pub revision: u64,
    /// The entry; the store adds the number of tokens.
    pub entry: Draft,
}
