//! A secret that is shown once goes to a new file, and an existing file is kept.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::Process;
use crate::support::process::gatepass;

fn run(server: &Process, args: &[&str]) -> Output {
    let mut command = gatepass();
    command.args(args).arg("--data-dir").arg(&server.data_dir).output().unwrap()
}

fn json_of(server: &Process, args: &[&str]) -> Value {
    let output = run(server, &[args, &["-o", "json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn content(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_file_is_replaced_only_by_force() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let minted = json_of(&server, &["token", "create", "--unlimited"]);
    let id = minted["token_id"].as_str().unwrap();
    let file = dir.path().join("secret");
    let out = ["--out", file.to_str().unwrap()];
    for (command, member, list) in [
        (["token", "create"].as_slice(), "token", ["token", "list"]),
        (&["token", "rotate", id, "--yes"], "token", ["token", "list"]),
        (&["api-key", "create", "--scope", "tokens:read"], "api_key", ["api-key", "list"]),
    ] {
        fs::write(&file, "dear to somebody").unwrap();
        let before = json_of(&server, &list);
        let refused = run(&server, &[command, &out].concat());
        assert_eq!(refused.status.code(), Some(2), "{command:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"), "{command:?}");
        assert_eq!((content(&file), json_of(&server, &list)), ("dear to somebody".into(), before));
        let made = json_of(&server, &[command, &out, &["--force"]].concat());
        assert_eq!((&made["file"], made.get(member)), (&json!(file), None), "{made}");
        let secret = content(&file);
        assert!(secret.starts_with("gpk_") || secret.starts_with("eyJ"), "{command:?}");
        fs::remove_file(&file).unwrap();
    }
    let told = run(&server, &[["api-key", "create", "--scope", "tokens:read"].as_slice(), &out].concat());
    let told = String::from_utf8(told.stdout).unwrap();
    let key = told.lines().find(|line| line.starts_with("key ")).unwrap();
    let label = told.lines().find(|line| line.starts_with("scopes ")).unwrap();
    assert_eq!(key.find("in /"), label.find("tokens:read"), "in one column: {told}");
    assert!(told.contains("only in the file") && !told.contains("shown once"), "{told}");
    server.stop().await;
}
