//! Moving the signing keys on, retiring one, and the new epoch after an accepted clock.

use rusqlite::params;

use super::{Act, Mark};
use crate::clock::Timestamp;
use crate::id::{KeyId, StatusRef, TokenId};
use crate::store::sqlite::read::{KEYS, key};
use crate::store::sqlite::value::damaged;
use crate::store::{
    AcceptClock, FreshKeys, KeyRecord, KeyState, Minted, RetireKey, RetireTerms, Retirement, RotateKeys,
    Rotation,
};

/// A live persistent token of a key.
struct Needing {
    token: TokenId,
    status: StatusRef,
    emergency: bool,
}

impl Act<'_> {
    pub(super) fn insert_key(&self, key: &KeyRecord) -> rusqlite::Result<()> {
        let sql = "INSERT INTO signing_keys (kid, public, state, persistent_only, created_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        self.execute(sql, params![key.id, key.public, key.state, key.persistent_only, key.created_at])
            .map(drop)
    }

    pub(super) fn rotate_keys(&mut self, command: RotateKeys) -> rusqlite::Result<Rotation> {
        let RotateKeys { next, at: _, entry } = command;
        self.execute("UPDATE signing_keys SET state = 'previous' WHERE state = 'current'", [])?;
        if self.execute("UPDATE signing_keys SET state = 'current' WHERE state = 'prepared'", [])? != 1 {
            return Err(damaged("there is no prepared signing key to rotate to"));
        }
        self.insert_key(&KeyRecord { state: KeyState::Prepared, ..next })?;
        self.enter(entry);
        self.rotation()
    }

    pub(super) fn accept_clock(&mut self, command: AcceptClock) -> rusqlite::Result<Rotation> {
        let AcceptClock { current, next, at, entry } = command;
        self.begin_epoch(FreshKeys { current, next })?;
        self.enter(entry);
        self.effects.marks.push(Mark::Set(at));
        self.rotation()
    }

    /// Only fresh keys sign from now on, and no key before them verifies an ephemeral token.
    fn begin_epoch(&self, keys: FreshKeys) -> rusqlite::Result<()> {
        // The prepared key has signed nothing, and what it would sign could not be told from an earlier epoch.
        self.execute("DELETE FROM signing_keys WHERE state = 'prepared'", [])?;
        self.execute("UPDATE signing_keys SET state = 'previous' WHERE state = 'current'", [])?;
        self.execute("UPDATE signing_keys SET persistent_only = 1", [])?;
        let FreshKeys { current, next } = keys;
        self.insert_key(&KeyRecord { state: KeyState::Current, persistent_only: false, ..current })?;
        self.insert_key(&KeyRecord { state: KeyState::Prepared, persistent_only: false, ..next })
    }

    fn rotation(&self) -> rusqlite::Result<Rotation> {
        Ok(Rotation { keys: self.all(KEYS, [], key)? })
    }

    pub(super) fn retire_key(&mut self, command: RetireKey) -> rusqlite::Result<Retirement> {
        let RetireKey { key, terms, emergency, at, entry } = command;
        let compromised = matches!(terms, RetireTerms::Compromised(_));
        let state = self.one("SELECT state FROM signing_keys WHERE kid = ?1", [key], |row| row.get(0))?;
        match state {
            None | Some(KeyState::Retired) => return self.undo(Retirement::Unknown),
            Some(KeyState::Current | KeyState::Prepared) if !compromised => {
                return self.undo(Retirement::InUse);
            }
            Some(KeyState::Current | KeyState::Prepared | KeyState::Previous) => {}
        }
        let needing = self.needing(key, compromised, at)?;
        let tokens = needing.len() as u64;
        if tokens > 0 && matches!(terms, RetireTerms::Unneeded) {
            return self.undo(Retirement::Needed { tokens });
        }
        let sql = "UPDATE signing_keys SET state = 'retired', retired_at = ?2 WHERE kid = ?1";
        self.execute(sql, params![key, at])?;
        if let RetireTerms::Compromised(keys) = terms {
            self.begin_epoch(keys)?;
        }
        self.end_tokens(&needing, at)?;
        self.enter(entry.with("tokens", tokens).with("compromised", compromised));
        let successor = emergency.filter(|_| needing.iter().any(|token| token.emergency));
        let emergency = successor.is_some();
        if let Some(successor) = successor
            && self.record_mint(successor)? == Minted::KeyGone
        {
            return Err(damaged("the new emergency token is signed with a key that does not sign"));
        }
        Ok(Retirement::Retired { tokens, emergency })
    }

    /// The live persistent tokens of a key, and the emergency token of whatever key if asked.
    fn needing(&self, key: KeyId, emergency_too: bool, now: Timestamp) -> rusqlite::Result<Vec<Needing>> {
        let sql = "SELECT t.token, t.list, t.idx, t.emergency FROM tokens AS t \
                   LEFT JOIN uses AS u ON u.token = t.token \
                   WHERE (t.kid = ?1 OR (?3 AND t.emergency = 1)) AND t.revoked_at IS NULL AND u.spent_at IS NULL \
                   AND (t.expires_at IS NULL OR t.expires_at > ?2)";
        self.all(sql, params![key, now, emergency_too], |row| {
            let status = StatusRef { list: row.get(1)?, index: row.get(2)? };
            Ok(Needing { token: row.get(0)?, status, emergency: row.get(3)? })
        })
    }

    fn end_tokens(&mut self, tokens: &[Needing], at: Timestamp) -> rusqlite::Result<()> {
        for ended in tokens {
            self.execute("UPDATE tokens SET revoked_at = ?2 WHERE token = ?1", params![ended.token, at])?;
            self.execute("UPDATE mints SET revoked_at = ?2 WHERE token = ?1", params![ended.token, at])?;
        }
        let statuses: Vec<StatusRef> = tokens.iter().map(|token| token.status).collect();
        self.set_revoked(&statuses)
    }
}
