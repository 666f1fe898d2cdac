//! A session as the store keeps it.

use crate::access::SessionKind;
use crate::clock::Timestamp;
use crate::id::SessionId;

/// A session of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its id: the SHA-256 of its secret.
    pub id: SessionId,
    /// Whose it is.
    pub user: String,
    /// The user's epoch that it belongs to.
    pub epoch: u64,
    /// How its secret travels.
    pub kind: SessionKind,
    /// Since when.
    pub created_at: Timestamp,
    /// When it ends however much it is used.
    pub expires_at: Timestamp,
    /// When it was used last, to a minute.
    pub seen_at: Timestamp,
}
