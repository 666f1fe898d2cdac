//! `gatepass token create --count`: a file of tokens.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::authority::PASSWORD;
use crate::support::gateway::{Gateway, Mode};
use crate::support::process::gatepass;
use crate::support::{Process, eventually};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn lines(file: &Path) -> Vec<String> {
    fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
}

fn mode(file: &Path) -> u32 {
    fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tokens_are_in_one_private_file() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let file = dir.path().join("fleet.tokens");
    let create = |count: &str, more: &[&str]| {
        let out = file.to_str().unwrap();
        let args = ["token", "create", "--role", "proxy", "--count", count, "--out", out];
        server.command(&[&args, more].concat()).output().unwrap()
    };
    let created = create("1234", &["--label", "fleet"]);
    assert!(created.status.success(), "{}", said(&created));
    let tokens = lines(&file);
    assert_eq!((tokens.iter().collect::<BTreeSet<_>>().len(), mode(&file)), (1234, 0o600));
    assert!(tokens.iter().all(|token| token.starts_with("eyJ") && token.split('.').count() == 3));
    let shown = String::from_utf8(created.stdout).unwrap();
    assert!(!shown.contains("eyJ") && shown.contains("1234"), "{shown}");
    let batch = shown.lines().find_map(|line| line.strip_prefix("batch")).unwrap().trim().to_owned();
    assert!(shown.contains(&format!("gatepass token revoke --batch {batch}")), "{shown}");
    let listed = server.json(&["token", "list", "--batch", &batch, "--limit", "2000"]);
    assert_eq!(listed.as_array().unwrap().len(), 1234);

    let again = create("2", &[]);
    assert_eq!(again.status.code(), Some(2), "an existing file is not replaced: {}", said(&again));
    assert_eq!(lines(&file).len(), 1234);
    let forced = create("2", &["--force", "-o", "json"]);
    let summary: serde_json::Value = serde_json::from_slice(&forced.stdout).unwrap();
    assert_eq!((&summary["count"], &summary["file"]), (&json!(2), &json!(file)), "{summary}");
    assert_eq!(lines(&file).len(), 2);

    let revoked = server.command(&["token", "revoke", "--batch", &batch, "--yes"]).output().unwrap();
    assert!(revoked.status.success(), "{}", said(&revoked));
    assert_eq!(server.json(&["token", "list", "--batch", &batch, "--state", "pending"]), json!([]));
    let leftovers = fs::read_dir(dir.path()).unwrap().filter_map(Result::ok).map(|entry| entry.file_name());
    let leftovers = leftovers.filter(|name| name.to_string_lossy().starts_with("fleet.tokens."));
    assert_eq!(leftovers.count(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_tokens_can_go_to_standard_output() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let told = server.told(&["token", "create", "--role", "proxy", "--count", "3", "--out", "-"]);
    assert_eq!(told.lines().filter(|line| line.starts_with("eyJ")).count(), 3, "{told}");
    assert_eq!(told.lines().count(), 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_written_tokens_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let full = server.command(&["token", "create", "--count", "20", "--out", "/dev/full"]).output().unwrap();
    let why = said(&full);
    assert_eq!(full.status.code(), Some(1), "{why}");
    assert!(why.contains("0 of 20 tokens are in /dev/full") && why.contains("revoke --batch"), "{why}");
    server.stop().await;
}

/// The answer is lost after the server has read the request: tokens can exist.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_names_the_list() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let mut gateway = Gateway::bind().await;
    let server = Process::start(&data, &["--set", &format!("server.external_url={}", gateway.url)]).await;
    let address = server.url.strip_prefix("https://").unwrap().parse().unwrap();
    gateway.open(&data, address);
    gateway.set(Mode::Answer(String::new()));
    let file = dir.path().join("fleet.tokens");
    let mut create = gatepass();
    create.args(["token", "create", "--count", "20", "--server", &gateway.url, "--user", "admin"]);
    create.args(["--ca-fingerprint", &server.root.to_string(), "--out"]).arg(&file);
    let lost = create.env("GATEPASS_PASSWORD", PASSWORD).output().unwrap();
    let why = said(&lost);
    assert_eq!(lost.status.code(), Some(1), "{why}");
    assert!(why.contains("no token arrived") && why.contains("gatepass token list"), "{why}");
    assert!(!file.exists());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_count_is_a_usage_error() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let file = dir.path().join("f");
    for (args, word) in [
        (vec!["--count", "0", "--out", file.to_str().unwrap()], "--count: from 1 to 10000"),
        (vec!["--count", "10001", "--out", file.to_str().unwrap()], "--count: from 1 to 10000"),
        (vec!["--count", "3"], "--out"),
        (vec!["--count", "3", "--out", "f", "--quiet"], "--quiet"),
    ] {
        let refused = server.command(&[&["token", "create"], args.as_slice()].concat()).output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{args:?}: {}", said(&refused));
        assert!(said(&refused).contains(word), "{args:?}: {}", said(&refused));
    }
    assert!(!file.exists());
    server.stop().await;
}

/// A running `token create --count 10000` whose first tokens have arrived.
async fn running(server: &Process, file: &Path) -> Child {
    let mut command =
        server.command(&["token", "create", "--count", "10000", "--out", file.to_str().unwrap()]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    eventually("tokens arrive", async || {
        let files = fs::read_dir(file.parent().unwrap()).unwrap().filter_map(Result::ok);
        let mut partial = files.filter(|entry| entry.file_name().to_string_lossy().starts_with(name));
        partial.any(|entry| entry.metadata().is_ok_and(|found| found.len() > 0)).then_some(())
    })
    .await;
    child
}

/// A cut mint keeps what arrived, and its error gives number, file and the command that revokes the batch.
fn keeps_what_arrived(output: &Output, file: &Path) -> String {
    let why = said(output);
    assert_eq!(output.status.code(), Some(1), "{why}");
    let tokens = lines(file);
    assert!(!tokens.is_empty() && tokens.iter().all(|token| token.split('.').count() == 3));
    assert_eq!(mode(file), 0o600);
    assert!(why.contains(&format!("{} of 10000 tokens are in {}", tokens.len(), file.display())), "{why}");
    let (_, batch) = why.split_once("gatepass token revoke --batch ").expect(&why);
    batch.trim().trim_end_matches('`').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_bulk_mint_keeps_what_arrived() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let data = server.data_dir.clone();
    let file = dir.path().join("fleet.tokens");
    let child = running(&server, &file).await;
    server.kill();
    let batch = keeps_what_arrived(&child.wait_with_output().unwrap(), &file);
    let server = Process::start(&data, &[]).await;
    let revoked = server.command(&["token", "revoke", "--batch", &batch, "--yes"]).output().unwrap();
    assert!(revoked.status.success(), "{}", said(&revoked));
    assert_eq!(server.json(&["token", "list", "--batch", &batch, "--state", "pending"]), json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_bulk_mint_keeps_what_arrived() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let file = dir.path().join("fleet.tokens");
    let child = running(&server, &file).await;
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    keeps_what_arrived(&output, &file);
    assert!(said(&output).contains("interrupted"), "{}", said(&output));
    server.stop().await;
}
