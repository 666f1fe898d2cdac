//! Reads of hosts that wait for a decision, and of the decisions.

use crate::clock::Timestamp;
use crate::id::{EnrollmentId, SpkiHash, TokenId};
use crate::name::Role;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row, Sql, params};
use crate::store::sqlite::read::list_statement::{ListStatement, Tables, cursor};
use crate::store::sqlite::value::{IpText, Json};
use crate::store::{
    Decision, EnrollmentFilter, EnrollmentReads, EnrollmentRecord, EnrollmentState, Page, PageQuery,
    StoreFuture, Waiting,
};

macro_rules! columns {
    () => {
        "e.enrollment, e.token, nullif(m.label, ''), m.minter, e.code, e.name, e.cluster, e.roles, e.address, e.began_at, \
         e.expires_at, e.state, e.decided_at, e.decided_by, e.reason, e.host, e.key, e.public_key, e.reached_url, \
         m.token IS NULL OR m.revoked_at IS NOT NULL, m.revoke_at, m.owner, m.policy, e.credential"
    };
}

macro_rules! from {
    ($rest:literal) => {
        concat!("FROM enrollments AS e LEFT JOIN mints AS m ON m.token = e.token ", $rest)
    };
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT ", columns!(), " ", from!($rest))
    };
}

/// Finds an enrollment by its id.
pub(in crate::store::sqlite) const ENROLLMENT_BY_ID: &str = select!("WHERE e.enrollment = ?1");

/// Finds the enrollment that decides about a key under a token at a moment. A denial under any token comes first, then one that waits,
/// or that expired without an answer to its host.
pub(in crate::store::sqlite) const ENROLLMENT_OF: &str = select!(
    "WHERE e.key = ?2 AND (e.state = 'denied' AND e.keep_until > ?3 \
     OR e.token = ?1 AND (e.state = 'waiting' OR e.state = 'expired' AND e.answered = 0)) \
     ORDER BY e.state = 'denied' DESC, e.enrollment DESC LIMIT 1"
);

/// Counts the enrollments that wait, and finds the oldest. A token may have ended, and the time may be over.
pub(in crate::store::sqlite) const WAITING: &str = concat!(
    "SELECT count(*), min(e.began_at) ",
    from!(
        "WHERE e.state = 'waiting' AND e.expires_at > ?1 AND m.token IS NOT NULL AND m.revoked_at IS NULL \
         AND (m.revoke_at IS NULL OR m.revoke_at > ?1)"
    )
);

/// Reads an enrollment with its state at `now`.
pub(in crate::store::sqlite) fn enrollment(
    row: &Row<'_>,
    now: Timestamp,
) -> driver::Result<EnrollmentRecord> {
    let expires_at = row.get(10)?;
    let due: Option<Timestamp> = row.get(20)?;
    let ended = row.get::<_, bool>(19)? || due.is_some_and(|due| due <= now);
    let state = match row.get(11)? {
        EnrollmentState::Waiting if ended => EnrollmentState::Ended,
        EnrollmentState::Waiting if expires_at <= now => EnrollmentState::Expired,
        state => state,
    };
    let decision = match (row.get(12)?, row.get(13)?) {
        (Some(at), Some(by)) => Some(Decision { at, by, reason: row.get(14)? }),
        _ => None,
    };
    Ok(EnrollmentRecord {
        id: row.get(0)?,
        state,
        token: row.get(1)?,
        token_label: row.get(2)?,
        minter: row.get(3)?,
        minter_owner: row.get(21)?,
        code: row.get(4)?,
        name: row.get(5)?,
        cluster: row.get(6)?,
        roles: row.get::<_, Json<Vec<Role>>>(7)?.0,
        policy: row.get(22)?,
        credential: row.get(23)?,
        address: row.get::<_, Option<IpText>>(8)?.map(|address| address.0),
        began_at: row.get(9)?,
        expires_at,
        decision,
        host: row.get(15)?,
        host_key: row.get(16)?,
        public_key: row.get(17)?,
        reached_url: row.get(18)?,
    })
}

