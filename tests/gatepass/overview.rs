//! `gatepass overview`: the state of an authority on one page, and in one answer.

use std::fs;
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::{settled, start, token_of};
use crate::support::process::gatepass;
use crate::support::{Host, Process, Running};

/// A command on the server's own machine.
async fn command(data_dir: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = gatepass();
    command.args(arguments).arg("--data-dir").arg(data_dir);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The text beside a heading of the page.
fn cell<'a>(page: &'a str, heading: &str) -> &'a str {
    let line = page.lines().find(|line| line.starts_with(&format!("{heading}  ")));
    line.unwrap_or_else(|| panic!("no {heading:?} in\n{page}"))[heading.len()..].trim()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_shows_the_authority_on_one_page() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    settled(&server.stranger()).await;
    let data = &server.data_dir;
    let output = command(data, &["overview"]).await;
    let (page, notes) = (out(&output), String::from_utf8(output.stderr.clone()).unwrap());
    assert!(output.status.success(), "{page}{notes}");
    assert_eq!(cell(&page, "version"), env!("CARGO_PKG_VERSION"));
    assert_eq!((cell(&page, "URL"), cell(&page, "ready")), (server.url.as_str(), "yes"));
    assert_eq!((cell(&page, "hosts"), cell(&page, "tokens")), ("none", "2 active"));
    assert_eq!((cell(&page, "root key"), cell(&page, "clock")), ("on the server", "good"));
    assert_eq!(cell(&page, "first secrets"), "first-roles.token, emergency.token");
    assert!(notes.contains("2 secrets in the data directory"), "{notes}");
    assert!(cell(&page, "disk").contains(" free of "), "{page}");
    for of in ["enrollment key made", "service key made", "access key made", "status list key made"] {
        assert_ne!(cell(&page, of), "-", "{page}");
    }
    assert_ne!(cell(&page, "root expires"), "-", "{page}");

    fs::remove_file(data.join("first-roles.token")).unwrap();
    fs::remove_file(data.join("emergency.token")).unwrap();
    let keys = data.join("keys").display().to_string();
    let away = dir.path().join("root.key").display().to_string();
    let mut export = gatepass();
    export.args(["ca", "export-root", "--key-to", &away, "--keys-dir", &keys, "--remove", "--yes"]);
    assert!(export.output().unwrap().status.success());
    let page = out(&command(data, &["overview"]).await);
    assert_eq!(
        (cell(&page, "root key"), cell(&page, "first secrets")),
        ("not on the server", "none left here")
    );
    server.stop().await;
}

/// The number of items of the list at `path` in each state.
async fn listed(at: &Running, path: &str) -> Value {
    let items = at.admin().get(path).await.json["items"].as_array().unwrap().clone();
    let mut states = json!({});
    for item in items {
        let state = item["state"].as_str().unwrap();
        states[state] = json!(states[state].as_u64().unwrap_or(0) + 1);
    }
    states
}

/// The states that have members.
fn some(counts: &Value) -> Value {
    counts.as_object().unwrap().clone().into_iter().filter(|(_, number)| *number != json!(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counts_are_those_of_the_lists() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "3h")]).await;
    let token = token_of(&at.mint(json!({ "max_uses": null, "ttl": "24h" })).await);
    let agree = async |hosts: usize| {
        at.clock.advance(Duration::from_secs(1));
        let overview = at.admin().get("/api/v1/overview").await.json;
        let (listed_hosts, tokens) =
            (listed(&at, "/api/v1/hosts").await, "/api/v1/enrollment-tokens?ended=true");
        assert_eq!(some(&overview["hosts"]), listed_hosts);
        assert_eq!(some(&overview["tokens"]), listed(&at, tokens).await);
        assert_eq!(listed_hosts.as_object().unwrap().len(), hosts, "states in {listed_hosts}");
    };
    agree(0).await;
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    let gone = Host::new().redeem(&at, &token).await.json;
    let path = format!("/api/v1/hosts/{}", gone["host_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.status, 200);
    agree(2).await;
    at.clock.advance(Duration::from_secs(4 * 3600));
    at.mint(json!({})).await;
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    agree(3).await;
    at.stop().await;
}

/// The queue on the page and in the answer, with the command that lists it.
#[tokio::test(flavor = "multi_thread")]
async fn the_overview_shows_the_oldest_waiting_host() {
    let at = Running::start().await;
    at.settled().await;
    let token = token_of(&at.mint(json!({ "max_uses": 2, "approval": "require" })).await);
    let page = async || {
        let output = command(at.data_dir(), &["overview"]).await;
        let text = out(&output);
        (cell(&text, "waiting hosts").to_owned(), String::from_utf8(output.stderr).unwrap())
    };
    let (none, notes) = page().await;
    assert!(none == "none" && !notes.contains("enrollment list"), "{none}: {notes}");
    let began = at.clock_reading();
    assert_eq!(Host::new().redeem(&at, &token).await.status, 202);
    at.clock.advance(Duration::from_secs(60));
    assert_eq!(Host::new().redeem(&at, &token).await.status, 202);
    let queue = json!({ "waiting": 2, "oldest_began_at": began });
    assert_eq!(at.admin().get("/api/v1/overview").await.json["enrollments"], queue);
    let (two, notes) = page().await;
    assert_eq!(two, format!("2 hosts, the oldest since {began}"));
    assert!(notes.contains("`gatepass enrollment list`"), "{notes}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_that_is_not_ready_says_so() {
    let at = Running::start().await;
    at.clock.step_to(start().minus(Duration::from_secs(3600)));
    let output = command(at.data_dir(), &["overview"]).await;
    let (page, notes) = (out(&output), String::from_utf8(output.stderr.clone()).unwrap());
    assert_eq!((output.status.code(), cell(&page, "ready"), cell(&page, "clock")), (Some(1), "no", "behind"));
    assert!(notes.contains("clock: "), "{notes}");
    let output = command(at.data_dir(), &["overview", "-o", "json"]).await;
    let overview: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!((output.status.code(), &overview["status"]), (Some(1), &json!("unready")));
    at.stop().await;
}
