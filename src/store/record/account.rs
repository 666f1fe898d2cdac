//! Users and API keys.

use std::net::IpAddr;

use crate::access::{Limits, Rights, Scope, UserRole};
use crate::clock::Timestamp;
use crate::id::ApiKeyId;
use crate::name::Label;

/// A user, without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// User name, which never changes.
    pub name: String,
    /// User role.
    pub role: UserRole,
    /// Limits of the user's acts.
    pub limits: Limits,
    /// Number of the user's epoch. A new password, disabling and signing out everywhere begin another one. Proofs and sessions of an
    /// earlier epoch are void.
    pub epoch: u64,
    /// Version of the user's rights. A change of role, limits, state or epoch begins another one. An act that was allowed by an earlier
    /// version is not written.
    pub version: u64,
    /// Moment of creation.
    pub created_at: Timestamp,
    /// Moment of the last change of the password.
    pub changed_at: Timestamp,
    /// Moment at which the user was disabled.
    pub disabled_at: Option<Timestamp>,
}

/// The terms of an API key: the order and the record state the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyTerms {
    /// The name that people see.
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
    /// The terms that its order stated.
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

/// An API key with all facts that decide about its use, read at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredApiKey {
    /// Record of the key.
    pub key: ApiKeyRecord,
    /// SHA-256 of its secret.
    pub digest: [u8; 32],
    /// Record of its owner.
    pub owner: Option<UserRecord>,
}
