//! The store cannot be written: 503 with `Retry-After`, what is published is still served, nothing is half done, and it
//! goes on without a restart. Where the disk itself fails, the process ends and loses nothing it has answered.
//!
//! A locked database stands for every temporary fault, because any user can cause it. A full disk needs a mount and is
//! tested with the outside tools. The store's own tests have the read-only database.

#[cfg(feature = "outside")]
mod full_disk;

use std::path::Path;

use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use super::{stored, used};
use crate::support::authority::token_of;
use crate::support::client::{Client, Said};
use crate::support::process::{Process, gatepass};
use crate::support::served::{Served, serve, serve_after};
use crate::support::{Host, Running, database, eventually};

/// The documents that are served even if the store fails.
async fn published_is_served(stranger: &Client, ski: &str) {
    let crl = format!("/ca/crl/{ski}.der");
    for path in
        ["/.well-known/jwks.json", "/ca/root.pem", "/ca/chain.pem", &crl, "/status", "/livez", "/metrics"]
    {
        assert_eq!(stranger.get(path).await.status, 200, "{path}");
    }
}

fn unavailable(said: &Said) {
    assert_eq!((said.status, said.code()), (503, "store_unavailable"), "{}", said.text);
    assert!(said.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
}

async fn ski(admin: &Client) -> String {
    admin.get("/api/v1/ca").await.json["issuing"][0]["ski"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_store_is_503_and_recovers() {
    let at = Running::start().await;
    at.authority.ca.crls.sign().await.unwrap();
    let (machine, minted) = (Host::new(), at.mint(json!({ "max_uses": 2 })).await);
    let enrolled = machine.redeem(&at, &token_of(&minted)).await.json;
    let client = machine.client(&at, &enrolled);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let (admin, ski, before) = (at.admin(), ski(&at.admin()).await, stored(&at).await);

    let other = rusqlite::Connection::open(at.data_dir().join("gatepass.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let newcomer = Host::new();
    unavailable(&admin.post("/api/v1/enrollment-tokens", &json!({})).await);
    unavailable(&newcomer.redeem(&at, &token_of(&minted)).await);
    unavailable(&client.post("/api/v1/renew", &json!({ "csr": Host::new().csr() })).await);
    unavailable(&admin.delete(&format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap())).await);
    assert_eq!(machine.redeem(&at, &token_of(&minted)).await.json, enrolled, "a repeat needs no write");
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let ready = at.stranger().get("/readyz").await;
    assert!(ready.status == 503 && ready.text.contains("locked by another process"), "{}", ready.text);
    published_is_served(&at.stranger(), &ski).await;
    assert_eq!(stored(&at).await, before, "nothing is half done");

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(newcomer.redeem(&at, &token_of(&minted)).await.status, 200);
    assert_eq!(used(&at, &minted).await, 2);
    assert_eq!(at.stranger().get("/readyz").await.status, 200);
    assert_eq!(at.admin().get("/api/v1/ledger/verification").await.json["intact"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_database_is_503() {
    let at = Running::start().await;
    at.authority.ca.crls.sign().await.unwrap();
    let (minted, ski) = (at.mint(json!({ "persistent": true })).await, ski(&at.admin()).await);
    let database = at.data_dir().join("gatepass.db");
    let away = at.data_dir().join("away.db");
    std::fs::rename(&database, &away).unwrap();
    for replaced in [false, true] {
        if replaced {
            std::fs::copy(&away, &database).unwrap();
        }
        let refused = at.admin().post("/api/v1/enrollment-tokens", &json!({})).await;
        unavailable(&refused);
        assert!(refused.text.contains("gone or another one is in its place"), "{}", refused.text);
        unavailable(&Host::new().redeem(&at, &token_of(&minted)).await);
        assert_eq!(at.stranger().get("/readyz").await.status, 503);
        published_is_served(&at.stranger(), &ski).await;
    }
    std::fs::rename(&away, &database).unwrap();
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
    let at = at.restart().await;
    assert_eq!(used(&at, &minted).await, 1, "only what was answered, and all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_elastic_routes_say_503_in_their_own_words() {
    let at = Running::start().await;
    let admin = at.admin();
    assert_eq!(admin.get("/api/v1/roles").await.status, 200);
    let other = rusqlite::Connection::open(at.data_dir().join("gatepass.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let path = "/api/v1/platform/configuration/security/enrollment-tokens";
    let refused = admin.post(path, &json!({ "persistent": true })).await;
    assert_eq!((refused.status, &refused.json["errors"][0]["code"]), (503, &json!("root.unavailable")));
    assert!(refused.headers.contains_key("retry-after"));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(admin.post(path, &json!({ "persistent": true })).await.status, 200);
}

/// Redeems `token` for a new host at a server of its own process.
async fn redeem(server: &Served, token: &str) -> Result<Said, gatepass::client::connect::ConnectError> {
    server.stranger().bearer(token).try_post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_disk_ends_the_process_with_74() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Served::start(serve_after("trap '' XFSZ", &data));
    let request = json!({ "persistent": true, "max_uses": 1000 });
    let minted = server.admin().post("/api/v1/enrollment-tokens", &request).await.json;
    let token = token_of(&minted);
    let mut answered = 0;
    for _ in 0..5 {
        answered += u32::from(redeem(&server, &token).await.unwrap().status == 200);
    }
    assert_eq!(answered, 5);
    // From here on no file may grow: SQLite sees a write that fails, for another reason than a full disk.
    let log = std::fs::metadata(data.join("gatepass.db-wal")).unwrap().len();
    prlimit(Some(server.pid()), Resource::Fsize, Rlimit { current: Some(log), maximum: None }).unwrap();
    let refused = redeem(&server, &token).await;
    assert!(refused.as_ref().is_ok_and(|said| said.status == 503) || refused.is_err(), "{refused:?}");
    assert_eq!(server.ended().code(), Some(74));

    let server = Served::start(serve(&data));
    let path = format!("/api/v1/enrollment-tokens/{}", minted["token_id"].as_str().unwrap());
    assert_eq!(server.admin().get(&path).await.json["used"], answered);
    assert_eq!(server.admin().get("/api/v1/ledger/verification").await.json["intact"], true);
    assert_eq!(redeem(&server, &token).await.unwrap().status, 200);
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_log_ends_the_process_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Served::start(serve(&data));
    let request = json!({ "persistent": true, "max_uses": 1000 });
    let minted = server.admin().post("/api/v1/enrollment-tokens", &request).await.json;
    let token = token_of(&minted);
    for _ in 0..3 {
        assert_eq!(redeem(&server, &token).await.unwrap().status, 200);
    }
    std::fs::remove_file(data.join("gatepass.db-wal")).unwrap();
    // The store's probe may be faster than this request.
    let refused = redeem(&server, &token).await;
    assert!(refused.as_ref().is_ok_and(|said| said.status == 503) || refused.is_err(), "{refused:?}");
    assert_eq!(server.ended().code(), Some(74));

    let server = Served::start(serve(&data));
    let path = format!("/api/v1/enrollment-tokens/{}", minted["token_id"].as_str().unwrap());
    assert_eq!(server.admin().get(&path).await.json["used"], 3);
    assert_eq!(server.admin().get("/api/v1/ledger/verification").await.json["intact"], true);
    assert_eq!(redeem(&server, &token).await.unwrap().status, 200);
    assert!(server.stop().success());
}

/// Makes the file longer by a table, so that it exceeds the write-ahead log.
fn enlarge(data: &Path) {
    database::execute(
        data,
        "CREATE TABLE filler (bytes BLOB); INSERT INTO filler VALUES (zeroblob(8000000))",
    );
}

async fn store_check(server: &Served) -> Value {
    let ready = server.stranger().get("/readyz").await;
    let checks = ready.json["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == "store").unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_checkpoint_is_not_ready_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    assert!(Served::start(serve(&data)).stop().success());
    enlarge(&data);
    let server = Served::start(serve_after("trap '' XFSZ", &data));
    let admin = server.admin();
    // The log stays below this limit for a while. The database is at it, and cannot grow by the pages in the log.
    let size = std::fs::metadata(data.join("gatepass.db")).unwrap().len();
    let limit = |current| {
        prlimit(Some(server.pid()), Resource::Fsize, Rlimit { current, maximum: None }).unwrap();
    };
    limit(Some(size));
    let mut minted = 0;
    let check = loop {
        let said = admin.post("/api/v1/enrollment-tokens", &json!({ "persistent": true })).await;
        assert_eq!(said.status, 201, "{minted}: {}", said.text);
        minted += 1;
        let check = store_check(&server).await;
        if check["ok"] == false {
            break check;
        }
    };
    assert!(check["detail"].as_str().unwrap().contains("its data is safe"), "{check}");
    eventually("the failure is counted", async || {
        let metrics = server.stranger().get("/metrics").await.text;
        metrics.contains("gatepass_checkpoints_total{outcome=\"failed\"}").then_some(())
    })
    .await;
    assert_eq!(server.stranger().get("/readyz").await.status, 503);
    assert_eq!(admin.post("/api/v1/enrollment-tokens", &json!({})).await.status, 201, "writes go on");

    limit(None);
    eventually("the log is moved into the database", async || {
        (store_check(&server).await["ok"] == true).then_some(())
    })
    .await;
    server.kill();
    let server = Served::start(serve(&data));
    // The emergency token is persistent too.
    let listed = server.admin().get("/api/v1/enrollment-tokens?persistent=true&limit=1000").await.json;
    assert_eq!(listed["items"].as_array().unwrap().len(), minted + 2, "{listed}");
    assert_eq!(server.admin().get("/api/v1/ledger/verification").await.json["intact"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_table_is_reported_and_documents_are_served() {
    let at = Running::start().await;
    at.settled().await;
    let (minted, ski) = (at.mint(json!({ "max_uses": 2 })).await, ski(&at.admin()).await);
    let (data, clock, _own) = at.stop().await;
    database::damage(&data, "pairs");
    let at = Running::open(&data, clock, &[]).await.unwrap();
    assert_eq!(at.stranger().get("/readyz").await.status, 200, "nobody has read it yet");
    unavailable(&Host::new().redeem(&at, &token_of(&minted)).await);
    at.mint(json!({})).await;
    let ready = at.stranger().get("/readyz").await;
    assert!(ready.status == 503 && ready.text.contains("gatepass doctor --integrity"), "{}", ready.text);
    published_is_served(&at.stranger(), &ski).await;
    let doctor =
        gatepass().args(["doctor", "--integrity", "-o", "json", "--data-dir"]).arg(&data).output().unwrap();
    assert_eq!(doctor.status.code(), Some(1), "the server runs");
    let found: Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert!(found["ok"] == false && found["checks"][0]["state"] == "failed", "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_reads_sound_and_damaged_databases() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let doctor = |flag: &str| {
        let output =
            gatepass().args(["doctor", "--integrity", flag, "--data-dir"]).arg(&data).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, _, error) = doctor("-ojson");
    assert!(code == Some(2) && error.contains("gatepass.db is not there"), "{error}");
    let server = Process::start(&data, &[]).await;
    let (code, found, _) = doctor("-otable");
    assert!(code == Some(0) && found.contains("is sound"), "{found}");
    assert_eq!(server.admin().get("/api/v1/roles").await.status, 200, "their address is known now");
    server.stop().await;
    let before = std::fs::read(data.join("gatepass.db")).unwrap();
    assert_eq!(doctor("-ojson").0, Some(0));
    assert_eq!(std::fs::read(data.join("gatepass.db")).unwrap(), before, "nothing was changed");
    database::execute(
        &data,
        "PRAGMA ignore_check_constraints = ON; UPDATE signing_keys SET key_use = 'other' WHERE key_use = 'enrollment'",
    );
    let (code, found, _) = doctor("-otable");
    assert!(code == Some(1) && found.contains("CHECK constraint failed"), "{found}");
    database::execute(&data, "PRAGMA foreign_keys = OFF; DELETE FROM users");
    let (code, found, _) = doctor("-otable");
    assert!(code == Some(1) && found.contains("refers to a missing row of users"), "{found}");
    assert!(found.contains("restore a backup"), "{found}");
    std::fs::write(data.join("gatepass.db"), "SQLite format 3, or not at all").unwrap();
    assert_eq!(doctor("-ojson").0, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_finds_a_row_past_the_head() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = Process::start(&data, &[]).await;
    let admin = server.admin();
    let verification = admin.get("/api/v1/ledger/verification").await.json;
    assert_eq!(verification["intact"], true);
    let sql = "INSERT INTO ledger SELECT chain, (SELECT head_seq + 1 FROM meta), at, actor, address, request, action, token, host, \
               outcome, reason, bytes, hash FROM ledger WHERE seq = 1";
    database::execute(&data, sql);
    let verification = admin.get("/api/v1/ledger/verification").await.json;
    assert!(verification["fault"]["what"].as_str().unwrap().contains("was inserted"), "{verification}");
    unavailable(&admin.post("/api/v1/enrollment-tokens", &json!({})).await);
    server.logs("the ledger has a row past its head").await;
    let ready = server.stranger().get("/readyz").await;
    assert!(ready.status == 503 && ready.text.contains("gatepass ledger verify"), "{}", ready.text);
}
