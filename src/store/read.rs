//! The reads of a store, a small trait per noun. A point read takes a few microseconds; a list runs on another thread.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::StoreFuture;
use super::listing::*;
use super::outcome::{KeyRefusal, Pair};
use super::record::*;
use crate::clock::Timestamp;
use crate::id::{
    ApiKeyId, BatchId, ChainId, EnrollmentId, HostId, IdempotencyKey, OpaqueKeyId, OutputId, PolicyId,
    RuleId, Serial, SessionId, SpkiHash, TokenId,
};
use crate::ledger::ChainHead;
use crate::name::{DnsName, Role, UserName};
use crate::secret::Secret;
use crate::token::{Grant, Verified};

/// Reads of tokens.
pub trait TokenReads {
    /// Returns the pair of a token and a key: a point read.
    fn pair(&self, token: TokenId, host_key: SpkiHash) -> StoreFuture<'_, Option<Pair>>;

    /// Returns a token: a point read.
    fn token(&self, token: TokenId) -> StoreFuture<'_, Option<TokenRecord>>;

    /// True if the authority vouches for the token at `now` and it has not ended, as redeeming judges it: a point read.
    fn is_vouched_for(&self, grant: Verified<Grant>, now: Timestamp) -> StoreFuture<'_, bool>;

    /// A page of tokens, in the order of the filter.
    fn list_tokens(
        &self,
        filter: TokenFilter,
        page: PageQuery<Position<TokenId>>,
    ) -> StoreFuture<'_, Page<TokenRecord, Position<TokenId>>>;

    /// Returns the number of stored enrollment tokens in each state. It reads every row.
    fn count_tokens(&self, now: Timestamp) -> StoreFuture<'_, Vec<(TokenState, u64)>>;

    /// Returns the number of tokens with [`TokenWarning::ExpiresSoon`] at `now`.
    fn count_expiring_tokens(&self, now: Timestamp) -> StoreFuture<'_, u64>;

    /// Returns the moment of the next due revocation: a point read.
    fn next_due_revocation(&self) -> StoreFuture<'_, Option<Timestamp>>;

    /// Returns every live persistent token with its roles, oldest first.
    fn list_persistent(&self, now: Timestamp) -> StoreFuture<'_, Vec<(TokenId, Vec<Role>)>>;

    /// Returns the live emergency token.
    fn emergency_token(&self) -> StoreFuture<'_, Option<TokenRecord>>;

    /// Returns the tokens of a batch that are still stored, oldest first.
    fn tokens_of_batch(&self, batch: BatchId) -> StoreFuture<'_, Vec<TokenId>>;

    /// Returns the record of a caller's idempotency key, unless its day is over at `now`: a point read.
    fn idempotency_record(
        &self,
        caller: String,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> StoreFuture<'_, Option<IdempotencyRecord>>;

    /// Returns each signing key that is not retired with the number of live persistent tokens that need it.
    fn key_needs(&self, now: Timestamp) -> StoreFuture<'_, Vec<(KeyRecord, u64)>>;
}

/// Reads of hosts.
pub trait HostReads {
    /// Returns a host: a point read.
    fn host(&self, host: HostId) -> StoreFuture<'_, Option<HostRecord>>;

    /// A page of hosts, in the order of the filter.
    fn list_hosts(
        &self,
        filter: HostFilter,
        page: PageQuery<Position<HostId>>,
    ) -> StoreFuture<'_, Page<HostRecord, Position<HostId>>>;

    /// Returns the number of hosts in each state. It reads every row.
    fn count_hosts(&self, now: Timestamp) -> StoreFuture<'_, Vec<(HostState, u64)>>;

    /// Returns the number of hosts that are neither revoked nor lapsed. It reads no rows but those that lapsed since the last write.
    fn enrolled(&self, now: Timestamp) -> StoreFuture<'_, u64>;

    /// The newest certificate of the newest host, DER.
    fn newest_certificate(&self) -> StoreFuture<'_, Option<Vec<u8>>>;

    /// Each URL at which live hosts last reached the server, with their number. `None`: it is not known.
    fn reached_urls(&self, now: Timestamp) -> StoreFuture<'_, Vec<(Option<String>, u64)>>;

    /// Returns the live hosts whose newest certificate was signed by the issuing CA with this subject key identifier.
    fn hosts_under(&self, ski: Vec<u8>, now: Timestamp) -> StoreFuture<'_, Vec<HostId>>;

