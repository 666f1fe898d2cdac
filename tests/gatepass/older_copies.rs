//! A database that comes back as an older copy: the mark beside the keys shows it.

mod killed;

use std::fs;
use std::path::{Path, PathBuf};

use gatepass::clock::{ManualClock, SystemClock};
use gatepass::ledger::{Action, Draft};
use gatepass::store::sqlite::SqliteStore;
use gatepass::store::{AppendEntries, Verbs as _};
use serde_json::{Value, json};

use crate::support::authority::start;
use crate::support::database::{execute, file, one, reader};
use crate::support::served::{Served, complaint, run, serve};
use crate::support::{Process, Running};

fn mark(data: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(data.join("keys/ledger.mark")).unwrap()).unwrap()
}

/// Number of the newest entry.
fn newest(data: &Path) -> i64 {
    one(&reader(data), "SELECT head_seq FROM meta")
}

/// Copies the database of a stopped server.
fn copy(data: &Path, name: &str) -> PathBuf {
    assert!(!data.join("gatepass.db-wal").exists(), "the server has stopped");
    let copy = data.with_file_name(name);
    fs::copy(file(data), &copy).unwrap();
    copy
}

async fn mint(served: &Served) {
    let minted = served.admin().post("/api/v1/enrollment-tokens", &json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
}

/// Starts a server that must refuse, and returns its message.
fn refused(data: &Path) -> String {
    let before = fs::read(file(data)).unwrap();
    let output = run(&mut serve(data));
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("nothing was changed"), "{said}");
    assert_eq!(fs::read(file(data)).unwrap(), before);
    assert!(!data.join("gatepass.db-wal").exists());
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_back_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(Served::start(serve(&data)).stop().success());
    let (older, had) = (copy(&data, "older.db"), newest(&data));
    let served = Served::start(serve(&data));
    mint(&served).await;
    assert!(served.stop().success());
    let (newer, has) = (copy(&data, "newer.db"), newest(&data));
    assert!(has > had);
    assert_eq!(mark(&data)["seq"], json!(has), "a stop writes the mark");

    fs::copy(&older, file(&data)).unwrap();
    let said = refused(&data);
    let here = data.display();
    for part in [
        format!("ends with entry {had} of 2"),
        format!("it had {has} entries at 2"),
        format!("cp -p NEWER/gatepass.db* {here}/"),
        format!("gatepass restore --in-place --data-dir {here}"),
        format!("{here}/keys/ledger.mark"),
    ] {
        assert!(said.contains(&part), "{part}: {said}");
    }
    fs::copy(&newer, file(&data)).unwrap();
    assert!(Served::start(serve(&data)).stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_younger_than_the_mark_is_not_seen() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(Served::start(serve(&data)).stop().success());
    let (older, had) = (copy(&data, "older.db"), mark(&data));
    let server = Process::start(&data, &[]).await;
    assert_eq!(server.admin().post("/api/v1/enrollment-tokens", &json!({})).await.status, 201);
    server.kill();
    for beside in ["gatepass.db-wal", "gatepass.db-shm"] {
        let _ = fs::remove_file(data.join(beside));
    }
    fs::copy(&older, file(&data)).unwrap();
    // The mark of the first minute, also on a machine that needs longer.
    fs::write(data.join("keys/ledger.mark"), had.to_string()).unwrap();
    assert!(Served::start(serve(&data)).stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_of_another_authority_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (data, other) = (dir.path().join("data"), dir.path().join("other"));
    for data in [&data, &other] {
        assert!(Served::start(serve(data)).stop().success());
    }
    fs::copy(other.join("keys/ledger.mark"), data.join("keys/ledger.mark")).unwrap();
    let said = refused(&data);
    let chain = mark(&other)["chain"].as_str().unwrap().to_owned();
    assert!(said.contains(&format!("does not know the chain {chain}")), "{said}");
    fs::write(data.join("keys/ledger.mark"), "{").unwrap();
    assert!(refused(&data).contains("keys/ledger.mark"));
    fs::remove_file(data.join("keys/ledger.mark")).unwrap();
    assert!(Served::start(serve(&data)).stop().success(), "an upgraded server has no mark yet");
}

/// Begins a chain in the database of a stopped server, as a restore does.
async fn begin_chain(data: &Path) {
    execute(data, "UPDATE meta SET chain = CAST(x'02' || substr(chain, 2) AS BLOB)");
    append(data, Action::Restored).await;
}

/// Adds an entry to the ledger of a stopped server.
async fn append(data: &Path, action: Action) {
    let now = SystemClock::now();
    let store = SqliteStore::open(&file(data), now).unwrap();
    let entries = vec![Draft::done(action, now, "system")];
    store.append_entries(AppendEntries { entries }).await.unwrap();
    store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mark_of_an_ended_chain_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(Served::start(serve(&data)).stop().success());
    let (older, before) = (copy(&data, "older.db"), mark(&data));
    begin_chain(&data).await;
    let served = Served::start(serve(&data));
    let entry = served.admin().get("/api/v1/ledger?action=restored").await.json["items"][0].clone();
    assert_eq!(entry["id"].as_str().unwrap(), (before["seq"].as_u64().unwrap() + 1).to_string());
    let verdict = served.admin().get("/api/v1/ledger/verification").await.json;
    assert_eq!((&verdict["intact"], &verdict["chain"]), (&json!(true), &entry["chain"]));
    assert!(served.stop().success());
    assert_ne!(mark(&data)["chain"], before["chain"], "the mark follows the new chain");

    fs::copy(&older, file(&data)).unwrap();
    assert!(refused(&data).contains("does not know the chain"), "it is from before the restore");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_past_the_restored_head_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(Served::start(serve(&data)).stop().success());
    let older = copy(&data, "older.db");
    let served = Served::start(serve(&data));
    for _ in 0..3 {
        mint(&served).await;
    }
    assert!(served.stop().success());
    fs::copy(&older, file(&data)).unwrap();
    begin_chain(&data).await;
    assert!(refused(&data).contains("ends with entry"));
    let seq = mark(&data)["seq"].as_i64().unwrap();
    while newest(&data) < seq {
        append(&data, Action::Collected).await;
    }
    assert!(refused(&data).contains(&format!("is not the entry {seq} that the ledger had")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_one_over_a_restore() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let at = Running::open(&data, std::sync::Arc::new(ManualClock::at(start())), &[]).await.unwrap();
    let (_, clock, _) = at.stop().await;
    let before = newest(&data);
    begin_chain(&data).await;
    let at = Running::open(&data, clock, &[]).await.unwrap();
    at.mint_once().await;
    let head = at.store.chain_head().await.unwrap().seq;
    let listed =
        at.ledger().await.iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(listed, (1..=head).rev().map(|seq| seq.to_string()).collect::<Vec<_>>());
    let export = at.admin().get(&format!("/api/v1/ledger/export?after={}", before - 1)).await.text;
    let ids = export.lines().filter_map(|line| {
        let id = serde_json::from_str::<Value>(line).unwrap()["id"].as_str()?.parse::<u64>().unwrap();
        Some(id)
    });
    assert_eq!(ids.collect::<Vec<_>>(), (u64::try_from(before).unwrap()..=head).collect::<Vec<_>>());
    let (around, _) = at.authority.ledger.around(u64::try_from(before).unwrap() + 1).await.unwrap();
    assert_eq!(around.iter().map(|entry| entry.chain).collect::<std::collections::BTreeSet<_>>().len(), 2);
    assert_eq!(around.len(), 3);
    at.stop().await;
}
