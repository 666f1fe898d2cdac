//! The verbs about the authority itself: founding, external URLs, settings, clock, collection.

use std::time::Duration;

use super::{RecordMint, SetPassword};
use crate::clock::Timestamp;
use crate::id::{HostId, ListId};
use crate::ledger::Draft;
use crate::store::{AuthorityIdentity, KeyRecord, ListRecord};

/// See [`Verbs::found`](crate::store::Verbs::found).
pub struct Found {
    /// The signing keys: a current and a prepared one for each use.
    pub keys: Vec<KeyRecord>,
    /// The first status lists, one of each kind.
    pub lists: Vec<ListRecord>,
    /// Its URL, names and trust domain.
    pub identity: AuthorityIdentity,
    /// The first admin.
    pub admin: SetPassword,
    /// The entry of the founding.
    pub entry: Draft,
}

/// See [`Verbs::record_identity`](crate::store::Verbs::record_identity). Known names and URLs stay as they are, without an entry.
pub struct RecordIdentity {
    /// Its current URL, names and trust domain.
    pub identity: AuthorityIdentity,
    /// The hosts whose names it takes over, each with the entry of that. Their certificates are revoked.
    pub taken: Vec<(HostId, Draft)>,
    /// The entry, written if any of them is new.
    pub entry: Draft,
}

/// See [`Verbs::set_trust_domain`](crate::store::Verbs::set_trust_domain).
pub struct SetTrustDomain {
    /// The new SPIFFE trust domain.
    pub name: String,
    /// The entry; the store adds the former trust domain.
    pub entry: Draft,
}

/// See [`Verbs::retire_issuer`](crate::store::Verbs::retire_issuer).
pub struct RetireIssuer {
    /// The former URL.
    pub issuer: String,
    /// True to retire the URL although live persistent tokens name it; they are revoked with it.
    pub even_needed: bool,
    /// The successor of the emergency token, recorded only if that is revoked here.
    pub emergency: Option<RecordMint>,
    /// The entry; the store adds the number of revoked tokens.
    pub entry: Draft,
}

/// See [`Verbs::change_settings`](crate::store::Verbs::change_settings).
pub struct ChangeSettings {
    /// Each setting's name and new value; `None` for the value of the configuration.
    pub changes: Vec<(&'static str, Option<u64>)>,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::mark_clock`](crate::store::Verbs::mark_clock).
pub struct MarkClock {
    /// The mark; it only moves forward.
    pub at: Timestamp,
}

/// See [`Verbs::accept_clock`](crate::store::Verbs::accept_clock). Every earlier key verifies persistent tokens only.
pub struct AcceptClock {
    /// The new keys: a current and a prepared one for each use. Prepared keys are deleted.
    pub keys: Vec<KeyRecord>,
    /// Ledger entry of the act. Its moment becomes the mark, which only this verb moves back.
    pub entry: Draft,
}

/// See [`Verbs::record_backup`](crate::store::Verbs::record_backup).
pub struct RecordBackup {
    /// Ledger entry of the act. Its moment is that of the newest backup.
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
    /// Moment of the run.
    pub now: Timestamp,
    /// Time during which ended tokens stay listed.
    pub retention: Duration,
    /// Time during which a host stays after its last certificate expired.
    pub host_retention: Duration,
    /// Time after which an unused session ends.
    pub session_idle: Duration,
    /// Time after which a known address is forgotten.
    pub address_retention: Duration,
    /// Maximum number of rows of each kind.
    pub most: u32,
    /// The lists that are still being written to: they stay even when all their tokens have ended.
    pub open: Vec<ListId>,
}
