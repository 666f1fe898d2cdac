//! Keys of hosts at the clusters of outputs: requested, kept, doubted and withdrawn.

use super::Execution;
use crate::clock::Timestamp;
use crate::id::HostId;
use crate::store::sqlite::driver::{self, Row, params};
use crate::store::{
    ATTEMPT_LEASE, AbandonOutputKeys, AskOutputKey, CHECKED_EVERY, DelayOutputKey, DoubtOutputKeys,
    JudgeOutputKey, KeepOutputKey, KeyKeeping, KeyOf, StoredKey, WantOutputKeys, WithdrawOutputKeys,
};

/// The one condition under which a host may have its key `k` at `?1`. The host is live and has the policy of the key. The policy has the
/// output, and the output has the cluster.
macro_rules! entitled {
    () => {
        "EXISTS (SELECT 1 FROM hosts AS h JOIN policy_outputs AS p ON p.policy = h.policy JOIN outputs AS o ON o.output = p.output \
         WHERE h.host = k.host AND h.policy = k.policy AND p.output = k.output AND o.cluster = k.cluster \
         AND h.revoked_at IS NULL AND h.quarantined_at IS NULL AND h.ends_at > ?1)"
    };
}

/// Finds keys that their hosts may no longer have.
pub(in crate::store::sqlite) const UNENTITLED: &str =
    concat!("SELECT k.host, k.output FROM output_keys AS k WHERE NOT ", entitled!(), " LIMIT ?2");

/// The same for one host.
pub(in crate::store::sqlite) const UNENTITLED_OF_HOST: &str =
    concat!("SELECT k.host, k.output FROM output_keys AS k WHERE k.host = ?2 AND NOT ", entitled!());

