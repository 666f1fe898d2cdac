//! The outcomes of verbs about auto-approve rules.

/// Outcome of creating a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleCreation {
    /// The rule exists now.
    Created,
    /// There are [`MOST_RULES`](crate::store::MOST_RULES); nothing changed.
    TooMany,
}

/// Outcome of changing or deleting a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleChange {
    /// The change is done.
    Done,
    /// The rule has another revision than the one that was judged; nothing changed.
    Moved,
    /// The rule does not exist.
    Unknown,
}
