//! Users and API keys.

use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Limits, Rights, Scope, UserRole};
use crate::clock::Timestamp;
use crate::id::ApiKeyId;
use crate::name::{Label, UserName};

/// A user, without the password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserRecord {
    /// User name, which never changes.
    #[schema(value_type = UserName)]
    #[serde(rename = "username")]
    pub name: String,
    /// User role.
    pub role: UserRole,
    /// Limits of the user's acts.
    pub limits: Limits,
    /// Number of the user's epoch. A new password, disabling and signing out everywhere begin another one. Proofs and sessions of an
    /// earlier epoch are void.
    #[serde(skip)]
    pub epoch: u64,
    /// Version of the user's rights. A change of role, limits, state or epoch begins another one. An act that was allowed by an earlier
    /// version is not written.
    #[serde(skip)]
    pub version: u64,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the last change of the password.
    #[serde(rename = "password_set_at")]
    pub changed_at: Timestamp,
    /// Time at which the user was disabled.
    #[schema(required)]
    pub disabled_at: Option<Timestamp>,
}

/// The terms of an API key: the order and the record state the same ones.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiKeyTerms {
    /// The name that people see.
    pub label: Label,
    /// The scopes, each once.
    pub scopes: Vec<Scope>,
    /// The bounds of its acts.
    pub limits: Limits,
    /// Expiry; `null`: until deleted.
    #[schema(required)]
    pub expires_at: Option<Timestamp>,
    /// Audience of the tokens that the key introspects and verifies; `null`: any.
    #[schema(required, example = "https://jobs.example.org")]
    pub audience: Option<String>,
}

impl ApiKeyTerms {
    /// The rights that the key has as far as its owner has them.
    pub fn rights(&self) -> Rights {
        let audience = self.audience.clone();
        Rights { audience, ..Rights::of_scopes(&self.scopes, self.limits.clone()) }
    }
}

/// An API key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ApiKeyRecord {
    /// The key's id.
    pub id: ApiKeyId,
    /// The terms that its order stated.
    #[serde(flatten)]
    pub terms: ApiKeyTerms,
    /// Owner, within whose rights the key stays; `null`: the authority.
    #[schema(required, example = "ops")]
    pub owner: Option<String>,
    /// Creator of the key, as an actor in the ledger.
    #[schema(example = "user:admin")]
    pub creator: String,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Time of the restore that suspended it, until it is released.
    #[schema(required)]
    pub suspended_at: Option<Timestamp>,
    /// Time and address of the last use, as far as they are written already.
    #[serde(skip)]
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