    /// Returns the number of live hosts that these tokens admitted.
    fn count_live_hosts(&self, tokens: Vec<TokenId>) -> StoreFuture<'_, u64>;

    /// The newest certificates of a host that have not expired at `now`, DER, at most 64: a point read.
    fn certificates_of(&self, host: HostId, now: Timestamp) -> StoreFuture<'_, Vec<Vec<u8>>>;

    /// Returns the reason for which the key is refused under every token: a point read.
    fn refused_key(&self, host_key: SpkiHash) -> StoreFuture<'_, Option<KeyRefusal>>;

    /// True if the authority has or had the name, or a host that is in quarantine or did not lapse before `lapsed_before`: a point
    /// read.
    fn name_taken(&self, name: DnsName, lapsed_before: Timestamp) -> StoreFuture<'_, bool>;

    /// True if the authority has or had the name: a point read.
    fn own_name(&self, name: DnsName) -> StoreFuture<'_, bool>;

    /// Returns the live host whose newest certificate has the name: a point read.
    fn host_named(&self, name: DnsName, now: Timestamp) -> StoreFuture<'_, Option<HostId>>;

    /// Returns the first use of the certificate's successor; `None` if none was seen: a point read.
    fn superseded_at(&self, host: HostId, serial: Serial) -> StoreFuture<'_, Option<Timestamp>>;

    /// True if the host is live and got the certificate between the backup and its restore. The database does not know it, and it is later
    /// than the newest one. A point read.
    fn is_adoptable(&self, host: HostId, certificate: CertificateRecord) -> StoreFuture<'_, bool>;

    /// True if the certificate is revoked because its name is the authority's, for no other reason: a point read.
    fn lost_its_name(&self, serial: Serial) -> StoreFuture<'_, bool>;

    /// Every revoked certificate that has not expired at `now`, for a CRL.
    fn revoked_certificates(&self, now: Timestamp) -> StoreFuture<'_, Vec<RevokedCertificate>>;
}

/// Reads of entries and chains.
pub trait LedgerReads {
    /// A page of entries of all chains, newest first.
    fn list_entries(
        &self,
        filter: EntryFilter,
        page: PageQuery<u64>,
    ) -> StoreFuture<'_, Page<EntryRecord, u64>>;

    /// Entries in the order of chains and numbers, after entry `seq` of `chain`.
    fn entries_after(&self, chain: ChainId, seq: u64, limit: u32) -> StoreFuture<'_, Vec<EntryRecord>>;

    /// Returns the current chain with its last entry, which the writer keeps beside the entries: a point read.
    fn chain_head(&self) -> StoreFuture<'_, ChainHead>;

    /// Returns the chain of the entry after `seq`; the current chain if there is no such entry: a point read.
    fn chain_after(&self, seq: u64) -> StoreFuture<'_, ChainId>;

    /// Returns whether the chain is the current one or an earlier one: a point read.
    fn knows_chain(&self, chain: ChainId) -> StoreFuture<'_, bool>;

    /// Returns the counters since `since`, summed over spans of whole hours, oldest first. A span without acts has none.
    fn counters(&self, since: Timestamp, span: Duration) -> StoreFuture<'_, Vec<Counter>>;

    /// Returns the number of the last row past the head, with the head's: a point read. The writer adds both together.
    fn past_head(&self) -> StoreFuture<'_, Option<(u64, u64)>>;
}

/// Reads of users and API keys.
pub trait AccountReads {
    /// Returns a user: a point read.
    fn user(&self, name: String) -> StoreFuture<'_, Option<UserRecord>>;

    /// Returns a user's password hash, in PHC string form.
    fn password_hash(&self, user: String) -> StoreFuture<'_, Option<Secret<String>>>;

    /// A page of users, by name.
    fn list_users(&self, page: PageQuery<UserName>) -> StoreFuture<'_, Page<UserRecord, UserName>>;

    /// Returns an API key with its owner: a point read.
    fn api_key(&self, key: ApiKeyId) -> StoreFuture<'_, Option<StoredApiKey>>;

    /// Returns the time of the user's latest recorded sign-in at this site: a point read.
    fn known_address(&self, user: String, site: IpAddr) -> StoreFuture<'_, Option<Timestamp>>;

