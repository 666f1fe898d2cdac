//! Keys of hosts that must not be valid any longer, and the clusters that outputs had before.

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{AttemptId, HostId, OutputId};
use crate::seal::{Seal, Sealed};
use crate::store::sqlite::driver::{self, Row, params};
use crate::store::sqlite::value::Json;
use crate::store::{InvalidationEnd, KeyOf, OutputSecret, OutputSettings, SettleInvalidation, StoredKey};

impl Execution<'_> {
    /// Records that the key is to be invalidated, if the cluster may know it: by its id, or by the name of its attempt.
    pub(super) fn invalidate_key(&self, key: KeyOf, at: Timestamp) -> driver::Result<()> {
        let sql = "INSERT INTO output_invalidations (attempt, host, output, cluster, key_id, asked_at, answered, next_at, since) \
                   SELECT attempt, host, output, cluster, key_id, asked_at, 0, ?3, ?3 FROM output_keys \
                   WHERE host = ?1 AND output = ?2 AND attempt IS NOT NULL ON CONFLICT DO NOTHING";
        self.execute(sql, params![key.host, key.output, at]).map(drop)
    }

    /// Adds the id to an invalidation by name, and makes it due.
    pub(super) fn know_key(&self, attempt: AttemptId, id: &str, at: Timestamp) -> driver::Result<()> {
        let sql = "UPDATE output_invalidations SET key_id = ?2, next_at = ?3 WHERE attempt = ?1";
        self.execute(sql, params![attempt, id, at]).map(drop)
    }

    pub(super) fn settle_invalidation(&mut self, command: SettleInvalidation) -> driver::Result<()> {
        let SettleInvalidation { attempt, id, end } = command;
        let sql = "DELETE FROM failing_clusters WHERE (output, cluster) = \
                   (SELECT i.output, i.cluster FROM output_invalidations AS i WHERE i.attempt = ?1)";
        self.execute(sql, [attempt])?;
        match end {
            InvalidationEnd::Done(entry) => {
                let sql =
                    "DELETE FROM output_invalidations WHERE attempt = ?1 AND key_id IS NOT DISTINCT FROM ?2";
                if self.execute(sql, params![attempt, id])? > 0 {
                    entry.map_or(Ok(()), |entry| self.enter(*entry))?;
                }
                Ok(())
            }
            InvalidationEnd::Again { next_at } => {
                let sql = "UPDATE output_invalidations SET answered = 1, next_at = ?3 WHERE attempt = ?1 AND key_id IS NOT DISTINCT FROM ?2";
                self.execute(sql, params![attempt, id, next_at]).map(drop)
            }
        }
    }

    /// Makes the keys of an output's hosts end with its revision, if the change is more than a name or a secret. With another cluster or user,
    /// `is_moved`, the former one is kept for them.
    pub(super) fn begin_cluster(
        &self,
        output: OutputId,
        revision: u64,
        settings: &OutputSettings,
        is_moved: bool,
    ) -> driver::Result<()> {
        let read = "SELECT settings FROM outputs WHERE output = ?1 AND revision = ?2";
        let before =
            self.one(read, params![output, revision], |row| row.get::<_, Json<OutputSettings>>(0))?;
        if before.is_none_or(|Json(before)| before == *settings && !is_moved) {
            return Ok(());
        }
        if is_moved {
            self.keep_cluster(output)?;
        }
        self.execute("UPDATE outputs SET cluster = revision + 1 WHERE output = ?1", [output]).map(drop)
    }

    /// Keeps the cluster of an output, with its credential, until every key there is invalidated.
    pub(super) fn keep_cluster(&self, output: OutputId) -> driver::Result<()> {
        let sql = "INSERT INTO former_clusters (output, cluster, settings, field, version, seal, sealed) \
                   SELECT o.output, o.cluster, o.settings, s.field, s.version, s.seal, s.sealed FROM outputs AS o \
                   JOIN output_secrets AS s ON s.output = o.output WHERE o.output = ?1 \
                   AND (o.kind = 'elasticsearch' OR o.kind = 'remote_elasticsearch') ON CONFLICT DO NOTHING";
        self.execute(sql, [output]).map(drop)
    }

    /// Seals the keys of hosts and the credentials of former clusters again. Returns their number. A key that does not open is replaced. A
    /// former credential that does not open stays as it is, because no act could mend it.
    pub(super) fn reseal_keys(&self, seal: &Seal, at: Timestamp) -> driver::Result<u64> {
        let mut resealed = 0;
        let keys = "SELECT output, host, made_at, seal, sealed FROM output_keys WHERE sealed IS NOT NULL";
        let read = |row: &Row<'_>| {
            let sealed = Sealed { key: row.get(3)?, bytes: row.get(4)? };
            Ok((row.get::<_, OutputId>(0)?, row.get::<_, HostId>(1)?, row.get::<_, Timestamp>(2)?, sealed))
        };
        for (output, host, made_at, sealed) in self.all(keys, [], read)? {
            let field = StoredKey::field(host);
            let Ok(again) = seal.reseal(StoredKey::place(output, &field, made_at), &sealed) else {
                self.replace_key(KeyOf { host, output }, at)?;
                continue;
            };
            let sql = "UPDATE output_keys SET seal = ?3, sealed = ?4 WHERE output = ?1 AND host = ?2";
            self.execute(sql, params![output, host, again.key, again.bytes])?;
            resealed += 1;
        }
        let clusters = "SELECT output, cluster, field, version, seal, sealed FROM former_clusters";
        let read = |row: &Row<'_>| {
            let sealed = Sealed { key: row.get(4)?, bytes: row.get(5)? };
            let secret = OutputSecret { field: row.get(2)?, version: row.get(3)?, sealed };
            Ok((row.get::<_, OutputId>(0)?, row.get::<_, u64>(1)?, secret))
        };
        for (output, cluster, secret) in self.all(clusters, [], read)? {
            let Ok(again) = seal.reseal(secret.place(output), &secret.sealed) else { continue };
            let sql = "UPDATE former_clusters SET seal = ?3, sealed = ?4 WHERE output = ?1 AND cluster = ?2";
            self.execute(sql, params![output, cluster, again.key, again.bytes])?;
            resealed += 1;
        }
        Ok(resealed)
    }

    /// Deletes former clusters that no key needs, and failures of clusters without work.
    pub(super) fn drop_former_clusters(&self) -> driver::Result<()> {
        let sql = "DELETE FROM failing_clusters AS f WHERE NOT EXISTS (SELECT 1 FROM output_keys AS k WHERE k.output = f.output \
                   AND k.cluster = f.cluster) AND NOT EXISTS (SELECT 1 FROM output_invalidations AS i WHERE i.output = f.output \
                   AND i.cluster = f.cluster)";
        self.execute(sql, [])?;
        let sql = "DELETE FROM former_clusters AS f WHERE NOT EXISTS (SELECT 1 FROM output_keys AS k WHERE k.output = f.output \
                   AND k.cluster <= f.cluster) AND NOT EXISTS (SELECT 1 FROM output_invalidations AS i WHERE i.output = f.output \
                   AND i.cluster <= f.cluster)";
        self.execute(sql, []).map(drop)
    }
}
