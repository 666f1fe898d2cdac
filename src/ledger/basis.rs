//! The database records that the caller's rights were read from.

use crate::id::{ApiKeyId, SessionId};

/// The database records that the caller's rights were read from. The store writes an entry only if they are unchanged: a role
/// may have been taken away between the reading and the transaction. The stored entry does not contain the basis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A user.
    User {
        /// The name.
        name: String,
        /// The epoch in which the user was proven.
        epoch: u64,
        /// The version of the user's rights.
        version: u64,
        /// The session that proved the user, if one did.
        session: Option<SessionId>,
    },
    /// An API key.
    ApiKey {
        /// The key.
        id: ApiKeyId,
        /// Its owner, and the version of the owner's rights, if it has one.
        owner: Option<(String, u64)>,
    },
}
