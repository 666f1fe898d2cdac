//! Reads of keys of hosts at outputs, and of the work on them.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::id::{HostId, OutputId};
use crate::seal::Sealed;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::driver::{self, Row, Sql, params};
use crate::store::sqlite::value::{Json, damaged};
use crate::store::{
    HostKey, HostOutputState, Invalidation, KeyCluster, KeyCounts, KeyOf, OutputKeyReads, OutputSecret,
    OutputWork, StoreFuture, StoredKey,
};

/// Finds the clusters of a host's policy, and the keys that it may have there.
pub(in crate::store::sqlite) const KEYS_OF_HOST: &str = "SELECT o.output, k.state, k.since, k.attempt, k.key_id, k.made_at, k.seal, \
     k.sealed FROM hosts AS h JOIN policy_outputs AS p ON p.policy = h.policy JOIN outputs AS o ON o.output = p.output \
     LEFT JOIN output_keys AS k ON k.host = h.host AND k.output = o.output AND k.policy = h.policy AND k.cluster = o.cluster \
     WHERE h.host = ?1 AND (o.kind = 'elasticsearch' OR o.kind = 'remote_elasticsearch') ORDER BY p.position";

/// Finds the states of the same keys.
pub(in crate::store::sqlite) const OUTPUTS_OF_HOST: &str = "SELECT o.output, o.name, k.state, k.since FROM hosts AS h \
     JOIN policy_outputs AS p ON p.policy = h.policy JOIN outputs AS o ON o.output = p.output \
     LEFT JOIN output_keys AS k ON k.host = h.host AND k.output = o.output AND k.policy = h.policy AND k.cluster = o.cluster \
     WHERE h.host = ?1 AND (o.kind = 'elasticsearch' OR o.kind = 'remote_elasticsearch') ORDER BY p.position";

/// Counts the keys of each output by state, along the index.
pub(in crate::store::sqlite) const KEY_STATES: &str =
    "SELECT output, state, count(*) FROM output_keys GROUP BY output, state";

const WAITING_INVALIDATIONS: &str =
    "SELECT output, count(*), min(since) FROM output_invalidations GROUP BY output";

/// Finds keys with due work. An attempt waits until the cluster has answered about an earlier one.
pub(in crate::store::sqlite) const DUE_KEYS: &str = "SELECT k.host, k.output, k.stage, k.attempt, k.key_id, k.cluster, k.failures \
     FROM output_keys AS k WHERE k.next_at <= ?1 AND k.next_at IS NOT NULL AND NOT (k.stage = 'wanted' AND EXISTS (SELECT 1 \
     FROM output_invalidations AS i WHERE i.output = k.output AND i.host = k.host AND i.key_id IS NULL AND i.answered = 0 \
     AND i.cluster = k.cluster)) ORDER BY k.next_at LIMIT ?2";

/// Finds due invalidations.
pub(in crate::store::sqlite) const DUE_INVALIDATIONS: &str = "SELECT attempt, host, output, cluster, key_id, asked_at, failures \
     FROM output_invalidations WHERE next_at <= ?1 ORDER BY next_at LIMIT ?2";

impl OutputKeyReads for SqliteStore {
    fn keys_of_host(&self, host: HostId) -> StoreFuture<'_, Vec<(OutputId, Option<HostKey>)>> {
        self.point(move |sql| sql.all(KEYS_OF_HOST, [host], host_key))
    }

    fn due_output_work(&self, now: Timestamp, limit: u32) -> StoreFuture<'_, Vec<OutputWork>> {
        self.point(move |sql| {
            let mut keys = sql.all(DUE_KEYS, params![now, limit], work)?.into_iter();
            let mut ended = sql.all(DUE_INVALIDATIONS, params![now, limit], invalidation)?.into_iter();
            // In turn, so that neither holds the other up.
            let mut all = Vec::new();
            while keys.len() + ended.len() > 0 {
                all.extend(ended.next().map(OutputWork::Invalidate));
                all.extend(keys.next());
            }
            Ok(all)
        })
    }

    fn key_cluster(&self, output: OutputId, of: Option<u64>) -> StoreFuture<'_, Option<KeyCluster>> {
        self.point(move |sql| match of.map(|of| former(sql, output, of)).transpose()?.flatten() {
            Some(former) => Ok(Some(former)),
            None => current(sql, output),
        })
    }

    fn outputs_of_host(&self, host: HostId) -> StoreFuture<'_, Vec<HostOutputState>> {
        self.point(move |sql| sql.all(OUTPUTS_OF_HOST, [host], host_output))
    }

    fn count_keys(&self) -> StoreFuture<'_, BTreeMap<OutputId, KeyCounts>> {
        self.list(|sql| {
            let mut counts = BTreeMap::<OutputId, KeyCounts>::new();
            for (output, state, number) in
                sql.all(KEY_STATES, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            {
                counts.entry(output).or_default().states.insert(state, number);
            }
            for (output, number, oldest) in
                sql.all(WAITING_INVALIDATIONS, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            {
                let counts = counts.entry(output).or_default();
                (counts.invalidations, counts.oldest_invalidation) = (number, oldest);
            }
            Ok(counts)
        })
    }
}