impl Sql<'_> {
    /// Returns the enrollment that decides about a key under a token.
    pub(in crate::store::sqlite) fn enrollment_of(
        &self,
        token: TokenId,
        host_key: SpkiHash,
        now: Timestamp,
    ) -> driver::Result<Option<EnrollmentRecord>> {
        self.one(ENROLLMENT_OF, params![token, host_key, now], |row| enrollment(row, now))
    }
}

const ENROLLMENTS: Tables =
    Tables { all: from_tables(), walked: "enrollments AS e", id: "e.enrollment", join: "" };

const fn from_tables() -> &'static str {
    "enrollments AS e LEFT JOIN mints AS m ON m.token = e.token"
}

/// The condition of a state at the moment `now`, a parameter.
fn condition(state: EnrollmentState, now: &str) -> String {
    let ended = format!("(m.token IS NULL OR m.revoked_at IS NOT NULL OR coalesce(m.revoke_at <= {now}, 0))");
    match state {
        EnrollmentState::Waiting => format!("e.state = 'waiting' AND e.expires_at > {now} AND NOT {ended}"),
        EnrollmentState::Approved => "e.state = 'approved'".to_owned(),
        EnrollmentState::Denied => "e.state = 'denied'".to_owned(),
        EnrollmentState::Expired => {
            format!("(e.state = 'expired' OR e.state = 'waiting' AND e.expires_at <= {now} AND NOT {ended})")
        }
        EnrollmentState::Ended => format!("(e.state = 'ended' OR e.state = 'waiting' AND {ended})"),
    }
}

/// Selects the enrollments of a list, after `after`.
pub(in crate::store::sqlite) fn select(
    filter: &EnrollmentFilter,
    after: Option<EnrollmentId>,
) -> ListStatement {
    let after = cursor(after.as_ref().map(EnrollmentId::as_bytes));
    let mut list = ListStatement::new(columns!(), ENROLLMENTS, after);
    if let Some(short) = filter.short_id {
        list.indexed(ENROLLMENTS, "substr(e.enrollment, 13)", short);
    }
    if let Some(token) = filter.token {
        list.indexed(ENROLLMENTS, "e.token", token);
    }
    // Others may be waiting rows too, whose token or time is over.
    let stored = [EnrollmentState::Waiting, EnrollmentState::Approved, EnrollmentState::Denied];
    if let Some([state]) = filter.states.as_deref().filter(|states| stored.contains(&states[0])) {
        list.indexed(ENROLLMENTS, "e.state", *state);
    }
    list.equal("e.cluster", filter.cluster.clone());
    if let Some(role) = &filter.role {
        let role = list.bind(format!("%\"{}\"%", role.as_str().replace('_', "\\_")));
        list.only(&format!("e.roles LIKE {role} ESCAPE '\\'"));
    }
    if let Some(states) = &filter.states {
        list.states(states, filter.now, condition);
    }
    list
}

impl EnrollmentReads for SqliteStore {
    fn enrollment(&self, id: EnrollmentId, now: Timestamp) -> StoreFuture<'_, Option<EnrollmentRecord>> {
        self.point(move |sql| sql.one(ENROLLMENT_BY_ID, [id], |row| enrollment(row, now)))
    }

    fn enrollment_of(
        &self,
        token: TokenId,
        host_key: SpkiHash,
        now: Timestamp,
    ) -> StoreFuture<'_, Option<EnrollmentRecord>> {
        self.point(move |sql| sql.enrollment_of(token, host_key, now))
    }

    fn list_enrollments(
        &self,
        filter: EnrollmentFilter,
        query: PageQuery<EnrollmentId>,
    ) -> StoreFuture<'_, Page<EnrollmentRecord, EnrollmentId>> {
        self.list(move |sql| {
            let read = |row: &Row<'_>| enrollment(row, filter.now);
            select(&filter, query.after).page_by_id(sql, &query, read, |enrollment| enrollment.id)
        })
    }

    fn waiting(&self, now: Timestamp) -> StoreFuture<'_, Waiting> {
        let read = |row: &Row<'_>| Ok(Waiting { count: row.get(0)?, oldest: row.get(1)? });
        self.list(move |sql| Ok(sql.one(WAITING, [now], read)?.unwrap_or_default()))
    }
}
