//! The outcomes of verbs about users, sessions and API keys.

/// Outcome of creating a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserCreation {
    /// The user exists now.
    Created,
    /// The name is taken; nothing changed.
    Taken,
}

/// Outcome of a change of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// The change is done.
    Done,
    /// The record has changed since the change was allowed: judge again. Nothing changed.
    Moved,
    /// No enabled admin without limits would remain; nothing changed.
    LastAdmin,
    /// The user does not exist.
    Unknown,
}

/// Outcome of deleting a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserDeletion {
    /// The user is deleted.
    Deleted {
        /// Number of API keys deleted with the user.
        api_keys: u64,
        /// Number of live tokens that end.
        tokens: u64,
    },
    /// No enabled admin without limits would remain; nothing changed.
    LastAdmin,
    /// The user does not exist.
    Unknown,
}

/// Outcome of beginning a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionBeginning {
    /// The session has begun.
    Begun,
    /// The user is deleted, disabled, or in another epoch; nothing changed.
    UserChanged,
}

/// Outcome of creating an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyCreation {
    /// The key is valid now.
    Created,
    /// Its owner has [`MOST_API_KEYS`](crate::store::MOST_API_KEYS), or that many keys have no owner; nothing changed.
    TooMany,
}

/// Outcome of deleting an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyDeletion {
    /// The key is deleted.
    Deleted {
        /// Number of keys created with it and deleted with it.
        api_keys: u64,
        /// Number of live tokens that end.
        tokens: u64,
    },
    /// The key does not exist.
    Unknown,
}
