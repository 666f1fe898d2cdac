//! The database records that the caller's rights were read from.

use crate::id::{ApiKeyId, SessionId};

/// The database records that the caller's rights were read from. The store writes an entry only if they are unchanged: a role
/// may have been taken away between the reading and the transaction. The stored entry does not contain the basis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A user's record.
    User {
        /// User name.
        name: String,
        /// Epoch in which the user proved the password.
        epoch: u64,
        /// Version of the user's rights.
        version: u64,
        /// The session that proved the user, if one did.
        session: Option<SessionId>,
    },
    /// The record of an API key.
    ApiKey {
        /// Id of the API key.
        id: ApiKeyId,
        /// Name of its owner and version of the owner's rights; `None` if nobody owns it.
        owner: Option<(String, u64)>,
    },
}
