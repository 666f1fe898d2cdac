//! Commands whose output has no reader: they do all their work, and end as they would with a reader. A secret that nobody
//! read is a failure.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::Process;
use crate::support::process::gatepass;
use crate::support::unheard::{closed_pipe, full};

/// Runs `command` with this standard output.
fn into(out: Stdio, command: &mut Command) -> Output {
    command.stdout(out).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
}

fn unread(command: &mut Command) -> Output {
    into(closed_pipe(), command)
}

fn admin(server: &Process, args: &[&str]) -> Command {
    let mut command = gatepass();
    command.args(args).arg("--data-dir").arg(&server.data_dir);
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn mint(server: &Process) -> Value {
    server.admin().post("/api/v1/enrollment-tokens", &json!({ "roles": ["proxy"] })).await.json
}

/// A host's own command.
fn host(dir: &Path, args: &[&str]) -> Command {
    let mut command = gatepass();
    command.args(args).arg("--cert-dir").arg(dir);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gone_reader_stops_no_work() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let certs = dir.path().join("certs");
    let token = mint(&server).await["token"].as_str().unwrap().to_owned();
    let enrolled = unread(host(&certs, &["enroll"]).env("GATEPASS_TOKEN", token));
    assert_eq!(enrolled.status.code(), Some(0), "{}", said(&enrolled));
    let mark = dir.path().join("mark");
    let hook = format!("touch {}", mark.display());
    let renewed = unread(&mut host(&certs, &["renew", "--on-renew", &hook]));
    assert_eq!(renewed.status.code(), Some(0), "{}", said(&renewed));
    assert!(mark.exists(), "the command after the renewal did not run");

    let ids = [mint(&server).await, mint(&server).await].map(|token| token["token_id"].clone());
    let args = ["token", "revoke", "--yes", ids[0].as_str().unwrap(), ids[1].as_str().unwrap()];
    let revoked = unread(&mut admin(&server, &args));
    assert_eq!(revoked.status.code(), Some(0), "{}", said(&revoked));
    for id in ids {
        let path = format!("/api/v1/enrollment-tokens/{}", id.as_str().unwrap());
        assert_eq!(server.admin().get(&path).await.json["state"], "revoked");
    }
    server.stop().await;
    for format in ["table", "json"] {
        let status = unread(&mut host(&certs, &["status", "-o", format]));
        assert_eq!(status.status.code(), Some(1), "{format}: {}", said(&status));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_without_a_reader_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let (tokens, keys) = ("/api/v1/enrollment-tokens", "/api/v1/api-keys");
    for out in [closed_pipe as fn() -> Stdio, full] {
        let old = mint(&server).await["token_id"].as_str().unwrap().to_owned();
        for (command, list, remedy) in [
            (["token", "create"].as_slice(), tokens, "gatepass token revoke"),
            (&["token", "create", "--quiet"], tokens, "gatepass token revoke"),
            (&["token", "create", "-o", "json"], tokens, "gatepass token revoke"),
            (&["token", "rotate", &old, "--yes"], tokens, "gatepass token revoke"),
            (&["api-key", "create", "--scope", "tokens:read"], keys, "gatepass api-key delete"),
            (&["api-key", "create", "--scope", "tokens:read", "-q"], keys, "gatepass api-key delete"),
        ] {
            let lost = into(out(), &mut admin(&server, command));
            let why = said(&lost);
            assert_eq!(lost.status.code(), Some(1), "{command:?}: {why}");
            assert!(why.contains("lost") && !why.contains("eyJ") && !why.contains("gpk_"), "{why}");
            let newest = server.admin().get(&format!("{list}?limit=1")).await.json["items"][0]["id"].clone();
            let next = format!("{remedy} {}", newest.as_str().unwrap());
            assert!(why.contains(&next), "{command:?}: {next:?} is not in {why}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_no_disk_holds_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let mut command = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" token create --data-dir \"$1\" --out \"$2\"";
    command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_gatepass"));
    command.arg(&server.data_dir).arg(dir.path().join("token")).env_clear();
    let lost = into(Stdio::piped(), &mut command);
    let newest = server.admin().get("/api/v1/enrollment-tokens?limit=1").await.json["items"][0]["id"].clone();
    let next = format!("gatepass token revoke {}", newest.as_str().unwrap());
    assert_eq!(lost.status.code(), Some(1), "{}", said(&lost));
    assert!(said(&lost).contains(&next), "{}", said(&lost));
    assert!(!fs::exists(dir.path().join("token")).unwrap());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_one_line_gets_the_token() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    for _ in 0..10 {
        let mut command = Command::new("bash");
        let script = "set -o pipefail; \"$0\" token create --data-dir \"$1\" | head -1";
        command.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_gatepass")).arg(&server.data_dir);
        let read = into(Stdio::piped(), &mut command);
        assert!(read.status.success(), "{}", said(&read));
        assert!(String::from_utf8_lossy(&read.stdout).starts_with("token "), "{read:?}");
    }
    server.stop().await;
}
