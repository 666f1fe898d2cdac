//! The command line: lists with filters, and what takes many back.

use std::process::Output;

use serde_json::{Value, json};

use crate::support::Process;
use crate::support::process::{free_port, gatepass};

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
async fn tokens_are_listed_rotated_and_taken_back_by_command() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), free_port(), &[]).await;
    for label in ["rack 7", "rack 8", "attic"] {
        said(&server, &["token", "create", "--label", label, "--persistent", "--quiet"]);
    }
    let table = said(&server, &["token", "list", "--label", "rack"]);
    assert!(table.contains("LAST USED") && table.contains("rack 7") && !table.contains("attic"), "{table}");
    let ids = json_of(&server, &["token", "list", "--label", "rack 7"]);
    let id = ids[0]["id"].as_str().unwrap();
    assert!(said(&server, &["token", "show", id]).contains("last used"));

    let next = json_of(&server, &["token", "rotate", id, "--overlap", "7d", "--yes"]);
    assert_eq!((&next["replaces"], &next["label"]), (&json!(id), &json!("rack 7")));
    let shown = json_of(&server, &["token", "show", id]);
    assert_eq!(shown["replaced_by"], next["token_id"]);

    assert!(refused(&server, &["token", "revoke", "--label", "rack"]).contains("revoke 3 tokens?"));
    assert!(refused(&server, &["token", "revoke", "--label", "rack", "--all", "--yes"]).contains("--all"));
    assert!(refused(&server, &["token", "revoke", id, "--label", "rack", "--yes"]).contains("not both"));
    assert!(refused(&server, &["token", "revoke"]).contains("required"));
    assert!(said(&server, &["token", "revoke", "--label", "rack", "--yes"]).contains("revoked 3 tokens"));
    let again = json_of(&server, &["token", "revoke", "--label", "rack", "--yes"]);
    assert_eq!(again, json!({ "revoked": 0 }));
    let live = json_of(&server, &["token", "list", "--state", "active"]);
    assert_eq!(live.as_array().unwrap().len(), 3, "attic, first roles and emergency token: {live}");
    let all = json_of(&server, &["token", "revoke", "--all", "--hosts", "--yes"]);
    assert_eq!(all, json!({ "revoked": 2, "hosts_revoked": 0 }), "all but the emergency token");
    assert!(refused(&server, &["host", "revoke", "--name", "x", "--all", "--yes"]).contains("--all"));
    assert_eq!(json_of(&server, &["host", "revoke", "--all", "--yes"]), json!({ "revoked": 0 }));
    assert_eq!(json_of(&server, &["host", "list", "--token", id]), json!([]));
    server.stop().await;
}
