//! The verbs about auto-approve rules.

use std::collections::BTreeSet;

use crate::admission::RuleTerms;
use crate::id::{PolicyId, RuleId};
use crate::ledger::Draft;
use crate::store::RuleRecord;

/// Maximum number of rules. Each enrollment that needs approval is judged by all of them.
pub const MOST_RULES: u32 = 1000;

/// See [`Verbs::create_rule`](crate::store::Verbs::create_rule).
pub struct CreateRule {
    /// Record of the rule, at its first revision.
    pub rule: RuleRecord,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::change_rule`](crate::store::Verbs::change_rule).
pub struct ChangeRule {
    /// Id of the rule.
    pub rule: RuleId,
    /// The revision that was judged.
    pub revision: u64,
    /// New policies of the rule; `None`: any.
    pub policies: Option<BTreeSet<PolicyId>>,
    /// New conditions of the rule.
    pub terms: RuleTerms,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::delete_rule`](crate::store::Verbs::delete_rule). The hosts that it admitted stay.
pub struct DeleteRule {
    /// Id of the rule.
    pub rule: RuleId,
    /// The revision that was judged.
    pub revision: u64,
    /// Ledger entry of the act.
    pub entry: Draft,
}
