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

/// Maximum number of API keys that one user owns, and of keys without an owner. A caller that may create keys must not fill the database.
pub const MOST_API_KEYS: u32 = 1000;

/// See [`Verbs::set_password`](crate::store::Verbs::set_password). It begins a new epoch and ends the user's sessions.
pub struct SetPassword {
    /// Name of the user.
    pub user: String,
    /// The argon2id hash of the password, in PHC string form.
    pub hash: Secret<String>,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::create_user`](crate::store::Verbs::create_user).
pub struct CreateUser {
    /// Name of the user.
    pub user: UserName,
    /// The argon2id hash of the password, in PHC string form.
    pub hash: Secret<String>,
    /// User role.
    pub role: UserRole,
    /// Limits of the user's acts.
    pub limits: Limits,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::change_user`](crate::store::Verbs::change_user). Disabling begins a new epoch and ends the user's sessions.
pub struct ChangeUser {
    /// The user's record when the change was allowed. If it has changed since, the verb changes nothing.
    pub before: UserRecord,
    /// New user role.
    pub role: UserRole,
    /// New limits of the user's acts.
    pub limits: Limits,
    /// True if the user is disabled.
    pub disabled: bool,
    /// The entries: one for role and limits, one for the state, as far as they change.
    pub entries: Vec<Draft>,
}

/// See [`Verbs::replace_password`](crate::store::Verbs::replace_password). It begins a new epoch and ends the user's sessions except the
/// one to keep.
pub struct ReplacePassword {
    /// The user's record when the change was allowed. If it has changed since, the verb changes nothing.
    pub before: UserRecord,
    /// The argon2id hash of the password, in PHC string form.
    pub hash: Arc<Secret<String>>,
    /// The caller's own session, which continues in the new epoch.
    pub keep: Option<SessionId>,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::sign_out_user`](crate::store::Verbs::sign_out_user).
pub struct SignOutUser {
    /// Name of the user.
    pub user: UserName,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::delete_user`](crate::store::Verbs::delete_user).
pub struct DeleteUser {
    /// Name of the user.
    pub user: UserName,
    /// True to revoke live tokens that the user and their API keys minted.
    pub revoke_tokens: bool,
    /// The entry; the store adds the API keys and the number of revoked tokens.
    pub entry: Draft,
}

/// See [`Verbs::know_address`](crate::store::Verbs::know_address). It makes no entry. A user that is gone is passed over.
pub struct KnowAddress {
    /// The user's name.
    pub user: String,
    /// The [site](crate::access::address::site) of the address.
    pub site: IpAddr,
    /// The time of the sign-in.
    pub at: Timestamp,
}

/// See [`Verbs::create_api_key`](crate::store::Verbs::create_api_key).
pub struct CreateApiKey {
    /// Record of the API key.
    pub key: ApiKeyRecord,
    /// SHA-256 of the key's secret.
    pub digest: [u8; 32],
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::delete_api_key`](crate::store::Verbs::delete_api_key).
pub struct DeleteApiKey {
    /// Id of the API key.
    pub key: ApiKeyId,
    /// The owner; a key of another owner is not found.
    pub owner: Option<String>,
    /// True to revoke live tokens that the key minted.
    pub revoke_tokens: bool,
    /// The entry; the store adds the number of revoked tokens.
    pub entry: Draft,
}

/// See [`Verbs::record_uses`](crate::store::Verbs::record_uses). Recorded moments only move forward. There is no entry, and missing keys
/// and sessions are skipped.
pub struct RecordUses {
    /// Each API key with its latest use.
    pub api_keys: Vec<(ApiKeyId, Timestamp, IpAddr)>,
    /// Each session with its latest use.
    pub sessions: Vec<(SessionId, Timestamp)>,
}
