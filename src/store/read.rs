//! Reading, a small trait per noun. A point read costs a few microseconds; a list runs off the caller's thread.

use std::net::IpAddr;

use super::Answer;
use super::listing::*;
use super::outcome::{KeyNeed, Pair};
use super::record::*;
use crate::clock::Timestamp;
use crate::id::{ApiKeyId, ChainId, HostId, SessionId, SpkiHash, TokenId};
use crate::name::{DnsName, Role, UserName};
use crate::secret::Secret;

/// Reading tokens.
pub trait Tokens {
    /// The pair of a token and a key, if they redeemed: one point read.
    fn pair(&self, token: TokenId, key: SpkiHash) -> Answer<'_, Option<Pair>>;

    /// One token.
    fn token(&self, token: TokenId) -> Answer<'_, Option<TokenRecord>>;

    /// A page of tokens, newest first.
    fn list_tokens(
        &self,
        filter: TokenFilter,
        page: PageQuery<TokenId>,
    ) -> Answer<'_, Page<TokenRecord, TokenId>>;

    /// When the next of the tokens that were rotated is to be revoked: a point read.
    fn next_due_revocation(&self) -> Answer<'_, Option<Timestamp>>;

    /// Every live persistent token with its roles, oldest first: unrevoked, unexpired at `now`.
    fn list_persistent(&self, now: Timestamp) -> Answer<'_, Vec<(TokenId, Vec<Role>)>>;

    /// The emergency token, if it is live.
    fn emergency_token(&self) -> Answer<'_, Option<TokenRecord>>;

    /// How many live persistent tokens each key that is not retired still has to verify.
    fn key_needs(&self, now: Timestamp) -> Answer<'_, Vec<KeyNeed>>;
}

/// Reading hosts.
pub trait Hosts {
    /// One host: a point read.
    fn host(&self, host: HostId) -> Answer<'_, Option<HostRecord>>;

    /// A page of hosts, newest first.
    fn list_hosts(&self, filter: HostFilter, page: PageQuery<HostId>)
    -> Answer<'_, Page<HostRecord, HostId>>;

    /// How many hosts that are not revoked these tokens have admitted.
    fn count_live_hosts(&self, tokens: Vec<TokenId>) -> Answer<'_, u64>;

    /// Whether the key belongs, or once belonged, to a host that is revoked: a point read.
    fn key_of_revoked_host(&self, key: SpkiHash) -> Answer<'_, bool>;

    /// Whether a live host holds the name or the authority ever answered to it: a point read.
    fn name_taken(&self, name: DnsName) -> Answer<'_, bool>;

    /// Every revoked certificate that has not expired at `now`, for a CRL.
    fn revoked_certificates(&self, now: Timestamp) -> Answer<'_, Vec<RevokedCertificate>>;
}

/// Reading the ledger.
pub trait Entries {
    /// The current chain.
    fn chain(&self) -> Answer<'_, ChainId>;

    /// The newest entries of the current chain, newest first, before `before` if given.
    fn newest_entries(&self, before: Option<u64>, limit: u32) -> Answer<'_, Vec<EntryRecord>>;

    /// Entries of a chain in order, after `seq`.
    fn entries_after(&self, chain: ChainId, seq: u64, limit: u32) -> Answer<'_, Vec<EntryRecord>>;

    /// The seq and hash of the last entry, as the writer keeps them beside the entries.
    fn chain_head(&self) -> Answer<'_, (u64, [u8; 32])>;
}

/// Reading users and API keys.
pub trait Accounts {
    /// A user: a point read.
    fn user(&self, name: String) -> Answer<'_, Option<UserRecord>>;

    /// A user's password hash, in PHC string form.
    fn password_hash(&self, user: String) -> Answer<'_, Option<Secret<String>>>;

    /// A page of users, by name.
    fn list_users(&self, page: PageQuery<UserName>) -> Answer<'_, Page<UserRecord, UserName>>;

    /// An API key with its owner: one point read.
    fn api_key(&self, key: ApiKeyId) -> Answer<'_, Option<StoredApiKey>>;

    /// The time of the user's latest recorded sign-in at this site: a point read.
    fn known_address(&self, user: String, site: IpAddr) -> Answer<'_, Option<Timestamp>>;

    /// A page of API keys, newest first: all, or those of one owner.
    fn list_api_keys(
        &self,
        owner: Option<String>,
        page: PageQuery<ApiKeyId>,
    ) -> Answer<'_, Page<ApiKeyRecord, ApiKeyId>>;
}

/// Reading what the authority is made of.
pub trait Administration {
    /// The signing keys that are not retired.
    fn keys(&self) -> Answer<'_, Vec<KeyRecord>>;

    /// The status lists.
    fn lists(&self) -> Answer<'_, Vec<ListRecord>>;

    /// The external URLs that are not retired.
    fn issuers(&self) -> Answer<'_, Vec<IssuerRecord>>;

    /// The settings that were changed at run time.
    fn settings(&self) -> Answer<'_, Vec<SettingRecord>>;

    /// The clock mark; `None` before the authority was founded.
    fn clock_mark(&self) -> Answer<'_, Option<Timestamp>>;
}

/// Reading sessions.
pub trait Sessions {
    /// A session and its user: one point read. `None` if it is of an earlier epoch of the user's, or there is none.
    fn session(&self, id: SessionId) -> Answer<'_, Option<(SessionRecord, UserRecord)>>;

    /// How many sessions a user has, those included that are over and not collected yet.
    fn count_sessions(&self, user: String) -> Answer<'_, u64>;
}
