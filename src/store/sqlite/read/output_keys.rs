//! Reads of keys of hosts at outputs, and of the work on them.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::id::{HostId, OutputId};
use crate::seal::Sealed;
use crate::store::sqlite::SqliteStore;
use crate::store::sqlite::act::output_keys::{UNENTITLED, key_of};
use crate::store::sqlite::driver::{self, Row, Sql, params};
use crate::store::sqlite::value::{Json, damaged};
use crate::store::{
    HostKey, HostOutputState, Invalidation, KeyCluster, KeyCounts, KeyOf, OutputKeyReads, OutputSecret,
    OutputTask, OutputWork, StoreFuture, StoredKey,
};

/// The failures `f` of the cluster of `k`, if it fails.
macro_rules! with_failures {
    () => {
        " LEFT JOIN failing_clusters AS f ON f.output = k.output AND f.cluster = k.cluster "
    };
}

/// The state of the key `k`: a key that is not ready has the state of its cluster.
macro_rules! shown_state {
    () => {
        "CASE WHEN k.state = 'ready' THEN k.state ELSE coalesce(f.state, k.state) END"
    };
}

/// The time since which the key `k` has this state.
macro_rules! shown_since {
    () => {
        "CASE WHEN k.state <> 'ready' AND f.since > k.since THEN f.since ELSE k.since END"
    };
}

/// The clusters of the policy of the host `?1`, and the keys that it may have there.
macro_rules! of_host {
    () => {
        concat!(
            " FROM hosts AS h JOIN policy_outputs AS p ON p.policy = h.policy JOIN outputs AS o ON o.output = p.output \
             LEFT JOIN output_keys AS k ON k.host = h.host AND k.output = o.output AND k.policy = h.policy AND k.cluster = o.cluster",
            with_failures!(),
            "WHERE h.host = ?1 AND (o.kind = 'elasticsearch' OR o.kind = 'remote_elasticsearch') ORDER BY p.position"
        )
    };
}

/// Finds the clusters of a host's policy, and the keys that it may have there.
pub(in crate::store::sqlite) const KEYS_OF_HOST: &str = concat!(
    "SELECT o.output, ",
    shown_state!(),
    ", ",
    shown_since!(),
    ", k.attempt, k.key_id, k.made_at, k.seal, k.sealed",
    of_host!()
);

/// Finds the states of the same keys.
pub(in crate::store::sqlite) const OUTPUTS_OF_HOST: &str =
    concat!("SELECT o.output, o.name, ", shown_state!(), ", ", shown_since!(), of_host!());

/// Counts the keys of each output by state, along the index.
pub(in crate::store::sqlite) const KEY_STATES: &str = concat!(
    "SELECT k.output, ",
    shown_state!(),
    " AS shown, sum(k.number) FROM (SELECT output, cluster, state, count(*) AS number FROM output_keys \
     GROUP BY output, cluster, state) AS k",
    with_failures!(),
    "GROUP BY k.output, shown"
);

const WAITING_INVALIDATIONS: &str =
    "SELECT output, count(*), min(since) FROM output_invalidations GROUP BY output";

/// Finds keys with due work. An attempt waits until the cluster has answered about an earlier one. An abandoned one needs no cluster.
pub(in crate::store::sqlite) const DUE_KEYS: &str = concat!(
    "SELECT k.host, k.output, k.cluster, coalesce(f.failures, 0), k.stage, k.attempt, k.key_id FROM output_keys AS k",
    with_failures!(),
    "WHERE k.next_at <= ?1 AND k.next_at IS NOT NULL AND (k.stage = 'asked' OR coalesce(f.next_at, 0) <= ?1) \
     AND NOT (k.stage = 'wanted' AND EXISTS (SELECT 1 FROM output_invalidations AS i WHERE i.output = k.output AND i.host = k.host \
     AND i.key_id IS NULL AND i.answered = 0 AND i.cluster = k.cluster)) ORDER BY k.next_at LIMIT ?2"
);

/// Finds due invalidations.
pub(in crate::store::sqlite) const DUE_INVALIDATIONS: &str = concat!(
    "SELECT k.host, k.output, k.cluster, coalesce(f.failures, 0), k.attempt, k.key_id, k.asked_at, k.since \
     FROM output_invalidations AS k",
    with_failures!(),
    "WHERE k.next_at <= ?1 AND coalesce(f.next_at, 0) <= ?1 ORDER BY k.next_at LIMIT ?2"
);

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
                all.extend(ended.next());
                all.extend(keys.next());
            }
            Ok(all)
        })
    }

    fn unentitled_keys(&self, now: Timestamp, limit: u32) -> StoreFuture<'_, Vec<KeyOf>> {
        self.list(move |sql| sql.all(UNENTITLED, params![now, limit], key_of))
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

/// Reads the first columns of due work.
fn work_of(row: &Row<'_>, task: OutputTask) -> driver::Result<OutputWork> {
    Ok(OutputWork { key: key_of(row)?, cluster: row.get(2)?, failures: row.get(3)?, task })
}

fn work(row: &Row<'_>) -> driver::Result<OutputWork> {
    let task = match row.get::<_, String>(4)?.as_str() {
        "wanted" => OutputTask::Make,
        "asked" => OutputTask::Abandon,
        "doubted" => OutputTask::Check { attempt: row.get(5)?, id: row.get(6)? },
        _ => return Err(damaged("a key without work is due")),
    };
    work_of(row, task)
}

fn invalidation(row: &Row<'_>) -> driver::Result<OutputWork> {
    let (attempt, id) = (row.get(4)?, row.get(5)?);
    let invalidation = Invalidation { attempt, id, asked_at: row.get(6)?, since: row.get(7)? };
    work_of(row, OutputTask::Invalidate(invalidation))
}
