//! The contract on SQLite, and the faults that only SQLite has.

mod faults;
mod migrating;
mod opening;
mod plans;
mod portable;
mod seams;

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::writer::Job;
use super::{Fuse, LedgerFault, OpenError, SqliteStore, migrate};
use crate::clock::Timestamp;
use crate::id::{ApiKeyId, PolicyId};
use crate::ledger::{Action, Draft, Fault};
use crate::store::contract::{Backend, World, contract, new_key, plain_policy};
use crate::store::revocations::{PAGE_BYTES, place};
use crate::store::*;
use crate::token::{Status, TokenRef};

/// A database file in a directory of its own.
struct OnDisk {
    path: PathBuf,
    _directory: tempfile::TempDir,
}

impl OnDisk {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { path: directory.path().join("gatepass.db"), _directory: directory }
    }
}

impl Backend for OnDisk {
    fn open(&self, now: Timestamp) -> Arc<dyn Store> {
        SqliteStore::open(&self.path, now).unwrap()
    }

    fn suspend(&self, tokens: &[TokenRef], keys: &[ApiKeyId], at: Timestamp) {
        let connection = Connection::open(&self.path).unwrap();
        for TokenRef { id, status, .. } in tokens {
            let sql = "UPDATE mints SET suspended_at = ?2 WHERE token = ?1";
            connection.execute(sql, params![id, at]).unwrap();
            let (page, byte, shift) = place(status.index);
            let sql = "SELECT bits FROM status_pages WHERE list = ?1 AND page = ?2";
            let read = |row: &rusqlite::Row<'_>| row.get(0);
            let bits = connection.query_row(sql, params![status.list, page], read).optional().unwrap();
            let mut bits: [u8; PAGE_BYTES] = bits.unwrap_or([0; PAGE_BYTES]);
            if bits[byte] >> shift & 3 == Status::Valid.bits() {
                bits[byte] |= Status::Suspended.bits() << shift;
            }
            let sql = "INSERT OR REPLACE INTO status_pages (list, page, bits) VALUES (?1, ?2, ?3)";
            connection.execute(sql, params![status.list, page, bits]).unwrap();
        }
        for key in keys {
            let sql = "UPDATE api_keys SET suspended_at = ?2 WHERE id = ?1";
            connection.execute(sql, params![key, at]).unwrap();
        }
    }
}

contract!(super::OnDisk::new());

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

fn open(disk: &OnDisk) -> Arc<SqliteStore> {
    SqliteStore::open(&disk.path, NOW).unwrap()
}

impl SqliteStore {
    /// Does something to the writing connection between two batches.
    fn hook(&self, hook: impl FnOnce(&Connection) + Send + 'static) {
        self.queue.send(Job::Hook(Box::new(hook))).unwrap();
    }
}

fn append(store: &Arc<SqliteStore>, size: usize) -> StoreFuture<'_, ()> {
    let store: &dyn Store = &**store;
    let entry = Draft::done(Action::TokenCreated, NOW, "user:admin").with("filler", "x".repeat(size));
    store.append_entries(AppendEntries { entries: vec![entry] })
}

/// Overwrites the header of the table's first page. The database must not be open.
fn damage(path: &std::path::Path, table: &str) {
    use std::os::unix::fs::FileExt as _;
    let connection = Connection::open(path).unwrap();
    let page: u64 = connection
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = ?1", [table], |row| row.get(0))
        .unwrap();
    drop(connection);
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[0xff; 8], (page - 1) * 4096).unwrap();
}

#[tokio::test]
async fn redeeming_needs_no_mint_record() {
    let disk = OnDisk::new();
    let path = disk.path.clone();
    let mut world = World::begin(Box::new(disk)).await;
    let tokens = [world.mint_ephemeral(Some(2)).await, world.mint_persistent(None).await];
    let other = Connection::open(path).unwrap();
    other.execute_batch("DELETE FROM mints").unwrap();
    for token in tokens {
        let key = crate::id::SpkiHash::of(token.token.id.as_bytes());
        assert_eq!(world.redeem(&token, key).await, Redeemed::First);
        assert!(matches!(world.redeem(&token, key).await, Redeemed::Again(_)));
    }
}

