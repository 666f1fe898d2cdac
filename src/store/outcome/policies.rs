//! The outcomes of verbs about policies.

use crate::id::OutputId;

/// Outcome of creating a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyCreation {
    /// The policy exists now, and its first token.
    Created,
    /// There are [`MOST_POLICIES`](crate::store::MOST_POLICIES); nothing changed.
    TooMany,
    /// Another policy has the name; nothing changed.
    NameTaken,
    /// The key that signed the first token signs no longer; nothing changed.
    KeyGone,
    /// The output does not exist; nothing changed.
    NoOutput(OutputId),
}

/// Outcome of changing a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyChange {
    /// The change is done.
    Done,
    /// The policy has another revision than the one that was judged; nothing changed.
    Moved,
    /// Another policy has the name; nothing changed.
    NameTaken,
    /// The output does not exist; nothing changed.
    NoOutput(OutputId),
    /// The policy does not exist.
    Unknown,
}

/// Outcome of deleting a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyDeletion {
    /// The policy is deleted, with its revisions.
    Deleted {
        /// Number of live tokens that are due, so that they admit no host any longer.
        tokens: u64,
    },
    /// Hosts that are not revoked have it; nothing changed.
    InUse {
        /// Number of these hosts.
        hosts: u64,
    },
    /// The policy has another revision than the one that was judged; nothing changed.
    Moved,
    /// The policy does not exist.
    Unknown,
}
