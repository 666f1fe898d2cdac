//! Backups that the server makes: `POST /api/v1/backup`, the configured directory, and the age of the newest one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use gatepass::backup::{self, Form, Unlock};
use gatepass::secret::Secret;
use serde_json::{Value, json};

use super::sealed::{IDENTITY, RECIPIENT};
use super::{backed_up, entry, is_sound, mode, opened};
use crate::support::{Process, Running, database, eventually};

const DAY: Duration = Duration::from_secs(86_400);

async fn back_up(at: &Running) -> Value {
    let said = at.admin().post("/api/v1/backup", &json!({})).await;
    assert_eq!(said.status, 201, "{}", said.text);
    // No bytes of the database travel over HTTP.
    assert!(said.text.len() < 1024, "{}", said.text);
    said.json
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_directory_the_server_makes_none() {
    let at = Running::start().await;
    let refused = at.admin().post("/api/v1/backup", &json!({})).await;
    assert_eq!((refused.status, refused.code()), (409, "backup_not_configured"), "{}", refused.text);
    assert!(refused.text.contains("backup.directory"), "{}", refused.text);
    let refused = at.admin().post("/api/v1/backup", &json!({ "file": "/tmp/mine.db" })).await;
    assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "a path is no field");
    let overview = at.admin().get("/api/v1/overview").await.json;
    assert_eq!(overview["backup"], json!({ "newest_at": null, "configured": false }));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_chooses_the_name_and_keeps_some() {
    let dir = tempfile::tempdir().unwrap();
    let backups = dir.path().join("backups");
    let at = Running::start_with(&[("backup.directory", text(&backups)), ("backup.keep", "2")]).await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(back_up(&at).await);
        at.clock.advance(Duration::from_secs(60));
    }
    let files = made.iter().map(|made| Path::new(made["file"].as_str().unwrap())).collect::<Vec<_>>();
    assert!(files.iter().all(|file| file.parent() == Some(&backups)));
    assert_eq!(fs::read_dir(&backups).unwrap().count(), 2);
    assert!(!files[0].exists() && files[1].exists());
    assert_eq!((mode(&backups), mode(files[2]), backup::form(files[2])), (0o700, 0o600, Ok(Form::Database)));
    let name = files[2].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("gatepass-20") && name.ends_with("Z.db"), "{name}");
    let copy = opened(at.data_dir(), files[2], &dir.path().join("into"));
    let copy = rusqlite::Connection::open(copy.database).unwrap();
    assert_eq!(database::one(&copy, "SELECT head_seq FROM meta"), made[2]["seq"].as_i64().unwrap());
    assert_eq!(at.entries("backup_made").await, 3);
    assert_eq!(entry(&at.ledger().await)["actor"], "user:admin");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_recipient_adds_the_keys() {
    let dir = tempfile::tempdir().unwrap();
    let set = [("backup.directory", text(dir.path())), ("backup.recipient", RECIPIENT)];
    let at = Running::start_with(&set).await;
    let made = back_up(&at).await;
    let file = Path::new(made["file"].as_str().unwrap());
    assert_eq!((backup::form(file), &made["with_keys"]), (Ok(Form::Recipient), &json!(true)));
    let into = dir.path().join("into");
    fs::create_dir(&into).unwrap();
    let opened = backup::open(file, &Unlock::Identity(&Secret::new(IDENTITY.to_owned())), &into).unwrap();
    is_sound(&opened.database);
    assert!(opened.keys.unwrap().join("ca.json").is_file());
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_runs_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let at = Running::start_with(&[("backup.directory", text(dir.path()))]).await;
    // The first one waits for its turn until the hold ends.
    let held = at.admin().post("/api/v1/backup/hold", &json!({})).await.json["hold"].clone();
    let requests = (0..4).map(|_| {
        let admin = at.admin();
        tokio::spawn(async move { admin.post("/api/v1/backup", &json!({})).await })
    });
    let requests = requests.collect::<Vec<_>>();
    eventually("the others are refused", async || {
        (requests.iter().filter(|request| request.is_finished()).count() >= 3).then_some(())
    })
    .await;
    let made = json!({ "hold": held, "seq": 1, "hash": "0".repeat(64), "bytes": 1, "with_keys": false });
    assert_eq!(at.admin().post("/api/v1/backup/made", &made).await.status, 200);
    let mut said = Vec::new();
    for request in requests {
        said.push(request.await.unwrap());
    }
    let made = said.iter().filter(|said| said.status == 201).count();
    let refused = said.iter().filter(|said| (said.status, said.code()) == (409, "backup_running")).count();
    assert!(made >= 1 && made + refused == 4, "{:?}", said.iter().map(|said| &said.text).collect::<Vec<_>>());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), made);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let directory = dir.path().join("file/backups");
    let at = Running::start_with(&[("backup.directory", text(&directory))]).await;
    let refused = at.admin().post("/api/v1/backup", &json!({})).await;
    assert_eq!((refused.status, refused.code()), (503, "backup_failed"), "{}", refused.text);
    assert!(refused.text.contains(text(&directory)), "{}", refused.text);
    assert_eq!(at.entries("backup_made").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_the_newest_backup_shows() {
    let dir = tempfile::tempdir().unwrap();
    let at = Running::start_with(&[("backup.directory", text(dir.path()))]).await;
    let detail = async || {
        let ready = at.admin().get("/readyz").await.json;
        let checks = ready["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["name"] == "backup").unwrap()["detail"].clone()
    };
    assert_eq!(detail().await, "");
    at.clock.advance(8 * DAY);
    assert!(detail().await.as_str().unwrap().starts_with("no backup was made since"));
    let made = back_up(&at).await;
    assert_eq!(detail().await, "");
    let overview = at.admin().get("/api/v1/overview").await.json;
    assert_eq!(overview["backup"], json!({ "newest_at": made["made_at"], "configured": true }));
    let at = at.restart().await;
    let overview = at.admin().get("/api/v1/overview").await.json;
    assert_eq!(overview["backup"]["newest_at"], made["made_at"], "the store keeps it");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scrape_has_the_age_of_the_newest_backup() {
    let dir = tempfile::tempdir().unwrap();
    let (data_dir, file) = (dir.path().join("data"), dir.path().join("backup.db"));
    Process::start(&data_dir, &[]).await.stop().await;
    // As if the newest backup were three days old.
    let old = "UPDATE meta SET backed_up_at = founded_at - 3 * 86400000";
    database::execute(&data_dir, old);
    let server = Process::start(&data_dir, &[]).await;
    let age = async || {
        let metrics = server.admin().get("/metrics").await.text;
        let line = metrics.lines().find(|line| line.starts_with("gatepass_backup_age_seconds ")).unwrap();
        line.split(' ').nth(1).unwrap().parse::<f64>().unwrap()
    };
    assert!(age().await >= 3.0 * 86_400.0);
    backed_up(&data_dir, &file, &[]);
    eventually("the age starts again", async || (age().await < 86_400.0).then_some(())).await;
    server.stop().await;
}
