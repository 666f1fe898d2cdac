//! Rotating and retiring signing keys, and the new epoch after an accepted clock.

use super::Execution;
use super::ending::TokensOf;
use crate::clock::Timestamp;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::damaged;
use crate::store::{
    AcceptClock, AddKeys, KeyRecord, KeyState, RetireKey, RetireTerms, Retired, Retirement, RotateKeys,
};

impl Execution<'_> {
    pub(super) fn insert_key(&self, key: &KeyRecord) -> driver::Result<()> {
        let sql = "INSERT INTO signing_keys (kid, public, key_use, state, persistent_only, created_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let KeyRecord { id, public, usage, state, persistent_only, created_at } = key;
        self.execute(sql, params![id, public, usage, state, persistent_only, created_at]).map(drop)
    }

    pub(super) fn add_keys(&mut self, command: AddKeys) -> driver::Result<()> {
        let AddKeys { keys, entry } = command;
        keys.iter().try_for_each(|key| self.insert_key(key))?;
        self.enter(entry)
    }

    pub(super) fn rotate_keys(&mut self, command: RotateKeys) -> driver::Result<()> {
        let RotateKeys { next, entry } = command;
        let former = "UPDATE signing_keys SET state = 'previous' WHERE state = 'current' AND key_use = ?1";
        self.execute(former, [next.usage])?;
        let current = "UPDATE signing_keys SET state = 'current' WHERE state = 'prepared' AND key_use = ?1";
        if self.execute(current, [next.usage])? != 1 {
            return Err(damaged("there is no prepared signing key to rotate to"));
        }
        self.insert_key(&KeyRecord { state: KeyState::Prepared, ..next })?;
        self.enter(entry)
    }

    pub(super) fn accept_clock(&mut self, command: AcceptClock) -> driver::Result<()> {
        let AcceptClock { keys, entry } = command;
        let at = entry.at();
        self.begin_epoch(keys, at)?;
        self.enter(entry)?;
        self.effects.accepted = Some(at);
        Ok(())
    }

    /// Makes fresh keys the only ones that sign. Earlier keys verify no token that always expires.
    pub(super) fn begin_epoch(&self, fresh: Vec<KeyRecord>, at: Timestamp) -> driver::Result<()> {
        self.end_ephemeral(None, at)?;
        // The prepared key has signed nothing. Its signatures would look like those of an earlier epoch.
        self.execute("DELETE FROM signing_keys WHERE state = 'prepared'", [])?;
        self.execute("UPDATE signing_keys SET state = 'previous' WHERE state = 'current'", [])?;
        self.execute("UPDATE signing_keys SET persistent_only = 1", [])?;
        // Service tokens and status lists always expire, so their earlier keys have nothing to verify.
        let sql = "UPDATE signing_keys SET state = 'retired', retired_at = ?1 WHERE state = 'previous' AND key_use <> 'enrollment'";
        self.execute(sql, [at])?;
        fresh.into_iter().try_for_each(|key| self.insert_key(&KeyRecord { persistent_only: false, ..key }))
    }

    pub(super) fn retire_key(&mut self, command: RetireKey) -> driver::Result<Retirement> {
        let RetireKey { signing_key, terms, emergency, entry } = command;
        let at = entry.at();
        let compromised = matches!(terms, RetireTerms::Compromised(_));
        let sql = "SELECT state FROM signing_keys WHERE kid = ?1";
        match self.one(sql, [signing_key], |row| row.get(0))? {
            None | Some(KeyState::Retired) => return self.undo(Retirement::Unknown),
            Some(KeyState::Current | KeyState::Prepared) if !compromised => {
                return self.undo(Retirement::InUse);
            }
            Some(KeyState::Current | KeyState::Prepared | KeyState::Previous) => {}
        }
        let needing = self.live_of_key(signing_key, compromised, at)?;
        let tokens = needing.len() as u64;
        if tokens > 0 && matches!(terms, RetireTerms::Unneeded) {
            return self.undo(Retirement::Needed { tokens });
        }
        let sql = "UPDATE signing_keys SET state = 'retired', retired_at = ?2 WHERE kid = ?1";
        self.execute(sql, params![signing_key, at])?;
        self.end_ephemeral(Some(signing_key), at)?;
        self.end_awaited(TokensOf::SigningKey(signing_key), at)?;
        if let RetireTerms::Compromised(keys) = terms {
            self.begin_epoch(keys, at)?;
        }
        let ending = self.ending_with_key(needing)?;
        let tokens = ending.len() as u64;
        self.enter(entry.with("tokens", tokens).with("compromised", compromised))?;
        let emergency = self.end_tokens(&ending, emergency, at)?;
        Ok(Retirement::Retired(Retired { tokens, emergency }))
    }
}
