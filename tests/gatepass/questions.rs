//! Questions before acts that cannot be undone: consequences with numbers, only about things that exist. Without a terminal
//! and without `--yes` nothing is done.

use serde_json::{Value, json};

use crate::support::process::gatepass;
use crate::support::{Host, Process};

const NOBODY: &str = "0190a0b0-0000-7000-8000-000000000000";

/// Asserts that `args` ask `question` and do nothing without an answer.
fn asks(server: &Process, args: &[&str], question: &[&str]) {
    let (code, error) = server.fails(args);
    assert_eq!(code, 2, "{args:?}: {error}");
    for part in question {
        assert!(error.contains(part), "{args:?}: {part:?} is not in {error}");
    }
    assert!(error.contains("nothing was done: give --yes"), "{args:?}: {error}");
}

/// Asserts that `args` are refused without a question, with exit code 1.
fn refuses(server: &Process, args: &[&str], why: &str) {
    let (code, error) = server.fails(args);
    assert_eq!(code, 1, "{args:?}: {error}");
    assert!(error.contains(why) && !error.contains("--yes"), "{args:?}: {error}");
}

/// Enrolls a host with `token`; its id.
async fn enroll(server: &Process, token: &Value) -> String {
    let host = Host::new();
    let token = token["token"].as_str().unwrap();
    let said = server.stranger().bearer(token).post("/api/v1/bootstrap", &json!({ "csr": host.csr() })).await;
    said.json["host_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_has_numbers_and_names() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let token = server.json(&["token", "create", "--unlimited", "--role", "proxy", "--label", "rack 7"]);
    let (first, _) = (enroll(&server, &token).await, enroll(&server, &token).await);
    let id = token["token_id"].as_str().unwrap();
    server.told(&["host", "set-label", &first, "unit 12"]);
    asks(&server, &["token", "revoke", id], &[&format!("Revoke token {id} (rack 7)?"), "its 2 hosts stay."]);
    let twice = format!("Revoke token {id} (rack 7)?");
    asks(&server, &["token", "revoke", id, &id[28..]], &[&twice, "its 2 hosts stay."]);
    asks(
        &server,
        &["token", "revoke", id, "--hosts"],
        &["(rack 7) and its 2 hosts?", "their keys can never"],
    );
    asks(&server, &["token", "revoke", "--label", "rack*"], &["Revoke 1 token?", "its 2 hosts stay."]);
    asks(&server, &["token", "rotate", id], &["(rack 7)? It is revoked in 24h", "its 2 hosts stay."]);
    asks(&server, &["host", "revoke", &first], &[&format!("Revoke host {first} (unit 12)?")]);
    asks(&server, &["host", "revoke", "--token", id], &["Revoke 2 hosts?"]);
    asks(&server, &["host", "set-roles", &first, "--none", "--now"], &["Take the role proxy from host"]);
    server.told(&["host", "set-roles", &first, "--role", "proxy", "--now"]);
    asks(&server, &["clock", "accept"], &["and 1 live ephemeral token minted before will stop working"]);
    asks(&server, &["ca", "rotate"], &["2 live hosts"]);
    asks(&server, &["keys", "rotate"], &["live persistent token"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_counts_keys_and_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let password = ("GATEPASS_NEW_PASSWORD", "staple battery horse");
    let create = ["user", "create", "anna", "operator", "--any"];
    assert!(server.command(&create).envs([password]).output().unwrap().status.success());
    let anna = [("GATEPASS_USER", "anna"), ("GATEPASS_PASSWORD", "staple battery horse")];
    for args in [
        ["api-key", "create", "--scope", "tokens:write"].as_slice(),
        &["token", "create"],
        &["token", "create"],
    ] {
        let output = server.command(args).envs(anna).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    asks(&server, &["user", "disable", "anna"], &["Disable user anna?", "1 API key stops working"]);
    let stay = "2 live enrollment tokens minted by it stay valid: --tokens revokes them";
    asks(&server, &["user", "delete", "anna"], &["Delete user anna and 1 API key?", stay]);
    asks(&server, &["user", "delete", "anna", "--tokens"], &["minted by it will be revoked"]);
    let key = server.json(&["api-key", "list"])[0]["id"].as_str().unwrap().to_owned();
    asks(&server, &["api-key", "delete", &key], &[&key, "No live enrollment token was minted by it"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_asked_about_things_that_do_not_exist() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let key = "a".repeat(42) + "A";
    let keys = server.json(&["keys", "list"]);
    let current = keys.as_array().unwrap().iter().find(|key| key["state"] == "current").unwrap();
    for (args, why) in [
        (["token", "revoke", NOBODY].as_slice(), "not_found"),
        (&["token", "revoke", NOBODY, "--hosts"], "not_found"),
        (&["token", "rotate", NOBODY], "not_found"),
        (&["host", "revoke", NOBODY], "not_found"),
        (&["host", "set-roles", NOBODY, "--none", "--now"], "not_found"),
        (&["user", "delete", "nobody"], "not_found"),
        (&["user", "disable", "nobody"], "not_found"),
        (&["api-key", "delete", NOBODY], "not_found"),
        (&["keys", "retire", &key], "there is no signing key"),
        (
            &["keys", "retire", current["id"].as_str().unwrap()],
            "is current: run `gatepass keys rotate` first",
        ),
        (&["issuer", "retire", "https://nobody.test"], "has no external URL https://nobody.test"),
        (&["issuer", "retire", &server.url], "is the current external URL"),
        (&["ca", "revoke", "00"], "no issuing CA"),
        (&["token", "revoke", "--label", "TYPO"], "no token matches"),
        (&["host", "revoke", "--name", "TYPO"], "no host matches"),
    ] {
        refuses(&server, args, why);
    }
    let nowhere = dir.path().join("nowhere");
    let left = gatepass().args(["leave", "--cert-dir"]).arg(&nowhere).output().unwrap();
    let error = String::from_utf8(left.stderr).unwrap();
    assert!(left.status.code() == Some(1) && error.contains("holds no identity"), "{error}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_that_matches_nothing_fails() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    for args in [
        ["token", "revoke", "--label", "TYPO", "--yes"].as_slice(),
        &["host", "revoke", "--name", "TYPO", "--yes"],
        &["host", "revoke", "--all", "--yes"],
    ] {
        refuses(&server, args, "matches: nothing was done");
        let (code, error) = server.fails(&[args, &["-o", "json"]].concat());
        let said: Value = serde_json::from_str(&error).unwrap();
        assert_eq!((code, &said["exit_code"]), (1, &json!(1)), "{error}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_roles_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let output = server.command(&["token", "create"]).output().unwrap();
    let (told, noted) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(told.lines().any(|line| line.split_whitespace().eq(["roles", "none"])), "{told}");
    assert!(noted.contains("the token has no roles: give --role"), "{noted}");
    let output = server.command(&["token", "create", "--role", "proxy"]).output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let (code, error) = server.fails(&["token", "create", "--role", "proxi"]);
    assert!(code == 2 && error.contains("did you mean proxy?"), "{error}");
    let roles = server.told(&["role", "list"]);
    assert!(roles.starts_with("ROLE") && roles.contains("allocator"), "{roles}");
    assert_eq!(server.json(&["role", "list"]).as_array().unwrap().len(), 4);
    server.stop().await;
}
