//! The command line: filters of the ledger, its export, and a list that goes on.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::condition::eventually;
use crate::support::process::gatepass;
use crate::support::{Host, Process};

fn ledger(server: &Process, args: &[&str]) -> Command {
    let mut command = gatepass();
    command.arg("ledger").args(args).arg("--data-dir").arg(&server.data_dir);
    command
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The actions of the entries that these flags select, newest first.
fn actions(server: &Process, flags: &[&str]) -> Vec<String> {
    let output = ledger(server, &[&["list", "-o", "json"], flags].concat()).output().unwrap();
    let items: Vec<Value> = serde_json::from_str(&said(&output)).unwrap();
    items.iter().map(|item| item["action"].as_str().unwrap().to_owned()).collect()
}

async fn mint(server: &Process) -> String {
    let minted = server.admin().post("/api/v1/enrollment-tokens", &json!({ "roles": ["proxy"] })).await;
    minted.json["token_id"].as_str().unwrap().to_owned()
}

async fn revoke(server: &Process, token: &str) {
    assert_eq!(server.admin().delete(&format!("/api/v1/enrollment-tokens/{token}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_select_entries_of_the_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (one, other) = (mint(&server).await, mint(&server).await);
    revoke(&server, &one).await;
    let of_one = ["token_revoked", "token_created"];
    assert_eq!(actions(&server, &["--token", &one]), of_one);
    assert_eq!(actions(&server, &["--token", &one[28..], "--actor", "admin"]), of_one, "a short id");
    assert_eq!(actions(&server, &["--token", &other]), ["token_created"]);
    assert_eq!(actions(&server, &["--action", "token_revoked", "--since", "1h"]), ["token_revoked"]);
    assert_eq!(actions(&server, &["--actor", "admin", "--until", "1h"]), Vec::<String>::new());
    assert!(actions(&server, &["--outcome", "refused"]).is_empty());
    let every = actions(&server, &["--all"]);
    assert_eq!(every.last().unwrap(), "authority_created");
    assert_eq!(actions(&server, &["--limit", "1"]), ["token_revoked"]);
    for wrong in [["--action", "token_revoke"], ["--since", "yesterday"], ["--outcome", "ok"]] {
        let refused = ledger(&server, &["list", wrong[0], wrong[1]]).output().unwrap();
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(refused.status.code() == Some(2) && why.contains(wrong[0]), "{why}");
    }
    let made = server.json(&["api-key", "create", "--scope", "tokens:write", "--label", "ci"]);
    let (id, key) = (made["id"].as_str().unwrap(), made["api_key"].as_str().unwrap());
    let minted = server.stranger().bearer(key).post("/api/v1/enrollment-tokens", &json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    let actor = format!("api-key {}", &id[28..]);
    assert_eq!(actions(&server, &["--actor", &actor]), ["token_created"], "as a list shows it");
    let listed = server.told(&["token", "list", "--minter", &actor, "-o", "id"]);
    assert_eq!(listed.trim(), minted.json["token_id"]);
    let refused = server.fails(&["token", "list", "--minter", "api-key 00000000"]);
    assert_eq!(refused.0, 1, "no key has this id: {}", refused.1);
    let nobody = ledger(&server, &["list", "--host", "00000000"]).output().unwrap();
    assert_eq!(nobody.status.code(), Some(1), "no host has this id");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_is_exported_oldest_first() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let minted = server.admin().post("/api/v1/enrollment-tokens", &json!({ "max_uses": 2 })).await.json;
    let token = minted["token_id"].as_str().unwrap().to_owned();
    let secret = server.stranger().bearer(minted["token"].as_str().unwrap());
    assert_eq!(secret.post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await.status, 200);
    revoke(&server, &token).await;
    let export = |flags: &[&str]| -> Vec<Value> {
        let output = ledger(&server, &[&["export"], flags].concat()).output().unwrap();
        said(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = export(&[]);
    let ids: Vec<_> =
        all.iter().map(|entry| entry["id"].as_str().unwrap().parse::<usize>().unwrap()).collect();
    assert_eq!(ids, (1..=ids.len()).collect::<Vec<_>>());
    assert_eq!(all.first().unwrap()["action"], "authority_created");
    assert_eq!(all.last().unwrap()["subjects"]["token"], json!(token));
    let names = |entries: &[Value]| {
        let names = entries.iter().filter(|entry| entry["subjects"]["token"] == json!(token));
        names.map(|entry| entry["action"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&all), ["token_created", "host_enrolled", "token_revoked"]);
    let telovix = export(&["--vocabulary", "telovix", "--since", "1h"]);
    let sensors = ["sensor_enrollment_token_created", "sensor_enrolled", "sensor_enrollment_token_revoked"];
    assert_eq!(names(&telovix), sensors);
    assert!(export(&["--until", "1h"]).is_empty());

    let answer = server.admin().get("/api/v1/ledger/export?actor=admin").await;
    let count = answer.text.lines().count() - 1;
    assert_eq!(answer.text.lines().last().unwrap(), json!({ "count": count }).to_string());
    assert!(
        count >= 2 && answer.text.lines().take(count).all(|line| line.contains("user:admin")),
        "{}",
        answer.text
    );
    assert_eq!(server.stranger().get("/api/v1/ledger/export").await.status, 401);
    let made =
        server.admin().post("/api/v1/api-keys", &json!({ "label": "x", "scopes": ["tokens:read"] })).await;
    let key = server.stranger().bearer(made.json["api_key"].as_str().unwrap());
    assert_eq!(key.get("/api/v1/ledger/export").await.status, 403);
    let wrong = server.admin().get("/api/v1/ledger/export?vocabulary=elvish").await;
    assert_eq!((wrong.status, &wrong.json["fields"][0]["field"]), (400, &json!("vocabulary")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_ledger_shows_new_entries() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let first = mint(&server).await;
    let flags = ["list", "--follow", "--action", "token_created", "-o", "json", "--limit", "1"];
    let mut following = ledger(&server, &flags).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["subjects"]["token"], json!(first));
    revoke(&server, &first).await;
    for _ in 0..2 {
        let token = mint(&server).await;
        assert_eq!(next()["subjects"]["token"], json!(token), "each entry once, and no other");
    }
    drop(lines);
    let ended = eventually("it ends without a reader", async || {
        mint(&server).await;
        following.try_wait().unwrap()
    });
    assert_eq!(ended.await.code(), Some(0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_export_is_asked_once() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let mut export = gatepass();
    export.args(["ledger", "export", "--server", &server.url, "--user", "admin"]);
    export.args(["--ca-fingerprint", &server.root.to_string()]).env("GATEPASS_PASSWORD", "not the password");
    let refused = export.output().unwrap();
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && why.contains("401 unauthenticated"), "{why}");
    let counted = server.stranger().get("/metrics").await.text;
    let asked = "gatepass_requests_total{method=\"GET\",route=\"/api/v1/ledger/export\",status=\"401\"} 1\n";
    assert!(counted.contains(asked), "{counted}");
    server.stop().await;
}
