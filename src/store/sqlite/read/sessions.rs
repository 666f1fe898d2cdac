//! Reads of sessions.

use super::accounts::user_from;
use crate::id::SessionId;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row};
use crate::store::sqlite::value::IpText;
use crate::store::{SessionReads, SessionRecord, StoreFuture, UserRecord};

macro_rules! select {
    ($more:literal, $rest:literal) => {
        concat!(
            "SELECT s.digest, s.user_name, s.epoch, s.kind, s.created_at, s.expires_at, s.seen_at, s.address",
            $more,
            " FROM sessions AS s JOIN users AS u ON u.name = s.user_name AND u.epoch = s.epoch ",
            $rest
        )
    };
}

/// One session with its user.
const SESSION: &str = select!(
    ", u.name, u.role, u.limits, u.epoch, u.version, u.created_at, u.changed_at, u.disabled_at",
    "WHERE s.digest = ?1"
);

/// The sessions of one user, newest first.
const SESSIONS_OF_USER: &str = select!("", "WHERE s.user_name = ?1 ORDER BY s.created_at DESC, s.digest");

fn session(row: &Row<'_>) -> driver::Result<SessionRecord> {
    Ok(SessionRecord {
        id: row.get(0)?,
        user: row.get(1)?,
        epoch: row.get(2)?,
        kind: row.get(3)?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
        seen_at: row.get(6)?,
        address: row.get::<_, Option<IpText>>(7)?.map(|IpText(address)| address),
    })
}

impl SessionReads for SqliteStore {
    fn session(&self, id: SessionId) -> StoreFuture<'_, Option<(SessionRecord, UserRecord)>> {
        self.point(move |sql| sql.one(SESSION, [id], |row| Ok((session(row)?, user_from(row, 8)?))))
    }

    fn sessions_of(&self, user: String) -> StoreFuture<'_, Vec<SessionRecord>> {
        self.list(move |sql| sql.all(SESSIONS_OF_USER, [user], session))
    }

    fn count_sessions(&self, user: String) -> StoreFuture<'_, u64> {
        const COUNT: &str = "SELECT count(*) FROM sessions WHERE user_name = ?1";
        self.point(|sql| Ok(sql.one(COUNT, [user], |row| row.get(0))?.unwrap_or(0)))
    }
}
