//! The command line takes back what its flags say, with hosts and tokens that are there, and nothing else.

use std::process::Output;

use serde_json::{Value, json};

use crate::support::client::{Client, Said};
use crate::support::process::gatepass;
use crate::support::{Host, Process, database};

/// `gatepass …` on the machine of the server, with these variables.
fn run(server: &Process, variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = gatepass();
    command.args(args).arg("--data-dir").arg(&server.data_dir).envs(variables.iter().copied());
    command.output().unwrap()
}

fn said_as(server: &Process, variables: &[(&str, &str)], args: &[&str]) -> String {
    let output = run(server, variables, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn said(server: &Process, args: &[&str]) -> String {
    said_as(server, &[], args)
}

fn json_of(server: &Process, args: &[&str]) -> Value {
    serde_json::from_str(&said(server, &[args, &["-o", "json"]].concat())).unwrap()
}

fn state(server: &Process, id: &str) -> String {
    json_of(server, &["token", "show", id])["state"].as_str().unwrap().to_owned()
}

/// Mints with these flags and the credential of the variables; returns the id and the token.
fn mint(server: &Process, variables: &[(&str, &str)], flags: &[&str]) -> (String, String) {
    let made = said_as(server, variables, &[&["token", "create", "-o", "json"], flags].concat());
    let made: Value = serde_json::from_str(&made).unwrap();
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    (text("token_id"), text("token"))
}

async fn redeem(server: &Process, token: &str) -> (Host, Said) {
    let host = Host::new();
    let body = json!({ "csr": host.csr() });
    let said = server.stranger().bearer(token).post("/api/v1/bootstrap", &body).await;
    (host, said)
}

/// A host that came in by this token, as it asks with its certificate.
async fn enroll(server: &Process, token: &str) -> (String, Client) {
    let (host, said) = redeem(server, token).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let id = said.json["host_id"].as_str().unwrap().to_owned();
    (id, Client::with_identity(&server.url, server.root, Some(host.identity(&said.json))))
}

async fn answer(host: &Client) -> (u16, String) {
    let said = host.get("/api/v1/whoami").await;
    (said.status, said.code().to_owned())
}

const PASSWORD: &str = "staple battery horse correct";
const ALICE: [(&str, &str); 2] = [("GATEPASS_USER", "alice"), ("GATEPASS_PASSWORD", PASSWORD)];

fn make_alice(server: &Process) {
    let variables = [("GATEPASS_NEW_PASSWORD", PASSWORD)];
    said_as(server, &variables, &["user", "create", "alice", "operator", "--any"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_line_filter_selects_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    make_alice(&server);
    let (hers, _) = mint(&server, &ALICE, &["--persistent"]);
    let (old, _) = mint(&server, &[], &["--persistent", "--label", "old"]);
    let (short, _) = mint(&server, &[], &[]);
    let (rest, _) = mint(&server, &[], &["--persistent"]);
    database::execute(
        &server.data_dir,
        "UPDATE mints SET created_at = created_at - 40 * 86400000 WHERE label = 'old'",
    );
    let mut live = vec![&hers, &old, &short, &rest];
    for (flags, taken) in
        [(["--minter", "alice"].as_slice(), &hers), (&["--unused", "30d"], &old), (&["--ephemeral"], &short)]
    {
        let listed = json_of(&server, &[&["token", "list"], flags].concat());
        assert_eq!((listed.as_array().unwrap().len(), &listed[0]["id"]), (1, &json!(taken)), "{flags:?}");
        let told = said(&server, &[&["token", "revoke", "--yes"], flags].concat());
        assert_eq!(told, "revoked 1 token\n", "{flags:?}");
        live.retain(|id| *id != taken);
        assert_eq!(state(&server, taken), "revoked", "{flags:?}");
        for id in &live {
            assert_ne!(state(&server, id), "revoked", "{flags:?}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_revokes_hosts_with_their_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (first, first_token) = mint(&server, &[], &["--unlimited"]);
    let (second, second_token) = mint(&server, &[], &["--unlimited"]);
    let (_, early) = enroll(&server, &first_token).await;
    let (_, late) = enroll(&server, &second_token).await;
    let told = said(&server, &["token", "revoke", &first, "--hosts", "--yes"]);
    assert_eq!(told, format!("revoked token {first} and 1 host\n"));
    assert_eq!(answer(&early).await, (403, "host_revoked".to_owned()));
    assert_eq!(answer(&late).await.0, 200, "it came in by another token");
    let all = json_of(&server, &["token", "revoke", "--all", "--hosts", "--yes"]);
    assert_eq!((&all["hosts_revoked"], state(&server, &second).as_str()), (&json!(1), "revoked"), "{all}");
    assert_eq!(answer(&late).await, (403, "host_revoked".to_owned()));
    let (_, again) = redeem(&server, &second_token).await;
    assert_eq!(again.code(), "token_revoked");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_revokes_a_minters_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let create = ["api-key", "create", "--scope", "tokens:write", "-o", "json"];
    let key: Value = serde_json::from_str(&said(&server, &create)).unwrap();
    let variables = [("GATEPASS_API_KEY", key["api_key"].as_str().unwrap())];
    let (id, token) = mint(&server, &variables, &[]);
    let (stays, _) = mint(&server, &[], &[]);
    let gone = json_of(&server, &["api-key", "delete", key["id"].as_str().unwrap(), "--tokens", "--yes"]);
    assert_eq!(gone["tokens_revoked"], 1, "{gone}");
    assert_eq!(
        (state(&server, &id), redeem(&server, &token).await.1.code()),
        ("revoked".into(), "token_revoked")
    );

    let [one, silent] = [(); 2].map(|()| -> Value { serde_json::from_str(&said(&server, &create)).unwrap() });
    mint(&server, &[("GATEPASS_API_KEY", one["api_key"].as_str().unwrap())], &[]);
    let [one, silent] = [&one, &silent].map(|key| key["id"].as_str().unwrap());
    let told = said(&server, &["api-key", "delete", one, "--tokens", "--yes"]);
    assert_eq!(told, format!("deleted API key {one}; 1 token revoked\n"));
    let told = said(&server, &["api-key", "delete", silent, "--yes"]);
    assert_eq!(told, format!("deleted API key {silent}\n"), "nobody asked about tokens");

    make_alice(&server);
    let (id, token) = mint(&server, &ALICE, &[]);
    let gone = json_of(&server, &["user", "delete", "alice", "--tokens", "--yes"]);
    assert_eq!(gone["tokens_revoked"], 1, "{gone}");
    assert_eq!(
        (state(&server, &id), redeem(&server, &token).await.1.code()),
        ("revoked".into(), "token_revoked")
    );
    assert_eq!(state(&server, &stays), "pending", "nobody who went had minted it");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_shows_the_old_tokens_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (id, token) = mint(&server, &[], &["--unlimited"]);
    let (host, _) = enroll(&server, &token).await;
    let told = said(&server, &["token", "rotate", &id, "--yes"]);
    assert!(told.contains(&host[28..]) && told.contains("Newest hosts of the old token:"), "{told}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_with_its_uses() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (some, token) = mint(&server, &[], &["--max-uses", "3"]);
    enroll(&server, &token).await;
    let (endless, _) = mint(&server, &[], &["--persistent"]);
    let rows = |id: &str| -> Vec<(String, String)> {
        let shown = said(&server, &["token", "show", id]);
        let rows = shown.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once("  "));
        rows.map(|(word, value)| (word.trim().to_owned(), value.trim().to_owned())).collect()
    };
    let has = |rows: &[(String, String)], word: &str, value: &str| {
        assert!(rows.contains(&(word.to_owned(), value.to_owned())), "{word} {value}: {rows:?}");
    };
    let shown = rows(&some);
    has(&shown, "left", "2");
    has(&shown, "hosts", "1");
    assert!(shown.iter().any(|(word, at)| word == "last used" && at.len() == "2026-11-22T08:00:00Z".len()));
    let shown = rows(&endless);
    for (word, value) in
        [("expires at", "never"), ("of", "unlimited"), ("left", "unlimited"), ("last used", "never")]
    {
        has(&shown, word, value);
    }
    server.stop().await;
}
