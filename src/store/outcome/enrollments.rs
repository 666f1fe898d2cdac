//! The outcomes of verbs about hosts that wait for a decision.

use super::KeyRefusal;
use crate::store::EnrollmentState;

/// Outcome of a decision about an enrollment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deciding {
    /// It is decided now.
    Done,
    /// It no longer waits: this is its state. Nothing changed.
    Over(EnrollmentState),
    /// The key is refused under every token. Nothing changed.
    Key(KeyRefusal),
    /// The key was denied in another enrollment. Nothing changed.
    KeyDenied {
        /// The reason of the denial.
        reason: String,
    },
    /// The name was taken while the host waited. Nothing changed.
    NameTaken,
    /// The node limit leaves no slot. Nothing changed.
    NodeLimit,
    /// The policy of the token is not as it was judged. Nothing changed.
    FactsChanged,
    /// It does not exist. Nothing changed.
    Unknown,
}
