//! The command line: lists with filters, and bulk revocation.

use std::process::Output;

use serde_json::{Value, json};

use crate::support::process::gatepass;
use crate::support::{Process, database};

fn run(server: &Process, args: &[&str]) -> Output {
    let mut command = gatepass();
    command.args(args).arg("--data-dir").arg(&server.data_dir);
    command.output().unwrap()
}

fn said(server: &Process, args: &[&str]) -> String {
    let output = run(server, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json_of(server: &Process, args: &[&str]) -> Value {
    serde_json::from_str(&said(server, &[args, &["-o", "json"]].concat())).unwrap()
}

fn refused(server: &Process, args: &[&str]) -> String {
    let output = run(server, args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_characters_are_refused_and_stored_ones_escaped() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let create = ["token", "create", "--persistent", "--quiet", "--label"];
    let wrong = run(&server, &[&create[..], &["a\u{202e}b"]].concat());
    let why = String::from_utf8(wrong.stderr).unwrap();
    assert!(!wrong.status.success() && why.contains("--label") && why.contains(r"a\u{202e}b"), "{why}");
    said(&server, &[&create[..], &["kept"]].concat());
    said(&server, &["api-key", "create", "--label", "kept", "--scope", "tokens:read"]);
    for table in ["mints", "api_keys"] {
        let sql = format!("UPDATE {table} SET label = 'a' || char(8238, 8232) || 'b' WHERE label = 'kept'");
        database::execute(&server.data_dir, &sql);
    }
    for list in [["token", "list"], ["api-key", "list"]] {
        assert!(said(&server, &list).contains(r"a\u{202e}\u{2028}b"), "{list:?}");
        assert_eq!(json_of(&server, &list)[0]["label"], "a\u{202e}\u{2028}b", "{list:?}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_listed_rotated_and_taken_back_by_command() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    for label in ["rack 7", "rack 8", "attic"] {
        said(&server, &["token", "create", "--label", label, "--persistent", "--quiet"]);
    }
    let table = said(&server, &["token", "list", "--label", "rack*"]);
    assert!(table.contains("LAST USED") && table.contains("rack 7") && !table.contains("attic"), "{table}");
    let ids = json_of(&server, &["token", "list", "--label", "rack 7"]);
    let id = ids[0]["id"].as_str().unwrap();
    assert!(said(&server, &["token", "show", id]).contains("last used"));

    let next = json_of(&server, &["token", "rotate", id, "--overlap", "7d", "--yes"]);
    assert_eq!((&next["replaces"], &next["label"]), (&json!(id), &json!("rack 7")));
    let shown = json_of(&server, &["token", "show", id]);
    assert_eq!(shown["replaced_by"], next["token_id"]);

    assert!(refused(&server, &["token", "revoke", "--label", "rack*"]).contains("Revoke 3 tokens?"));
    assert!(refused(&server, &["token", "revoke", "--label", "rack*", "--all", "--yes"]).contains("--all"));
    assert!(
        refused(&server, &["token", "revoke", id, "--label", "rack*", "--yes"])
            .contains("cannot be combined")
    );
    assert!(refused(&server, &["token", "revoke"]).contains("--minter"));
    assert!(said(&server, &["token", "revoke", "--label", "rack*", "--yes"]).contains("revoked 3 tokens"));
    let again = run(&server, &["token", "revoke", "--label", "rack*", "--yes"]);
    assert_eq!(again.status.code(), Some(1), "nothing matches");
    one_that_is_not_there_does_not_keep_the_others(&server);
    let live = json_of(&server, &["token", "list", "--state", "active"]);
    assert_eq!(live.as_array().unwrap().len(), 3, "attic, first roles and emergency token: {live}");
    let all = json_of(&server, &["token", "revoke", "--all", "--hosts", "--yes"]);
    assert_eq!(all, json!({ "revoked": 2, "hosts_revoked": 0 }), "all but the emergency token");
    assert!(refused(&server, &["host", "revoke", "--name", "x", "--all", "--yes"]).contains("--all"));
    assert_eq!(json_of(&server, &["host", "list", "--token", id]), json!([]));
    server.stop().await;
}

fn one_that_is_not_there_does_not_keep_the_others(server: &Process) {
    let create = || json_of(server, &["token", "create"])["token_id"].as_str().unwrap().to_owned();
    let (first, last, nobody) = (create(), create(), "0190a0b0-0000-7000-8000-000000000000");
    let output = run(server, &["token", "revoke", &first, nobody, &last, "--yes", "-o", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answers[0], json!({ "id": first, "state": "revoked", "changed": true }));
    assert_eq!(answers[1], json!({ "id": nobody, "error": "not_found" }));
    assert_eq!(answers[2]["id"], json!(last));
    assert!(String::from_utf8(output.stderr).unwrap().contains(nobody));
    let complaint = String::from_utf8(run(server, &["token", "rotate", &first, "--yes"]).stderr).unwrap();
    assert!(complaint.contains("token_revoked") && complaint.contains("token create"), "{complaint}");
    let both = json_of(server, &["token", "revoke", &first, &last, "--yes"]);
    assert!(both.as_array().unwrap().iter().all(|answer| answer["changed"] == false), "{both}");
    assert_eq!(run(server, &["host", "revoke", nobody, nobody, "--yes"]).status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unwritable_file_mints_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let minted = json_of(&server, &["token", "create", "--unlimited"]);
    let id = minted["token_id"].as_str().unwrap();
    let nowhere = dir.path().join("none").join("token");
    let out = ["--out", nowhere.to_str().unwrap()];
    for command in [
        ["token", "rotate", id, "--yes"].as_slice(),
        &["token", "create"],
        &["api-key", "create", "--scope", "tokens:read"],
    ] {
        let output = run(&server, &[command, &out].concat());
        assert_eq!(output.status.code(), Some(1), "{command:?}");
    }
    assert_eq!(json_of(&server, &["token", "show", id])["replaced_by"], Value::Null);
    assert_eq!(json_of(&server, &["api-key", "list"]), json!([]));
    let cut = run(&server, &["token", "list", "--limit", "2", "-o", "json"]);
    assert_eq!(serde_json::from_slice::<Value>(&cut.stdout).unwrap().as_array().unwrap().len(), 2);
    assert!(String::from_utf8(cut.stderr).unwrap().contains("more than 2 match: raise --limit"));
    let whole = run(&server, &["token", "list", "--limit", "3"]);
    assert!(whole.stderr.is_empty(), "{}", String::from_utf8_lossy(&whole.stderr));
    assert!(refused(&server, &["settings", "reset", "colour"]).contains("cluster_ttl"));
    assert!(refused(&server, &["settings", "set", "retention=1d", "retention=2d"]).contains("twice"));
    server.stop().await;
}
