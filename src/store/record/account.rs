//! Users and API keys.

use std::net::IpAddr;

use crate::access::{Limits, Rights, Scope, UserRole};
use crate::clock::Timestamp;
use crate::id::ApiKeyId;
use crate::name::Label;

/// A user, without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The name, which never changes.
    pub name: String,
    /// What the user is for.
    pub role: UserRole,
    /// How far the user's acts may go.
    pub limits: Limits,
    /// How often what was proven of this user has ended: by a new password, by disabling, by signing out everywhere. What
    /// is remembered of an earlier epoch counts for nothing.
    pub epoch: u64,
    /// How often what the user may do has changed: role, limits, standing, and all that begins an epoch. What was judged upon
    /// an earlier version is not written any more.
    pub version: u64,
    /// Since when.
    pub created_at: Timestamp,
    /// When the password was set.
    pub changed_at: Timestamp,
    /// Since when the user may do nothing, if so.
    pub disabled_at: Option<Timestamp>,
}

/// The terms of an API key: the order and the record state the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyTerms {
    /// The label.
    pub label: Label,
    /// The scopes, each once.
    pub scopes: Vec<Scope>,
    /// The bounds of its acts.
    pub limits: Limits,
    /// The key's expiry; `None` = until it is deleted.
    pub expires_at: Option<Timestamp>,
}

impl ApiKeyTerms {
    /// The rights that the key has as far as its owner has them.
    pub fn rights(&self) -> Rights {
        Rights::of_scopes(&self.scopes, self.limits.clone())
    }
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// The key's id.
    pub id: ApiKeyId,
    /// The terms.
    pub terms: ApiKeyTerms,
    /// The user whose rights it stays within; `None` if it was made on the server's own machine.
    pub owner: Option<String>,
    /// The actor that made it, as the ledger names actors.
    pub creator: String,
    /// The time of creation.
    pub created_at: Timestamp,
    /// The time and address of its last use, as far as they are written already.
    pub used: Option<(Timestamp, IpAddr)>,
}

/// An API key with all that its use is judged by, read at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredApiKey {
    /// The key.
    pub key: ApiKeyRecord,
    /// The SHA-256 of its secret.
    pub digest: [u8; 32],
    /// The owner, if it has one.
    pub owner: Option<UserRecord>,
}