/// The cluster that an output had when its keys of the revision `of` were made, if it has another one now.
fn former(sql: Sql<'_>, output: OutputId, of: u64) -> driver::Result<Option<KeyCluster>> {
    let text = "SELECT cluster, settings, field, version, seal, sealed FROM former_clusters \
                WHERE output = ?1 AND cluster >= ?2 ORDER BY cluster";
    let rows = sql.all(text, params![output, of], cluster_row)?;
    Ok(together(rows))
}

fn current(sql: Sql<'_>, output: OutputId) -> driver::Result<Option<KeyCluster>> {
    let text = "SELECT o.cluster, o.settings, s.field, s.version, s.seal, s.sealed FROM outputs AS o \
                JOIN output_secrets AS s ON s.output = o.output WHERE o.output = ?1";
    Ok(together(sql.all(text, [output], cluster_row)?))
}

fn cluster_row(row: &Row<'_>) -> driver::Result<KeyCluster> {
    let sealed = Sealed { key: row.get(4)?, bytes: row.get(5)? };
    let secret = OutputSecret { field: row.get(2)?, version: row.get(3)?, sealed };
    Ok(KeyCluster { cluster: row.get(0)?, settings: row.get::<_, Json<_>>(1)?.0, secrets: vec![secret] })
}

/// A row for each secret of a cluster becomes the first cluster with its secrets.
fn together(rows: Vec<KeyCluster>) -> Option<KeyCluster> {
    let mut rows = rows.into_iter();
    let mut first = rows.next()?;
    let same = rows.filter(|row| row.cluster == first.cluster).flat_map(|row| row.secrets);
    first.secrets.extend(same);
    Some(first)
}

fn host_key(row: &Row<'_>) -> driver::Result<(OutputId, Option<HostKey>)> {
    let output = row.get(0)?;
    let Some(state) = row.get(1)? else { return Ok((output, None)) };
    let key = match row.get::<_, Option<String>>(4)? {
        None => None,
        Some(id) => {
            let sealed = Sealed { key: row.get(6)?, bytes: row.get(7)? };
            Some(StoredKey { id, made_at: row.get(5)?, sealed })
        }
    };
    Ok((output, Some(HostKey { state, since: row.get(2)?, attempt: row.get(3)?, key })))
}

fn host_output(row: &Row<'_>) -> driver::Result<HostOutputState> {
    Ok(HostOutputState { id: row.get(0)?, name: row.get(1)?, state: row.get(2)?, since: row.get(3)? })
}

fn work(row: &Row<'_>) -> driver::Result<OutputWork> {
    let key = KeyOf { host: row.get(0)?, output: row.get(1)? };
    match row.get::<_, String>(2)?.as_str() {
        "wanted" => Ok(OutputWork::Make { key, failures: row.get(6)? }),
        "asked" => Ok(OutputWork::Abandon(key)),
        "doubted" => {
            Ok(OutputWork::Check { key, attempt: row.get(3)?, id: row.get(4)?, cluster: row.get(5)? })
        }
        _ => Err(damaged("a key without work is due")),
    }
}

fn invalidation(row: &Row<'_>) -> driver::Result<Invalidation> {
    Ok(Invalidation {
        attempt: row.get(0)?,
        key: KeyOf { host: row.get(1)?, output: row.get(2)? },
        cluster: row.get(3)?,
        id: row.get(4)?,
        asked_at: row.get(5)?,
        failures: row.get(6)?,
    })
}
