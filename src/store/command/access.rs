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

/// See [`Verbs::set_password`](crate::store::Verbs::set_password). It begins a new epoch and ends the user's sessions.
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

/// See [`Verbs::create_user`](crate::store::Verbs::create_user).
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

/// See [`Verbs::change_user`](crate::store::Verbs::change_user). Disabling begins a new epoch and ends the user's sessions.
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

/// See [`Verbs::replace_password`](crate::store::Verbs::replace_password). It begins a new epoch and ends the user's sessions, but
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

/// See [`Verbs::sign_out_user`](crate::store::Verbs::sign_out_user).
pub struct SignOutUser {
    /// The user.
    pub user: UserName,
    /// The entry.
    pub entry: Draft,
}

/// See [`Verbs::delete_user`](crate::store::Verbs::delete_user).
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
    /// The key.
    pub key: ApiKeyRecord,
    /// The SHA-256 of its secret.
    pub digest: [u8; 32],
    /// The entry.
    pub entry: Draft,
}

/// See [`Verbs::delete_api_key`](crate::store::Verbs::delete_api_key).
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

/// See [`Verbs::record_uses`](crate::store::Verbs::record_uses). It only moves on, makes no entry, and passes over what is gone.
pub struct RecordUses {
    /// Each API key with its latest use.
    pub api_keys: Vec<(ApiKeyId, Timestamp, IpAddr)>,
    /// Each session with its latest use.
    pub sessions: Vec<(SessionId, Timestamp)>,
}
