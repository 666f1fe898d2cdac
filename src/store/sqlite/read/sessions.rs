//! Reads of sessions.

use super::user;
use crate::id::SessionId;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row};
use crate::store::{SessionReads, SessionRecord, StoreFuture, UserRecord};

/// The columns of the user come first.
const SESSION: &str = "SELECT u.name, u.role, u.limits, u.epoch, u.version, u.created_at, u.changed_at, u.disabled_at, \
     s.kind, s.created_at, s.expires_at, s.seen_at \
     FROM sessions AS s JOIN users AS u ON u.name = s.user_name AND u.epoch = s.epoch WHERE s.digest = ?1";

fn session(id: SessionId, row: &Row<'_>) -> driver::Result<(SessionRecord, UserRecord)> {
    let user = user(row)?;
    let session = SessionRecord {
        id,
        user: user.name.clone(),
        epoch: user.epoch,
        kind: row.get(8)?,
        created_at: row.get(9)?,
        expires_at: row.get(10)?,
        seen_at: row.get(11)?,
    };
    Ok((session, user))
}

impl SessionReads for SqliteStore {
    fn session(&self, id: SessionId) -> StoreFuture<'_, Option<(SessionRecord, UserRecord)>> {
        self.point(move |sql| sql.one(SESSION, [id], |row| session(id, row)))
    }

    fn count_sessions(&self, user: String) -> StoreFuture<'_, u64> {
        const COUNT: &str = "SELECT count(*) FROM sessions WHERE user_name = ?1";
        self.point(|sql| Ok(sql.one(COUNT, [user], |row| row.get(0))?.unwrap_or(0)))
    }
}