    /// A page of API keys, newest first: of all, or of one owner.
    fn list_api_keys(
        &self,
        owner: Option<String>,
        page: PageQuery<ApiKeyId>,
    ) -> StoreFuture<'_, Page<ApiKeyRecord, ApiKeyId>>;
}

/// Reads of the authority's keys, lists, URLs and settings.
pub trait AuthorityReads {
    /// The signing keys that are not retired.
    fn keys(&self) -> StoreFuture<'_, Vec<KeyRecord>>;

    /// The status lists.
    fn lists(&self) -> StoreFuture<'_, Vec<ListRecord>>;

    /// The external URLs that are not retired.
    fn issuers(&self) -> StoreFuture<'_, Vec<IssuerRecord>>;

    /// Each external URL that live persistent tokens name, with their number.
    fn issuer_needs(&self, now: Timestamp) -> StoreFuture<'_, Vec<(String, u64)>>;

    /// The SPIFFE trust domain; `None` before the first start of a version that keeps it.
    fn trust_domain(&self) -> StoreFuture<'_, Option<String>>;

    /// The settings changed at run time.
    fn settings(&self) -> StoreFuture<'_, Vec<SettingRecord>>;

    /// The clock mark; `None` before the authority was founded.
    fn clock_mark(&self) -> StoreFuture<'_, Option<Timestamp>>;

    /// Returns the moments of the founding and of the newest backup: a point read.
    fn backup_times(&self) -> StoreFuture<'_, BackupTimes>;
}

/// Reads of hosts that wait for a decision, and of the decisions.
pub trait EnrollmentReads {
    /// Returns an enrollment with its state at `now`: a point read.
    fn enrollment(&self, id: EnrollmentId, now: Timestamp) -> StoreFuture<'_, Option<EnrollmentRecord>>;

    /// Returns the enrollment that decides about a key under a token at `now`: a point read. A denial under any token comes first, then
    /// one under this token that waits, or expired without an answer to its host.
    fn enrollment_of(
        &self,
        token: TokenId,
        host_key: SpkiHash,
        now: Timestamp,
    ) -> StoreFuture<'_, Option<EnrollmentRecord>>;

    /// A page of enrollments, newest first.
    fn list_enrollments(
        &self,
        filter: EnrollmentFilter,
        page: PageQuery<EnrollmentId>,
    ) -> StoreFuture<'_, Page<EnrollmentRecord, EnrollmentId>>;

    /// Returns the number of enrollments that wait at `now`. It reads each of them.
    fn waiting(&self, now: Timestamp) -> StoreFuture<'_, Waiting>;
}

/// Reads of auto-approve rules.
pub trait RuleReads {
    /// Returns every rule, oldest first.
    fn rules(&self) -> StoreFuture<'_, Vec<RuleRecord>>;

    /// Returns a rule: a point read.
    fn rule(&self, rule: RuleId) -> StoreFuture<'_, Option<RuleRecord>>;

    /// Returns the number of hosts that a rule admitted and that hold a slot.
    fn admitted_by_rule(&self, rule: RuleId, now: Timestamp) -> StoreFuture<'_, u64>;

    /// Returns each rule that admitted a host that holds a slot, with their number. The rule may be deleted.
    fn admitted_by_rules(&self, now: Timestamp) -> StoreFuture<'_, Vec<(RuleId, u64)>>;
}

/// Reads of policies.
pub trait PolicyReads {
    /// Returns every policy, oldest first.
    fn policies(&self) -> StoreFuture<'_, Vec<Policy>>;

    /// Returns a policy: a point read.
    fn policy(&self, policy: PolicyId) -> StoreFuture<'_, Option<Policy>>;

    /// Returns the kept revisions of a policy, newest first.
    fn policy_revisions(&self, policy: PolicyId) -> StoreFuture<'_, Vec<Policy>>;

    /// Returns a kept revision of a policy: a point read.
    fn policy_revision(&self, policy: PolicyId, revision: u64) -> StoreFuture<'_, Option<Policy>>;

    /// Returns the number of a policy's hosts that are not revoked.
    fn hosts_of_policy(&self, policy: PolicyId) -> StoreFuture<'_, u64>;

    /// Returns the number of hosts that are not revoked, of each of the policies.
    fn hosts_of_policies(&self, policies: Vec<PolicyId>) -> StoreFuture<'_, Vec<u64>>;

