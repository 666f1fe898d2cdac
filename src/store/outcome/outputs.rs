//! The outcomes of verbs about outputs and the keys of the seal.

use crate::id::OutputId;

/// Outcome of creating an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputCreation {
    /// The output exists now.
    Created,
    /// There are [`MOST_OUTPUTS`](crate::store::MOST_OUTPUTS); nothing changed.
    TooMany,
    /// Another output has the name; nothing changed.
    NameTaken,
    /// Another key seals now; nothing changed.
    KeyGone,
}

/// Outcome of changing an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputChange {
    /// The change is done.
    Done,
    /// The output has another revision than the one that was judged; nothing changed.
    Moved,
    /// Another output has the name; nothing changed.
    NameTaken,
    /// Another key seals now; nothing changed.
    KeyGone,
    /// The output does not exist.
    Unknown,
}

/// Outcome of deleting an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputDeletion {
    /// The output is deleted, with its secrets.
    Deleted,
    /// Policies have it; nothing changed.
    InUse {
        /// Number of these policies.
        policies: u64,
    },
    /// The output has another revision than the one that was judged; nothing changed.
    Moved,
    /// The output does not exist.
    Unknown,
}

/// Outcome of a rotation of the seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SealRotation {
    /// Every secret is sealed with the new key. The others are retired.
    Done {
        /// Number of the secrets.
        secrets: u64,
    },
    /// A secret cannot be opened; nothing changed.
    Unreadable {
        /// Id of its output.
        output: OutputId,
        /// Name of its field.
        field: String,
    },
}
