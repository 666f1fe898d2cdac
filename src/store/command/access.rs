//! The verbs about users and API keys.

use std::net::IpAddr;
use std::sync::Arc;

use crate::access::{Limits, UserRole};
use crate::clock::Timestamp;
use crate::id::{ApiKeyId, SessionId};
use crate::ledger::Draft;
use crate::name::UserName;
use crate::secret::Secret;
use crate::store::{ApiKeyRecord, UserRecord};

/// Maximum number of known addresses of a user: those of the latest sign-ins.
pub const MOST_KNOWN_ADDRESSES: u32 = 16;

/// How many API keys one user may own, and how many may belong to nobody: whoever may make keys must not fill the database.
pub const MOST_API_KEYS: u32 = 1000;

/// See [`Command::SetPassword`](super::Command::SetPassword). It begins a new epoch and ends the user's sessions.
pub struct SetPassword {
    /// The user.
    pub user: String,
    /// The argon2id hash of the password, in PHC string form.
    pub hash: Secret<String>,
    /// When.
    pub at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::CreateUser`](super::Command::CreateUser).
pub struct CreateUser {
    /// The name.
    pub user: UserName,
    /// The argon2id hash of the password, in PHC string form.
    pub hash: Secret<String>,
    /// What the user is for.
    pub role: UserRole,
    /// How far the user's acts may go.
    pub limits: Limits,
    /// When.
    pub at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::ChangeUser`](super::Command::ChangeUser). Disabling begins a new epoch and ends the user's sessions.
pub struct ChangeUser {
    /// The user as the change was judged upon; if the row says something else by now, nothing is changed.
    pub before: UserRecord,
    /// What the user is for from now on.
    pub role: UserRole,
    /// How far the user's acts may go from now on.
    pub limits: Limits,
    /// Whether the user may do nothing from now on.
    pub disabled: bool,
    /// When.
    pub at: Timestamp,
    /// The entries: one for role and limits, one for the standing, as far as they change.
    pub entries: Vec<Draft>,
}

/// See [`Command::ReplacePassword`](super::Command::ReplacePassword). It begins a new epoch and ends the user's sessions, but
/// for the one that is kept.
pub struct ReplacePassword {
    /// The user as the change was judged upon; if the row says something else by now, nothing is changed.
    pub before: UserRecord,
    /// The argon2id hash of the password, in PHC string form.
    pub hash: Arc<Secret<String>>,
    /// A session of the user that goes on in the new epoch: the one that asks.
    pub keep: Option<SessionId>,
    /// When.
    pub at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::SignOutUser`](super::Command::SignOutUser).
pub struct SignOutUser {
    /// The user.
    pub user: UserName,
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::DeleteUser`](super::Command::DeleteUser).
pub struct DeleteUser {
    /// The user.
    pub user: UserName,
    /// Revoke what the user and their API keys minted and is live.
    pub revoke_tokens: bool,
    /// When.
    pub at: Timestamp,
    /// The entry; the store adds the API keys, and how many tokens ended.
    pub entry: Draft,
}

/// See [`Command::KnowAddress`](super::Command::KnowAddress). It makes no entry. A user that is gone is passed over.
pub struct KnowAddress {
    /// The user's name.
    pub user: String,
    /// The [site](crate::access::address::site) of the address.
    pub site: IpAddr,
    /// The time of the sign-in.
    pub at: Timestamp,
}

/// See [`Command::CreateApiKey`](super::Command::CreateApiKey).
pub struct CreateApiKey {
    /// The key.
    pub key: ApiKeyRecord,
    /// The SHA-256 of its secret.
    pub digest: [u8; 32],
    /// The entry.
    pub entry: Draft,
}

/// See [`Command::DeleteApiKey`](super::Command::DeleteApiKey).
pub struct DeleteApiKey {
    /// The key.
    pub key: ApiKeyId,
    /// Only a key of this owner is found.
    pub owner: Option<String>,
    /// Revoke what it minted and is live.
    pub revoke_tokens: bool,
    /// When.
    pub at: Timestamp,
    /// The entry; the store adds how many tokens ended.
    pub entry: Draft,
}

/// See [`Command::MarkApiKeysUsed`](super::Command::MarkApiKeysUsed). Keys that are gone are passed over.
pub struct MarkApiKeysUsed {
    /// Each key with its latest use.
    pub used: Vec<(ApiKeyId, Timestamp, IpAddr)>,
}
