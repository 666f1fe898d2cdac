//! The outcomes of verbs about keys of hosts at outputs.

/// Outcome of keeping a key that a cluster made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKeeping {
    /// The host has the key.
    Kept,
    /// The host may no longer have it. It is to be invalidated, now by its id.
    Withdrawn,
    /// Another key seals now; nothing changed.
    SealGone,
}
