//! The outcomes of verbs about users, sessions and API keys.

use serde::Serialize;
use utoipa::ToSchema;

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
    Deleted(Removal),
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

/// Outcome of releasing a suspended API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyRelease {
    /// The key works again.
    Released,
    /// The key was not suspended; nothing changed.
    NotSuspended,
    /// The key does not exist.
    Unknown,
}

/// The things that end with a deleted user or API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Number of deleted API keys: those of the user, or those that the key created.
    pub api_keys: u64,
    /// Number of live tokens that are revoked.
    pub tokens: u64,
}
