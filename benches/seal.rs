//! A rotation of the seal with 10 000 sealed keys of hosts. It is one transaction: no other change is written until its end.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatepass::clock::{SystemClock, Timestamp};
use gatepass::id::{AttemptId, HostId, OutputId, PolicyId, SealKeyId};
use gatepass::ledger::{Action, Draft};
use gatepass::seal::{Seal, SealKey};
use gatepass::secret::Secret;
use gatepass::store::sqlite::SqliteStore;
use gatepass::store::{AddSealKey, RotateSeal, SealRotation, Store, StoredKey};
use rusqlite::{Connection, params};

/// Number of hosts, each with a sealed key.
const HOSTS: u64 = 10_000;
/// Number of rotations.
const ROUNDS: u32 = 7;

fn main() {
    let (dir, now) = (tempfile::tempdir().unwrap(), SystemClock::now());
    let path = dir.path().join("gatepass.db");
    let store: Arc<dyn Store> = SqliteStore::open(&path, now).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut text = SealKey::generate();
    let entry = Draft::done(Action::KeyRotated, now, "system");
    runtime.block_on(store.add_seal_key(AddSealKey { key: SealKeyId::FIRST, entry })).unwrap();
    seal_keys(&path, &Seal::new(vec![key(1, &text)]), now);
    let mut spans = Vec::new();
    for round in 1..=ROUNDS {
        let next = SealKey::generate();
        let seal = Arc::new(Seal::new(vec![key(round, &text), key(round + 1, &next)]));
        let rotation = rotation(round + 1, seal, now);
        let began = Instant::now();
        let done = runtime.block_on(store.rotate_seal(rotation)).unwrap();
        spans.push(began.elapsed());
        assert_eq!(done, SealRotation::Done { secrets: HOSTS });
        text = next;
    }
    spans.sort();
    let [least, median, most] = [spans[0], spans[spans.len() / 2], spans[spans.len() - 1]].map(millis);
    println!("{HOSTS} keys of hosts: {median} ms ({least} to {most} ms in {ROUNDS} rounds)");
}

fn millis(span: Duration) -> u128 {
    span.as_millis()
}

fn key(number: u32, text: &Secret<String>) -> SealKey {
    SealKey::parse(SealKeyId::new(number), text).unwrap()
}

fn rotation(number: u32, seal: Arc<Seal>, now: Timestamp) -> RotateSeal {
    let entry = Draft::done(Action::KeyRotated, now, "system");
    RotateSeal { key: SealKeyId::new(number), seal, entry }
}

/// Writes a sealed key of each host beside the store: enrolling so many takes long.
fn seal_keys(path: &Path, seal: &Seal, now: Timestamp) {
    let mut beside = Connection::open(path).unwrap();
    let all = beside.transaction().unwrap();
    let (output, policy) = (OutputId::generate(now), PolicyId::generate(now));
    let sql = "INSERT INTO output_keys (host, output, policy, cluster, stage, state, since, failures, attempt, asked_at, key_id, \
               made_at, seal, sealed) VALUES (?1, ?2, ?3, 1, 'made', 'ready', ?4, 0, ?5, ?4, ?6, ?4, 1, ?7)";
    for _ in 0..HOSTS {
        let (host, attempt) = (HostId::generate(now), AttemptId::generate(now));
        let field = StoredKey::field(host);
        let secret = Secret::new("ui2lp2axTNmsyakw9tvNnw".to_owned());
        let sealed = seal.seal(StoredKey::place(output, &field, now), &secret).unwrap();
        let id = "VuaCfGcBCdbkQm-e5aOx";
        let values = params![
            host.as_bytes(),
            output.as_bytes(),
            policy.as_bytes(),
            now.millis(),
            attempt.as_bytes(),
            id,
            sealed.bytes
        ];
        all.execute(sql, values).unwrap();
    }
    all.commit().unwrap();
}
