//! Keys of hosts at the clusters of outputs: requested, kept, doubted and withdrawn.

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{AttemptId, HostId};
use crate::store::sqlite::driver::{self, Row, params};
use crate::store::{
    ATTEMPT_LEASE, AbandonOutputKeys, AskOutputKey, CHECKED_EVERY, DoubtOutputKeys, FailOutputWork,
    JudgeOutputKey, KeepOutputKey, KeyKeeping, KeyOf, LONGEST_WAIT, OutputWork, PROBE_LEASE, ProbeCluster,
    StoredKey, WantOutputKeys, WithdrawOutputKeys, WorkPlace,
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
const UNENTITLED_OF_HOST: &str =
    concat!("SELECT k.host, k.output FROM output_keys AS k WHERE k.host = ?2 AND NOT ", entitled!());

/// The same for one key.
const IS_UNENTITLED: &str =
    concat!("SELECT 1 FROM output_keys AS k WHERE k.host = ?2 AND k.output = ?3 AND NOT ", entitled!());

impl Execution<'_> {
    pub(super) fn want_output_keys(&self, command: WantOutputKeys) -> driver::Result<()> {
        let WantOutputKeys { host, outputs, at } = command;
        for key in self.all(UNENTITLED_OF_HOST, params![at, host], key_of)? {
            self.withdraw_key(key, at)?;
        }
        let sql = "INSERT INTO output_keys (host, output, policy, cluster, stage, state, since, next_at) \
                   SELECT h.host, o.output, h.policy, o.cluster, 'wanted', 'preparing', ?3, ?3 \
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
        let sql = "UPDATE output_keys SET stage = 'made', state = 'ready', since = ?4, next_at = NULL, key_id = ?5, \
                   made_at = ?4, seal = ?6, sealed = ?7 WHERE host = ?1 AND output = ?2 AND attempt = ?3 AND stage = 'asked'";
        self.settle_cluster(key)?;
        let values = params![key.host, key.output, attempt, made_at, id, sealed.key, sealed.bytes];
        if self.execute(sql, values)? == 0 {
            self.know_key(attempt, &id, entry.at())?;
            return Ok(KeyKeeping::Withdrawn);
        }
        self.enter(entry)?;
        Ok(KeyKeeping::Kept)
    }

    /// Gives one call the time for a probe, if the cluster still fails.
    pub(super) fn probe_cluster(&self, command: ProbeCluster) -> driver::Result<bool> {
        let ProbeCluster { output, cluster, at } = command;
        let sql =
            "UPDATE failing_clusters SET next_at = ?4 WHERE output = ?1 AND cluster = ?2 AND next_at <= ?3";
        Ok(self.execute(sql, params![output, cluster, at, at.plus(PROBE_LEASE)])? > 0)
    }

    pub(super) fn fail_output_work(&self, command: FailOutputWork) -> driver::Result<()> {
        let FailOutputWork { work, attempt, may_exist, state, at, next_at } = command;
        let OutputWork { key, cluster, failures, .. } = work;
        if let Some(attempt) = attempt {
            self.end_attempt(key, attempt, may_exist, at)?;
        }
        match work.place() {
            WorkPlace::Key(key) => {
                let sql = "UPDATE output_keys SET next_at = ?3 WHERE host = ?1 AND output = ?2 AND stage <> 'asked' AND next_at <= ?3";
                self.execute(sql, params![key.host, key.output, at])?;
            }
            WorkPlace::Attempt(attempt) => {
                let sql = "UPDATE output_invalidations SET next_at = ?2 WHERE attempt = ?1 AND next_at <= ?2";
                self.execute(sql, params![attempt, at])?;
            }
        }
        // A probe whose failures have ended in the meantime began before a change of the output, or before another call was answered.
        let sql = match failures {
            0 => {
                "INSERT INTO failing_clusters (output, cluster, state, since, failures, next_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
                 ON CONFLICT (output, cluster) DO NOTHING"
            }
            _ => {
                "UPDATE failing_clusters SET since = CASE WHEN state = ?3 THEN since ELSE ?4 END, state = ?3, failures = ?5, \
                 next_at = ?6 WHERE output = ?1 AND cluster = ?2"
            }
        };
        let failures = failures.saturating_add(1);
        self.execute(sql, params![key.output, cluster, state, at, failures, next_at]).map(drop)
    }

    /// Ends an attempt that failed. The row may have another attempt by now, which has its own end.
    fn end_attempt(
        &self,
        key: KeyOf,
        attempt: AttemptId,
        may_exist: bool,
        at: Timestamp,
    ) -> driver::Result<()> {
        let sql =
            "SELECT 1 FROM output_keys WHERE host = ?1 AND output = ?2 AND attempt = ?3 AND stage = 'asked'";
        if may_exist && self.exists(sql, params![key.host, key.output, attempt])? {
            self.invalidate_key(key, at)?;
        }
        let sql = "UPDATE output_keys SET stage = 'wanted', attempt = NULL, next_at = ?4 \
                   WHERE host = ?1 AND output = ?2 AND attempt = ?3 AND stage = 'asked'";
        self.execute(sql, params![key.host, key.output, attempt, at]).map(drop)
    }

    /// Records that the cluster of a key works.
    fn settle_cluster(&self, key: KeyOf) -> driver::Result<()> {
        let sql = "DELETE FROM failing_clusters WHERE output = ?2 AND cluster = \
                   (SELECT k.cluster FROM output_keys AS k WHERE k.host = ?1 AND k.output = ?2)";
        self.execute(sql, params![key.host, key.output]).map(drop)
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
                   AND stage = 'made' AND (coalesce(checked_at, made_at, 0) <= ?4 OR coalesce(checked_at, made_at, 0) > ?3)";
        let checked_before = at.minus(CHECKED_EVERY);
        let mut doubted = 0;
        for output in outputs {
            doubted += self.execute(sql, params![host, output, at, checked_before])? as u64;
        }
        Ok(doubted)
    }

    pub(super) fn judge_output_key(&self, command: JudgeOutputKey) -> driver::Result<()> {
        let JudgeOutputKey { key, attempt, is_invalid, at } = command;
        let sql = "SELECT 1 FROM output_keys WHERE host = ?1 AND output = ?2 AND attempt = ?3 AND sealed IS NOT NULL";
        if is_invalid {
            return match self.exists(sql, params![key.host, key.output, attempt])? {
                true => self.replace_key(key, at),
                false => Ok(()),
            };
        }
        self.settle_cluster(key)?;
        let sql = "UPDATE output_keys SET stage = 'made', checked_at = ?4, next_at = NULL \
                   WHERE host = ?1 AND output = ?2 AND attempt = ?3 AND stage = 'doubted'";
        self.execute(sql, params![key.host, key.output, attempt, at]).map(drop)
    }

    /// Has another key requested for a host. The former one is invalidated, because it may be valid all the same.
    pub(super) fn replace_key(&self, key: KeyOf, at: Timestamp) -> driver::Result<()> {
        self.invalidate_key(key, at)?;
        let sql = "UPDATE output_keys SET stage = 'wanted', state = 'invalid', since = ?3, attempt = NULL, key_id = NULL, \
                   seal = NULL, sealed = NULL, next_at = ?3 WHERE host = ?1 AND output = ?2";
        self.execute(sql, params![key.host, key.output, at]).map(drop)
    }

    pub(super) fn withdraw_output_keys(&self, command: WithdrawOutputKeys) -> driver::Result<()> {
        let WithdrawOutputKeys { keys, at } = command;
        for key in keys {
            if self.exists(IS_UNENTITLED, params![at, key.host, key.output])? {
                self.withdraw_key(key, at)?;
            }
        }
        self.drop_former_clusters()?;
        for table in ["output_keys", "output_invalidations", "failing_clusters"] {
            let sql = format!("UPDATE {table} SET next_at = ?1 WHERE next_at > ?2");
            self.execute(&sql, params![at, at.plus(LONGEST_WAIT)])?;
        }
        Ok(())
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

pub(in crate::store::sqlite) fn key_of(row: &Row<'_>) -> driver::Result<KeyOf> {
    Ok(KeyOf { host: row.get(0)?, output: row.get(1)? })
}
