//! `gatepass user` and `gatepass api-key`.

use std::process::Output;

use serde_json::{Value, json};

use super::PASSWORD;
use crate::support::Process;
use crate::support::process::gatepass;

fn run(server: &Process, args: &[&str]) -> Output {
    let mut command = gatepass();
    command.env("GATEPASS_NEW_PASSWORD", PASSWORD);
    command.args(args).arg("--data-dir").arg(&server.data_dir).output().unwrap()
}

fn said(server: &Process, args: &[&str]) -> String {
    let output = run(server, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json_of(server: &Process, args: &[&str]) -> Value {
    serde_json::from_str(&said(server, &[args, &["-o", "json"]].concat())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_manage_users_and_keys() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let made =
        json_of(&server, &["user", "create", "alice", "operator", "--role", "proxy", "--max-ttl", "30m"]);
    assert_eq!((&made["role"], &made["limits"]["roles"]), (&json!("operator"), &json!(["proxy"])));
    assert_eq!(json_of(&server, &["user", "set-role", "alice", "analyst"])["role"], "analyst");
    assert_eq!(json_of(&server, &["user", "set-limits", "alice", "--any"])["limits"]["roles"], "any");
    assert_eq!(run(&server, &["user", "set-limits", "alice"]).status.code(), Some(2));
    assert_eq!(json_of(&server, &["user", "disable", "alice", "--yes"])["disabled"], true);
    assert_eq!(json_of(&server, &["user", "enable", "alice"])["disabled"], false);
    assert!(said(&server, &["user", "set-password", "alice"]).contains("set the password of alice"));
    assert!(said(&server, &["user", "sign-out", "alice", "--yes"]).contains("signed out"));
    let table = said(&server, &["user", "list"]);
    assert!(table.contains("NAME") && table.contains("alice") && table.contains("analyst"), "{table}");
    let last = run(&server, &["user", "delete", "admin", "--yes"]);
    assert!(String::from_utf8_lossy(&last.stderr).contains("last enabled admin"));
    let file = dir.path().join("key");
    let out = file.to_str().unwrap();
    let audience = format!("{}/enroll", server.url);
    let create = ["api-key", "create", "--label", "ci", "--scope", "tokens:write,tokens:read", "--out", out];
    let create = [&create[..], &["--audience", &audience]].concat();
    let key = json_of(&server, &create);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("gpk_") && !key.to_string().contains(text.trim()));
    let id = key["id"].as_str().unwrap();
    let table = said(&server, &["api-key", "list", "--wide"]);
    assert!(table.contains(id) && table.contains("AUDIENCE") && table.contains(&audience), "{table}");
    assert_eq!(json_of(&server, &["api-key", "list"])[0]["audience"], json!(audience));
    assert_eq!(json_of(&server, &["api-key", "show", id])["label"], "ci");
    let unsure = run(&server, &["api-key", "delete", id]);
    assert!(!unsure.status.success());
    let question = String::from_utf8_lossy(&unsure.stderr).into_owned();
    assert!(question.contains(&format!("Delete API key {id} (ci)?")), "{question}");
    assert_eq!(json_of(&server, &["api-key", "delete", id, "--tokens", "--yes"])["tokens_revoked"], 0);
    assert!(said(&server, &["user", "delete", "alice", "--yes"]).contains("deleted alice and 0 API keys"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_key_signs_commands_in() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    said(&server, &["user", "create", "alice", "viewer"]);
    let key = said(&server, &["api-key", "create", "--scope", "tokens:read", "--quiet"]);
    let root = server.root.to_string();
    let remote = |verb: &[&str], variables: &[(&str, &str)]| {
        let mut command = gatepass();
        command.args(verb).arg("--server").arg(&server.url).arg("--ca-fingerprint").arg(&root);
        command.envs(variables.iter().copied()).current_dir(dir.path()).output().unwrap()
    };
    let listed = remote(&["token", "list"], &[("GATEPASS_API_KEY", key.trim())]);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let minted = remote(&["token", "create"], &[("GATEPASS_API_KEY", key.trim())]);
    assert!(String::from_utf8_lossy(&minted.stderr).contains("tokens:write"));
    let mut beside = gatepass();
    beside.args(["token", "create", "--data-dir"]).arg(&server.data_dir).env("GATEPASS_API_KEY", key.trim());
    let minted = beside.output().unwrap();
    assert!(
        String::from_utf8_lossy(&minted.stderr).contains("tokens:write"),
        "nor what the data directory may"
    );
    let both = [("GATEPASS_PASSWORD", PASSWORD), ("GATEPASS_NEW_PASSWORD", "another one of them")];
    let change = ["user", "change-password", "--user", "alice"];
    let changed = remote(&change, &both);
    assert!(changed.status.success(), "{}", String::from_utf8_lossy(&changed.stderr));
    let again = remote(&change, &both);
    assert_eq!(again.status.code(), Some(1), "the old one is current no more");
}
