//! Sessions: beginning, extension, end, latest uses.

use super::Execution;
use crate::store::sqlite::driver::{self, params};
use crate::store::{BeginSession, EndSession, ExtendSession, RecordUses, SessionBeginning, SessionRecord};

impl Execution<'_> {
    pub(super) fn begin_session(&mut self, command: BeginSession) -> driver::Result<SessionBeginning> {
        let BeginSession { session, most, entry } = command;
        let SessionRecord { id, user, epoch, kind, created_at, expires_at, seen_at, address } = session;
        let sql = "SELECT 1 FROM users WHERE name = ?1 AND epoch = ?2 AND disabled_at IS NULL";
        if !self.exists(sql, params![user, epoch])? {
            return self.undo(SessionBeginning::UserChanged);
        }
        // Sessions of earlier epochs have ended. Of this kind, the least recently used ones make room.
        self.execute("DELETE FROM sessions WHERE user_name = ?1 AND epoch <> ?2", params![user, epoch])?;
        let sql = "DELETE FROM sessions WHERE user_name = ?1 AND kind = ?3 AND digest NOT IN (SELECT digest FROM sessions \
                   WHERE user_name = ?1 AND kind = ?3 ORDER BY seen_at DESC, created_at DESC, digest LIMIT ?2)";
        let dropped = self.execute(sql, params![user, most.saturating_sub(1), kind])?;
        let sql = "INSERT INTO sessions (digest, user_name, epoch, kind, created_at, expires_at, seen_at, address) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let address = address.map(|address| address.to_string());
        self.execute(sql, params![id, user, epoch, kind, created_at, expires_at, seen_at, address])?;
        self.enter(if dropped > 0 { entry.with("dropped", dropped) } else { entry })?;
        Ok(SessionBeginning::Begun)
    }

    pub(super) fn extend_session(&mut self, command: ExtendSession) -> driver::Result<bool> {
        let ExtendSession { id, expires_at, entry } = command;
        let sql = "UPDATE sessions SET expires_at = ?2, seen_at = CASE WHEN seen_at > ?3 THEN seen_at ELSE ?3 END WHERE digest = ?1";
        if self.execute(sql, params![id, expires_at, entry.at()])? == 0 {
            return self.undo(false);
        }
        self.enter(entry)?;
        Ok(true)
    }

    pub(super) fn end_session(&mut self, command: EndSession) -> driver::Result<bool> {
        // The caller may have presented this session.
        self.ask(&command.entry)?;
        if self.execute("DELETE FROM sessions WHERE digest = ?1", [command.id])? == 0 {
            return self.undo(false);
        }
        self.enter(command.entry)?;
        Ok(true)
    }

    pub(super) fn record_uses(&self, command: RecordUses) -> driver::Result<()> {
        let sql = "UPDATE sessions SET seen_at = ?2 WHERE digest = ?1 AND seen_at < ?2";
        for (id, at) in command.sessions {
            self.execute(sql, params![id, at])?;
        }
        let sql =
            "UPDATE api_keys SET used_at = ?2, used_from = ?3 WHERE id = ?1 AND coalesce(used_at, ?2) <= ?2";
        for (key, at, from) in command.api_keys {
            self.execute(sql, params![key, at, from.to_string()])?;
        }
        Ok(())
    }
}
