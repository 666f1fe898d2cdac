//! The verbs about the authority itself: what it is called, what it keeps, and its clock.

use std::time::Duration;

use super::{FreshKeys, RecordMint, SetPassword};
use crate::clock::Timestamp;
use crate::id::ListId;
use crate::ledger::Draft;
use crate::name::DnsName;
use crate::store::{KeyRecord, ListRecord};

/// See [`Verbs::found`](crate::store::Verbs::found).
pub struct Found {
    /// The signing keys: for each use one that is current, and one prepared.
    pub keys: Vec<KeyRecord>,
    /// The first status lists, one of each kind.
    pub lists: Vec<ListRecord>,
    /// The external URL.
    pub issuer: String,
    /// The DNS names the authority answers to.
    pub names: Vec<DnsName>,
    /// The first admin.
    pub admin: SetPassword,
    /// The entry of the founding itself.
    pub entry: Draft,
}

/// See [`Verbs::record_identity`](crate::store::Verbs::record_identity). What is known already is left as it is, without an entry.
pub struct RecordIdentity {
    /// The external URL that is current from now on.
    pub issuer: String,
    /// The DNS names the authority answers to; names are never forgotten.
    pub names: Vec<DnsName>,
    /// When.
    pub at: Timestamp,
    /// The entry, if anything is new.
    pub entry: Draft,
}

/// See [`Verbs::retire_issuer`](crate::store::Verbs::retire_issuer).
pub struct RetireIssuer {
    /// The former URL.
    pub issuer: String,
    /// Go on although live persistent tokens name it; they are revoked with it.
    pub even_needed: bool,
    /// The successor of the emergency token, if that ends here; recorded only then.
    pub emergency: Option<RecordMint>,
    /// When.
    pub at: Timestamp,
    /// The entry; the store adds how many tokens ended.
    pub entry: Draft,
}

/// See [`Verbs::change_settings`](crate::store::Verbs::change_settings).
pub struct ChangeSettings {
    /// Each setting's name and what it is from now on; `None` = what the configuration says.
    pub changes: Vec<(&'static str, Option<Duration>)>,
    /// When.
    pub at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Verbs::mark_clock`](crate::store::Verbs::mark_clock).
pub struct MarkClock {
    /// The mark; it only moves on.
    pub at: Timestamp,
}

/// See [`Verbs::accept_clock`](crate::store::Verbs::accept_clock). Every key so far verifies persistent tokens only from now on.
pub struct AcceptClock {
    /// The keys from now on; those that were prepared are dropped.
    pub keys: FreshKeys,
    /// The mark, which may move back here and nowhere else.
    pub at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Verbs::next_crl_number`](crate::store::Verbs::next_crl_number).
pub struct NextCrlNumber {
    /// The issuing CA's subject key identifier.
    pub ski: Vec<u8>,
}

/// See [`Verbs::append_entries`](crate::store::Verbs::append_entries).
pub struct AppendEntries {
    /// The entries, in order.
    pub entries: Vec<Draft>,
}

/// See [`Verbs::collect`](crate::store::Verbs::collect).
pub struct Collect {
    /// Now.
    pub now: Timestamp,
    /// How long ended tokens stay listed.
    pub retention: Duration,
    /// How long a host stays after its last certificate ended.
    pub host_retention: Duration,
    /// How long a session lives that is not used.
    pub session_idle: Duration,
    /// The time after which a known address is forgotten.
    pub address_retention: Duration,
    /// How many rows of each kind at most.
    pub most: u32,
    /// The lists that are still being written to: they stay even when all their tokens have ended.
    pub open: Vec<ListId>,
}