impl Execution<'_> {
    pub(super) fn want_output_keys(&self, command: WantOutputKeys) -> driver::Result<()> {
        let WantOutputKeys { host, outputs, at } = command;
        for key in self.all(UNENTITLED_OF_HOST, params![at, host], key_of)? {
            self.withdraw_key(key, at)?;
        }
        let sql = "INSERT INTO output_keys (host, output, policy, cluster, stage, state, since, failures, next_at) \
                   SELECT h.host, o.output, h.policy, o.cluster, 'wanted', 'preparing', ?3, 0, ?3 \
                   FROM hosts AS h JOIN policy_outputs AS p ON p.policy = h.policy JOIN outputs AS o ON o.output = p.output \
                   WHERE h.host = ?1 AND o.output = ?2 AND h.revoked_at IS NULL AND h.quarantined_at IS NULL AND h.ends_at > ?3 \
                   AND (o.kind = 'elasticsearch' OR o.kind = 'remote_elasticsearch') ON CONFLICT DO NOTHING";
        outputs.into_iter().try_for_each(|output| self.execute(sql, params![host, output, at]).map(drop))
    }

    /// Records an attempt. Returns false if the host may no longer have the key, or an earlier attempt has no end.
    pub(super) fn ask_output_key(&self, command: AskOutputKey) -> driver::Result<bool> {
        let AskOutputKey { key, attempt, cluster, at } = command;
        let sql = concat!(
            "UPDATE output_keys AS k SET stage = 'asked', attempt = ?4, asked_at = ?1, next_at = ?5 \
             WHERE k.host = ?2 AND k.output = ?3 AND k.cluster = ?6 AND k.stage = 'wanted' AND NOT EXISTS (SELECT 1 FROM \
             output_invalidations AS i WHERE i.output = k.output AND i.host = k.host AND i.key_id IS NULL AND i.answered = 0 \
             AND i.cluster = k.cluster) AND ",
            entitled!()
        );
        let until = at.plus(ATTEMPT_LEASE);
        let asked = self.execute(sql, params![at, key.host, key.output, attempt, until, cluster])?;
        Ok(asked > 0)
    }

    pub(super) fn keep_output_key(&mut self, command: KeepOutputKey) -> driver::Result<KeyKeeping> {
        let KeepOutputKey { key, attempt, made, entry } = command;
        let StoredKey { id, made_at, sealed } = made;
        if !self.is_sealing(sealed.key)? {
            return self.undo(KeyKeeping::SealGone);
        }
        let sql = "UPDATE output_keys SET stage = 'made', state = 'ready', since = ?4, failures = 0, next_at = NULL, key_id = ?5, \
                   made_at = ?4, seal = ?6, sealed = ?7 WHERE host = ?1 AND output = ?2 AND attempt = ?3 AND stage = 'asked'";
        let values = params![key.host, key.output, attempt, made_at, id, sealed.key, sealed.bytes];
        if self.execute(sql, values)? == 0 {
            self.know_key(attempt, &id, entry.at())?;
            return Ok(KeyKeeping::Withdrawn);
        }
        self.enter(entry)?;
        Ok(KeyKeeping::Kept)
    }

    pub(super) fn delay_output_key(&self, command: DelayOutputKey) -> driver::Result<()> {
        let DelayOutputKey { key, attempt, may_exist, state, failures, at, next_at } = command;
        // The row may have another attempt by now, which has its own end.
        let sql =
            "SELECT 1 FROM output_keys WHERE host = ?1 AND output = ?2 AND attempt = ?3 AND stage = 'asked'";
        if may_exist && self.exists(sql, params![key.host, key.output, attempt])? {
            self.invalidate_key(key, at)?;
        }
        let sql = "UPDATE output_keys SET stage = 'wanted', attempt = NULL, next_at = ?4 \
                   WHERE host = ?1 AND output = ?2 AND attempt = ?3 AND stage = 'asked'";
        self.execute(sql, params![key.host, key.output, attempt, at])?;
        let sql = "UPDATE output_keys SET since = CASE WHEN state = ?3 THEN since ELSE ?2 END, state = ?3, failures = ?4, \
                   next_at = ?5 WHERE output = ?1 AND stage = 'wanted' AND next_at <= ?2";
        self.execute(sql, params![key.output, at, state, failures, next_at]).map(drop)
    }

    pub(super) fn abandon_output_keys(&self, command: AbandonOutputKeys) -> driver::Result<u64> {
        let AbandonOutputKeys { key, at } = command;
        let asked = match key {
            Some(key) => {
                let sql = "SELECT host, output FROM output_keys WHERE host = ?1 AND output = ?2 AND stage = 'asked' \
                           AND next_at <= ?3";
                self.all(sql, params![key.host, key.output, at], key_of)?
            }
            None => self.all("SELECT host, output FROM output_keys WHERE stage = 'asked'", [], key_of)?,
        };
        for key in &asked {
            self.invalidate_key(*key, at)?;
            let sql = "UPDATE output_keys SET stage = 'wanted', attempt = NULL, next_at = ?3 WHERE host = ?1 AND output = ?2";
            self.execute(sql, params![key.host, key.output, at])?;
        }
        Ok(asked.len() as u64)
    }

    /// Makes keys due for a check. Returns their number.
    pub(super) fn doubt_output_keys(&self, command: DoubtOutputKeys) -> driver::Result<u64> {
        let DoubtOutputKeys { host, outputs, at } = command;
        let sql = "UPDATE output_keys SET stage = 'doubted', next_at = ?3, checked_at = ?3 WHERE host = ?1 AND output = ?2 \
                   AND stage = 'made' AND coalesce(checked_at, made_at, 0) <= ?4";
        let checked_before = at.minus(CHECKED_EVERY);
        let mut doubted = 0;
        for output in outputs {
            doubted += self.execute(sql, params![host, output, at, checked_before])? as u64;
        }
        Ok(doubted)
    }

    pub(super) fn judge_output_key(&self, command: JudgeOutputKey) -> driver::Result<()> {
        let JudgeOutputKey { key, attempt, is_invalid, at } = command;
        let sql = if is_invalid {
            "UPDATE output_keys SET stage = 'wanted', state = 'invalid', since = ?4, attempt = NULL, key_id = NULL, seal = NULL, \
             sealed = NULL, next_at = ?4 WHERE host = ?1 AND output = ?2 AND attempt = ?3 AND stage = 'doubted'"
        } else {
            "UPDATE output_keys SET stage = 'made', checked_at = ?4, next_at = NULL \
             WHERE host = ?1 AND output = ?2 AND attempt = ?3 AND stage = 'doubted'"
        };
        self.execute(sql, params![key.host, key.output, attempt, at]).map(drop)
    }

    /// Withdraws keys that their hosts may no longer have. Returns whether more are left.
    pub(super) fn withdraw_output_keys(&self, command: WithdrawOutputKeys) -> driver::Result<bool> {
        let WithdrawOutputKeys { at, most } = command;
        let keys = self.all(UNENTITLED, params![at, most], key_of)?;
        for key in &keys {
            self.withdraw_key(*key, at)?;
        }
        self.drop_former_clusters()?;
        Ok(u32::try_from(keys.len()).unwrap_or(u32::MAX) >= most)
    }

    /// Withdraws the keys of a host, in the transaction that ends its right to them.
    pub(super) fn withdraw_keys_of(&self, host: HostId, at: Timestamp) -> driver::Result<()> {
        let keys = self.all("SELECT host, output FROM output_keys WHERE host = ?1", [host], key_of)?;
        keys.into_iter().try_for_each(|key| self.withdraw_key(key, at))
    }

    /// Deletes the row of a key. If the cluster may know the key, it is to be invalidated.
    fn withdraw_key(&self, key: KeyOf, at: Timestamp) -> driver::Result<()> {
        self.invalidate_key(key, at)?;
        let sql = "DELETE FROM output_keys WHERE host = ?1 AND output = ?2";
        self.execute(sql, params![key.host, key.output]).map(drop)
    }
}

fn key_of(row: &Row<'_>) -> driver::Result<KeyOf> {
    Ok(KeyOf { host: row.get(0)?, output: row.get(1)? })
}
