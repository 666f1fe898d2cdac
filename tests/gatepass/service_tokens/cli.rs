//! The command line: what `gatepass token` does with service tokens, on a server of its own.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::Process;
use crate::support::authority::AUDIENCE;
use crate::support::process::gatepass;

/// `gatepass token …` beside the server.
fn token(server: &Process, args: &[&str]) -> Output {
    let mut command = gatepass();
    command.arg("token").args(args).arg("--data-dir").arg(&server.data_dir);
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_str(&said(output)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_mint_inspect_and_revoke_a_service_token() {
    let dir = tempfile::tempdir().unwrap();
    let set = format!("tokens.audiences={AUDIENCE}");
    let server = Process::start(&dir.path().join("data"), &["--set", &set]).await;
    let create = ["create", "--audience", AUDIENCE, "--role", "proxy", "--label", "nightly"];
    let shown = said(&token(&server, &create));
    assert!(shown.contains("shown once") && shown.contains(AUDIENCE) && shown.contains("eyJ"), "{shown}");
    let minted = json_of(&token(&server, &[&create[..], &["-o", "json"]].concat()));
    let (text, id) = (minted["token"].as_str().unwrap(), minted["token_id"].as_str().unwrap());

    let file = dir.path().join("token");
    fs::write(&file, text).unwrap();
    let jwks = dir.path().join("jwks.json");
    fs::write(&jwks, server.stranger().get("/.well-known/jwks.json").await.text).unwrap();
    let offline =
        |args: &[&str]| gatepass().arg("token").args(args).arg("--token-file").arg(&file).output().unwrap();
    let inspected = json_of(&offline(&["inspect", "-o", "json"]));
    assert_eq!((&inspected["token_id"], &inspected["audience"]), (&json!(id), &json!(AUDIENCE)));
    let verified = offline(&["verify", "--jwks", jwks.to_str().unwrap(), "--audience", AUDIENCE]);
    assert!(said(&verified).contains("the token is valid"));

    let listed = json_of(&token(&server, &["list", "--service", "-o", "json"]));
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert!(said(&token(&server, &["list", "--service"])).contains("AUDIENCE"));
    assert!(!said(&token(&server, &["list", "-o", "id"])).contains(id));
    assert!(said(&token(&server, &["list", "--service", "-o", "id"])).contains(id));
    assert!(said(&token(&server, &["show", id])).contains(AUDIENCE));
    assert!(said(&token(&server, &["revoke", "--yes", id])).contains("revoked token"));
    assert!(said(&token(&server, &["revoke", "--yes", id])).contains("before"));
    assert_eq!(json_of(&token(&server, &["show", id, "-o", "json"]))["state"], json!("revoked"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flag_unfit_for_service_tokens_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let refused = |args: &[&str]| {
        let output = token(&server, args);
        assert!(!output.status.success() && output.stdout.is_empty());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, why) = refused(&["create", "--audience", AUDIENCE, "--persistent", "--max-uses", "2"]);
    assert!(
        code == 2 && why.contains("'--audience <URI>' cannot be used with") && why.contains("--persistent"),
        "{why}"
    );
    let (code, why) = refused(&["create", "--audience", AUDIENCE]);
    assert!(code == 2 && why.contains("tokens.audiences"), "{why}");
    for verb in [["show"].as_slice(), &["revoke", "--yes"]] {
        let unknown = "0190a0b0-c0d0-7000-8000-0000000000aa";
        let (code, why) = refused(&[verb, &[unknown]].concat());
        assert!(code == 1 && why.contains(unknown), "{why}");
    }
    server.stop().await;
}
