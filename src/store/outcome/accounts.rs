//! How the verbs about users, sessions and API keys can end.

/// How creating a user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserCreation {
    /// The user is there.
    Created,
    /// The name is taken; nothing changed.
    Taken,
}

/// How a change of a user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// It is done.
    Done,
    /// The user is not as the change was judged upon: judge again. Nothing changed.
    Moved,
    /// It would leave no enabled admin without limits; nothing changed.
    LastAdmin,
    /// There is no such user.
    Unknown,
}

/// How deleting a user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserDeletion {
    /// The user is gone.
    Deleted {
        /// How many API keys went along.
        api_keys: u64,
        /// How many live tokens ended.
        tokens: u64,
    },
    /// It would leave no enabled admin without limits; nothing changed.
    LastAdmin,
    /// There is no such user.
    Unknown,
}

/// How beginning a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionBeginning {
    /// It has begun.
    Begun,
    /// The user is gone or disabled, or has begun another epoch since; nothing changed.
    UserChanged,
}

/// How creating an API key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyCreation {
    /// It is good from now on.
    Created,
    /// Its owner, or nobody, has [`MOST_API_KEYS`](crate::store::MOST_API_KEYS); nothing changed.
    TooMany,
}

/// How deleting an API key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyDeletion {
    /// It is gone.
    Deleted {
        /// How many API keys that it made went along.
        api_keys: u64,
        /// How many live tokens ended.
        tokens: u64,
    },
    /// There is no such key.
    Unknown,
}
