//! The database that the example `seed` fills is one that a server could have written.

#[path = "../../examples/seed/dice.rs"]
mod dice;
#[path = "../../examples/seed/fill.rs"]
mod fill;
#[path = "../../examples/seed/rows.rs"]
mod rows;
#[path = "../../examples/seed/specimen.rs"]
mod specimen;

use std::path::Path;

use gatepass::clock::Timestamp;
use gatepass::id::{StatusRef, TokenId};
use gatepass::ledger::{Action, Draft};
use gatepass::store::sqlite::{OpenError, SqliteStore};
use gatepass::store::{AuthorityReads as _, ListKind, RevokeTokens, Store};
use gatepass::token::Status;
use rusqlite::{Connection, OptionalExtension as _};

use self::fill::{Amounts, SeedError, seed};
use self::specimen::Specimen;

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

fn founded(path: &Path) {
    let store = SqliteStore::open(path, NOW).unwrap();
    store.close();
    let connection = Connection::open(path).unwrap();
    let key = [7_u8; 32];
    let sql = "INSERT INTO signing_keys (kid, public, key_use, state, persistent_only, created_at) \
               VALUES (?1, ?1, 'enrollment', 'current', 0, 0)";
    connection.execute(sql, [key]).unwrap();
    let sql = "INSERT INTO mints (token, kid, issuer, label, roles, persistent, kind, minter, created_at, dns_names, \
               list, idx) VALUES (?1, ?2, 'https://gate.example.org', '', '[]', 1, 'roles', 'system', 0, '[]', ?1, 0)";
    connection.execute(sql, rusqlite::params![[1_u8; 16], key]).unwrap();
}

fn specimen() -> Specimen {
    Specimen::generate(NOW).unwrap()
}

fn amounts(tokens: u64, pairs: u64, hosts: u64, entries: u64) -> Amounts {
    Amounts { tokens, pairs, hosts, entries, number: 42 }
}

fn count(connection: &Connection, table: &str) -> u64 {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0)).unwrap()
        as u64
}

#[tokio::test]
async fn a_seeded_store_is_consistent() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gatepass.db");
    founded(&path);
    let mut heard = Vec::new();
    seed(&path, amounts(3000, 2000, 500, 700), &specimen(), NOW, |what, done, all| {
        heard.push((what, done, all))
    })
    .unwrap();
    assert_eq!(heard.last(), Some(&("entries", 700, 700)));

    let connection = Connection::open(&path).unwrap();
    let broken: Option<String> =
        connection.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)).optional().unwrap();
    assert_eq!(broken, None);
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
    for (what, wanted) in [
        ("tokens", 3000),
        ("pairs", 2000),
        ("hosts", 500),
        ("ledger", 700),
        (
            "tokens AS t JOIN mints AS m USING (token, kid, list, idx, revoked_at) WHERE t.revoked_at IS NOT NULL",
            75,
        ),
        ("pairs JOIN uses USING (token)", 2000),
        ("pairs AS p JOIN host_keys AS k ON k.host = p.host AND k.key = p.key", 2000),
        ("hosts AS h JOIN pairs AS p ON p.token = h.token AND p.host = h.host", 500),
        (
            "hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest AND c.not_after = h.ends_at",
            500,
        ),
    ] {
        assert_eq!(count(&connection, what), wanted, "{what}");
    }
    let head = SqliteStore::open_read_only(&path).unwrap().verify(|_, _| {}).unwrap();
    assert_eq!(head.seq, 700);
}

#[tokio::test]
async fn status_lists_match_the_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gatepass.db");
    founded(&path);
    seed(&path, amounts(5000, 0, 400, 0), &specimen(), NOW, |_, _, _| {}).unwrap();
    let store = SqliteStore::open(&path, NOW).unwrap();
    let lists = store.lists().await.unwrap();
    assert_eq!(
        lists.iter().map(|list| (list.kind, list.next)).collect::<Vec<_>>(),
        [(ListKind::Persistent, 5000)]
    );
    let status = |index| store.revocations().status(StatusRef { list: lists[0].id, index });
    let revoked = (0..5000).filter(|index| status(*index) == Status::Revoked).count();
    assert_eq!((revoked, store.revocations().revoked_tokens()), (125, 125));
    assert_eq!(store.revocations().revoked_certificates(), 2);
}

#[test]
fn pairs_without_tokens_or_hosts_are_refused() {
    let path = Path::new("/nonexistent/gatepass.db");
    for (tokens, pairs, hosts) in [(0, 1, 1), (1, 1, 0), (0, 0, 1)] {
        let refused = seed(path, amounts(tokens, pairs, hosts, 0), &specimen(), NOW, |_, _, _| {});
        assert!(matches!(refused, Err(SeedError::Amounts)));
    }
}

#[test]
fn a_new_or_used_database_is_not_changed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gatepass.db");
    let store = SqliteStore::open(&path, NOW).unwrap();
    let some = amounts(1, 1, 1, 1);
    let refused = seed(&path, some, &specimen(), NOW, |_, _, _| {});
    assert!(matches!(refused, Err(SeedError::Open(OpenError::Locked { .. }))));
    store.close();
    let refused = seed(&path, some, &specimen(), NOW, |_, _, _| {});
    assert!(matches!(refused, Err(SeedError::NotFounded)));
}

#[test]
fn more_pairs_than_tokens_use_other_keys() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gatepass.db");
    founded(&path);
    seed(&path, amounts(10, 100, 20, 0), &specimen(), NOW, |_, _, _| {}).unwrap();
    let connection = Connection::open(&path).unwrap();
    assert_eq!(
        count(&connection, "pairs AS p JOIN host_keys AS k ON k.host = p.host AND k.key = p.key"),
        100
    );
    let used: i64 = connection.query_row("SELECT sum(used) FROM uses", [], |row| row.get(0)).unwrap();
    assert_eq!(used, 100);
}

#[tokio::test]
async fn a_token_is_revoked_with_ten_thousand_hosts() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gatepass.db");
    founded(&path);
    seed(&path, amounts(1, 10_000, 10_000, 0), &specimen(), NOW, |_, _, _| {}).unwrap();
    let store = SqliteStore::open(&path, NOW).unwrap();
    let token = TokenId::from_bytes(
        Connection::open(&path).unwrap().query_row("SELECT token FROM uses", [], |row| row.get(0)).unwrap(),
    );
    let before = store.revocations().revoked_certificates();
    let entry = Draft::done(Action::TokenRevoked, NOW, "user:admin");
    let command = RevokeTokens { tokens: vec![token], hosts: true, entry };
    let began = std::time::Instant::now();
    let store: &dyn Store = store.as_ref();
    let done = store.revoke_tokens(command).await.unwrap();
    println!("revoked in {:?}", began.elapsed());
    assert_eq!((done.tokens, done.hosts), (1, 9950), "one in two hundred had been revoked before");
    assert_eq!(store.revocations().revoked_certificates(), before + 9950);
    assert_eq!(store.chain_head().await.unwrap().seq, 9951, "an entry for the token and one for each host");
    assert_eq!(store.count_live_hosts(vec![token]).await.unwrap(), 0);
}
