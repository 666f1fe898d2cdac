//! Output of the command line about sign-ins and passwords, for people and scripts.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::Process;
use crate::support::authority::PASSWORD;
use crate::support::process::gatepass;

const NEW: &str = "another one of them";

/// `gatepass …` in `home`, where the profile is too, with these variables.
fn run(home: &Path, variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = gatepass();
    command.args(args).current_dir(home).env("XDG_CONFIG_HOME", home).envs(variables.iter().copied());
    command.output().unwrap()
}

fn json_of(home: &Path, variables: &[(&str, &str)], args: &[&str]) -> Value {
    let output = run(home, variables, &[args, &["-o", "json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn session_and_password_verbs_print_json() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    let server = Process::start(&home.join("gatepass-data"), &[]).await;
    let (old, both) = (
        [("GATEPASS_PASSWORD", PASSWORD)],
        [("GATEPASS_PASSWORD", PASSWORD), ("GATEPASS_NEW_PASSWORD", NEW)],
    );
    let begun = json_of(home, &old, &["login"]);
    assert_eq!((&begun["server"], &begun["user"]), (&json!(server.url), &json!("admin")));
    assert!(begun["expires_at"].is_string(), "{begun}");
    let changed = json_of(home, &both, &["user", "change-password"]);
    let expected = json!({ "username": "admin", "password_set": true, "session_kept": true });
    assert_eq!(changed, expected);
    let set = json_of(home, &both, &["user", "set-password", "admin", "--data-dir", "gatepass-data"]);
    assert_eq!(set, json!({ "username": "admin", "password_set": true }));
    let out = json_of(home, &[], &["user", "sign-out", "admin", "--yes", "--data-dir", "gatepass-data"]);
    assert_eq!(out, json!({ "username": "admin", "signed_out": "everywhere" }));
    let server_flag = ["logout", "--server", &server.url];
    assert_eq!(json_of(home, &[], &server_flag), json!({ "signed_out": "here" }), "over, and forgotten");
    assert_eq!(json_of(home, &[], &["logout"]), json!({ "signed_out": null }));
    fs::remove_dir_all(home.join("gatepass")).unwrap();
    assert_eq!(json_of(home, &[], &["logout"]), json!({ "signed_out": null }), "nor is there a profile");
    let new = [("GATEPASS_PASSWORD", NEW)];
    let root = server.root.to_string();
    let everywhere = ["logout", "--everywhere", "--server", &server.url, "--ca-fingerprint", &root];
    assert_eq!(
        json_of(home, &new, &everywhere),
        json!({ "signed_out": "everywhere" }),
        "by the password alone"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_reset_names_a_disabled_user() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    let server = Process::start(&home.join("gatepass-data"), &[]).await;
    let alice = [("GATEPASS_NEW_PASSWORD", "staple battery horse correct")];
    json_of(home, &alice, &["user", "create", "alice", "viewer"]);
    json_of(home, &[], &["user", "disable", "alice", "--yes"]);
    server.stop().await;

    let unanswered = run(home, &[], &["token", "list"]);
    let text = String::from_utf8(unanswered.stderr).unwrap();
    assert_eq!(unanswered.status.code(), Some(2), "{text}");
    assert!(text.contains("no server runs on ./gatepass-data"), "{text}");
    let both = [("GATEPASS_PASSWORD", "the one that is not taken"), ("GATEPASS_NEW_PASSWORD", NEW)];
    let reset = run(home, &both, &["user", "reset-password", "alice"]);
    let text = String::from_utf8(reset.stdout).unwrap();
    assert!(text.contains("alice has a new password") && text.contains("still disabled"), "{text}");
    let reset = json_of(home, &both, &["user", "reset-password"]);
    assert_eq!(reset, json!({ "username": "admin", "password_set": true, "disabled": false }));
    let server = Process::start(&home.join("gatepass-data"), &[]).await;
    assert_eq!(server.stranger().basic("admin", NEW).get("/api/v1/session").await.status, 200);
    server.stop().await;
}
