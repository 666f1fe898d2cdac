//! What somebody's rights were read from.

use crate::id::ApiKeyId;

/// What the rights were read from of who does something. The store writes an entry only if that still is so: between the
/// reading and the transaction a role may have been taken away. It is no part of the stored entry.
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
    },
    /// An API key.
    ApiKey {
        /// The key.
        id: ApiKeyId,
        /// Its owner, and the version of the owner's rights, if it has one.
        owner: Option<(String, u64)>,
    },
}