    /// Returns the number of tokens that can admit a host at `now`, of each of the policies.
    fn tokens_of_policies(&self, policies: Vec<PolicyId>, now: Timestamp) -> StoreFuture<'_, Vec<u64>>;
}

/// Reads of outputs and the keys of the seal.
pub trait OutputReads {
    /// Returns every output, oldest first.
    fn outputs(&self) -> StoreFuture<'_, Vec<ListedOutput>>;

    /// Returns an output: a point read.
    fn output(&self, output: OutputId) -> StoreFuture<'_, Option<ListedOutput>>;

    /// Returns an output with its sealed secrets: a point read.
    fn whole_output(&self, output: OutputId) -> StoreFuture<'_, Option<WholeOutput>>;

    /// Returns the outputs of a policy with their sealed secrets, in the policy's order: a point read.
    fn outputs_of_policy(&self, policy: PolicyId) -> StoreFuture<'_, Vec<WholeOutput>>;

    /// Returns the sum of the revisions of a policy's outputs: a point read. Each change of one of them moves it.
    fn outputs_revision(&self, policy: PolicyId) -> StoreFuture<'_, u64>;

    /// The keys of the seal that are not retired, oldest first.
    fn seal_keys(&self) -> StoreFuture<'_, Vec<SealKeyRecord>>;
}

/// Reads of keys of hosts at the clusters of outputs, and of the work on them.
pub trait OutputKeyReads {
    /// Returns each Elasticsearch output of the host's policy, in its order, with the host's key if there is one: a point read.
    fn keys_of_host(&self, host: HostId) -> StoreFuture<'_, Vec<(OutputId, Option<HostKey>)>>;

    /// Returns work that is due at clusters that do not fail, the oldest first: at most `limit` keys and as many invalidations. A point
    /// read.
    fn due_output_work(&self, now: Timestamp, limit: u32) -> StoreFuture<'_, Vec<OutputWork>>;

    /// Returns keys that their hosts may no longer have, at most `limit`. It reads every key.
    fn unentitled_keys(&self, now: Timestamp, limit: u32) -> StoreFuture<'_, Vec<KeyOf>>;

    /// Returns the cluster that made an output's keys of the revision `of`, or that makes new ones: a point read.
    fn key_cluster(&self, output: OutputId, of: Option<u64>) -> StoreFuture<'_, Option<KeyCluster>>;

    /// Returns the state of the host's key at each Elasticsearch output of its policy, in its order: a point read.
    fn outputs_of_host(&self, host: HostId) -> StoreFuture<'_, Vec<HostOutputState>>;

    /// Counts the keys of each output that has any, also of deleted outputs. It reads each of them.
    fn count_keys(&self) -> StoreFuture<'_, BTreeMap<OutputId, KeyCounts>>;
}

/// Reads of opaque keys.
pub trait OpaqueKeyReads {
    /// Returns an opaque key whose certificate is still stored: a point read.
    fn opaque_key(&self, key: OpaqueKeyId) -> StoreFuture<'_, Option<OpaqueKeyRecord>>;
}

/// Reads of sessions.
pub trait SessionReads {
    /// Returns a session and its user: a point read. A session of an earlier epoch of the user is not found.
    fn session(&self, id: SessionId) -> StoreFuture<'_, Option<(SessionRecord, UserRecord)>>;

    /// Returns a user's sessions, newest first, including ended ones that are not collected yet.
    fn sessions_of(&self, user: String) -> StoreFuture<'_, Vec<SessionRecord>>;

    /// Returns the number of a user's sessions, including ended ones that are not collected yet.
    fn count_sessions(&self, user: String) -> StoreFuture<'_, u64>;
}

/// Reads of the keys and tokens of Elastic Fleet's API.
pub trait FleetReads {
    /// The keys that are not retired, oldest first.
    fn fleet_keys(&self) -> StoreFuture<'_, Vec<FleetKeyRecord>>;

    /// The same, each with the number of live tokens whose `api_key` it gives.
    fn fleet_key_needs(&self, now: Timestamp) -> StoreFuture<'_, Vec<(FleetKeyRecord, u64)>>;

    /// A page of the tokens that have an `api_key`, newest first, after the first `offset` of them. The page is found by its
    /// number, as Elastic's clients ask.
    fn fleet_tokens(&self, filter: FleetFilter, offset: u32, limit: u32) -> StoreFuture<'_, FleetPage>;
}