#[tokio::test]
async fn a_row_that_somebody_edits_is_found_and_named() {
    type Case = (&'static str, fn(&Fault) -> bool);
    let cases: [Case; 5] = [
        (
            "UPDATE ledger SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'20' AS BLOB) WHERE seq = 3",
            |fault| *fault == Fault::Altered { seq: 3 },
        ),
        ("DELETE FROM ledger WHERE seq = 3", |fault| *fault == Fault::Missing { seq: 3, found: 4 }),
        (
            "UPDATE ledger SET seq = 99 WHERE seq = 3; UPDATE ledger SET seq = 3 WHERE seq = 4; \
             UPDATE ledger SET seq = 4 WHERE seq = 99",
            |fault| matches!(fault, Fault::Moved { seq: 3, written: 4, .. }),
        ),
        (
            "INSERT INTO ledger SELECT chain, seq + 1, at, actor, address, request, action, token, host, outcome, \
             reason, bytes, hash FROM ledger WHERE seq = 5",
            |fault| matches!(fault, Fault::Moved { seq: 6, written: 5, .. }),
        ),
        ("UPDATE ledger SET actor = 'user:nobody' WHERE seq = 2", |fault| {
            *fault == Fault::Column { seq: 2, column: "actor" }
        }),
    ];
    for (edit, expected) in cases {
        let disk = OnDisk::new();
        let store = open(&disk);
        for _ in 0..5 {
            append(&store, 10).await.unwrap();
        }
        drop(store);
        Connection::open(&disk.path).unwrap().execute_batch(edit).unwrap();
        match SqliteStore::open_read_only(&disk.path).unwrap().verify(|_, _| ()) {
            Err(LedgerFault::Broken(fault)) => assert!(expected(&fault), "{edit}: {fault:?}"),
            other => panic!("{edit}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_ledger_is_verified_while_a_server_writes() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    let ledger = SqliteStore::open_read_only(&disk.path).unwrap();
    assert_eq!(ledger.verify(|_, _| ()).unwrap().seq, 1);
    append(&store, 10).await.unwrap();
    let mut heard = Vec::new();
    assert_eq!(ledger.verify(|done, of| heard.push((done, of))).unwrap().seq, 2);
    assert_eq!(heard, [(2, 2)]);
}

#[tokio::test]
async fn the_views_show_people_what_is_there() {
    let disk = OnDisk::new();
    let path = disk.path.clone();
    let mut world = World::begin(Box::new(disk)).await;
    let token = world.mint_ephemeral(Some(1)).await;
    world.redeem(&token, crate::id::SpkiHash::of(b"key")).await;
    let reader = Connection::open(path).unwrap();
    let text = |sql: &str| reader.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("SELECT token FROM readable_tokens"), crate::id::hex(token.token.id.as_bytes()));
    assert_eq!(text("SELECT enrolled_at FROM readable_hosts"), "2030-03-17T17:46:40Z");
    let body = text("SELECT body FROM readable_ledger WHERE action = 'host_enrolled'");
    assert!(body.starts_with(r#"{"at":"2030-03-17T17:46:40Z","actor":"user:admin""#), "{body}");
}

#[tokio::test]
async fn a_rule_counts_its_hosts_that_hold_a_slot() {
    let disk = OnDisk::new();
    let path = disk.path.clone();
    let mut world = World::begin(Box::new(disk)).await;
    let token = world.mint_ephemeral(Some(3)).await;
    let rule = crate::id::RuleId::generate(world.now);
    for key in ["one", "two", "three"] {
        world.redeem(&token, crate::id::SpkiHash::of(key.as_bytes())).await;
    }
    let every = HostFilter::every(None, world.now);
    let hosts = world.store().list_hosts(every, PageQuery::new(None, 3)).await.unwrap().items;
    let connection = Connection::open(path).unwrap();
    connection.execute("UPDATE hosts SET rule = ?1", [rule.as_bytes()]).unwrap();
    world.revoke_host(hosts[0].id).await;
    let end = hosts[1].newest.not_after;
    for (at, admitted) in [(world.now, 2), (end.minus(std::time::Duration::from_secs(1)), 2), (end, 0)] {
        assert_eq!(world.store().admitted_by_rule(rule, at).await.unwrap(), admitted);
        let all = world.store().admitted_by_rules(at).await.unwrap();
        assert_eq!(all, if admitted > 0 { vec![(rule, admitted)] } else { Vec::new() });
    }
}

#[tokio::test]
async fn a_policy_that_hosts_have_is_not_deleted() {
    let disk = OnDisk::new();
    let path = disk.path.clone();
    let mut world = World::begin(Box::new(disk)).await;
    let policy = world.policy(plain_policy("edge")).await;
    let token = world.mint_ephemeral(Some(2)).await;
    let hosts = [world.enroll(&token, new_key()).await.id, world.enroll(&token, new_key()).await.id];
    let connection = Connection::open(path).unwrap();
    connection.execute("UPDATE hosts SET policy = ?1", [policy.id.as_bytes()]).unwrap();
    for (place, hosts_left) in [(0, 2), (1, 1)] {
        assert_eq!(world.store().hosts_of_policy(policy.id).await.unwrap(), hosts_left);
        let ids = vec![PolicyId::generate(world.now), policy.id];
        assert_eq!(world.store().hosts_of_policies(ids).await.unwrap(), [0, hosts_left]);
        let kept = world.delete_policy(policy.id, 1).await;
        assert_eq!(kept, PolicyDeletion::InUse { hosts: hosts_left });
        world.revoke_host(hosts[place]).await;
    }
    assert_eq!(world.store().policies().await.unwrap(), std::slice::from_ref(&policy));
    assert_eq!(world.delete_policy(policy.id, 1).await, PolicyDeletion::Deleted { tokens: 0 });
}
