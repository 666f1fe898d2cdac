//! `gatepass doctor`: each problem of a server or a host is found, and its remedy works.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::support::authority::{settled, start};
use crate::support::process::gatepass;
use crate::support::{Process, Running};

/// Runs the doctor on a directory. Returns its exit code and checks.
async fn doctor(flag: &str, dir: &Path) -> (Option<i32>, Vec<Value>) {
    let mut command = gatepass();
    command.args(["doctor", "-o", "json", flag]).arg(dir);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let checks = found["checks"].as_array().cloned().unwrap_or_default();
    for check in &checks {
        let has_remedy = check["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty());
        assert_eq!(has_remedy, check["state"] != "ok", "{check}");
    }
    assert_eq!(
        found["ok"].as_bool(),
        output.status.code().map(|code| code == 0).filter(|_| found.is_object())
    );
    (output.status.code(), checks)
}

/// The check with this name.
fn named<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name} in {checks:?}"))
}

fn state<'a>(checks: &'a [Value], name: &str) -> &'a str {
    named(checks, name)["state"].as_str().unwrap()
}

/// Runs the command between the first backticks of a remedy, as a reader would.
fn follow(remedy: &Value) {
    let line = remedy.as_str().unwrap().split('`').nth(1).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_gatepass")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", binary.display());
    let ended = Command::new("sh").args(["-c", line]).env_clear().env("PATH", path).output().unwrap();
    assert!(ended.status.success(), "{line}: {}", String::from_utf8_lossy(&ended.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_checks_a_server_and_its_remedies_work() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("my data"), &[]).await;
    settled(&server.stranger()).await;
    let data = server.data_dir.clone();
    let (code, checks) = doctor("--data-dir", &data).await;
    assert_eq!(code, Some(0), "{checks:?}");
    let ready = server.json(&["overview"])["checks"].clone();
    for check in ready.as_array().unwrap() {
        named(&checks, check["name"].as_str().unwrap());
    }
    for name in
        ["files", "server", "store", "clock", "crl", "ca", "status_lists", "ledger_mark", "expiry", "disk"]
    {
        assert_eq!(state(&checks, name), "ok", "{checks:?}");
    }
    for name in ["url", "first secrets", "root key"] {
        assert_eq!(state(&checks, name), "warning", "{checks:?}");
    }
    follow(&named(&checks, "first secrets")["remedy"]);
    let (_, checks) = doctor("--data-dir", &data).await;
    assert_eq!(state(&checks, "first secrets"), "ok", "{checks:?}");
    server.stop().await;
    let (code, checks) = doctor("--data-dir", &data).await;
    assert_eq!((code, state(&checks, "server")), (Some(1), "failed"), "{checks:?}");
    let remedy = named(&checks, "server")["remedy"].as_str().unwrap();
    assert!(remedy.contains(&format!("gatepass serve --data-dir '{}'", data.display())), "{remedy}");
    assert_eq!(doctor("--data-dir", dir.path()).await, (Some(2), Vec::new()), "nothing to check");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_opens_no_file_of_somebody_else() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    Process::start(&data, &[]).await.stop().await;
    let manifest = data.join("keys/ca.json");
    fs::set_permissions(&manifest, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, checks) = doctor("--data-dir", &data).await;
    assert_eq!((code, checks.len(), state(&checks, "files")), (Some(1), 1, "failed"), "{checks:?}");
    assert!(checks[0]["detail"].as_str().unwrap().contains("ca.json"), "{checks:?}");
    fs::set_permissions(&manifest, fs::Permissions::from_mode(0o600)).unwrap();
    symlink("/etc/passwd", data.join("admin.password")).unwrap();
    let (code, checks) = doctor("--data-dir", &data).await;
    assert_eq!((code, checks.len(), state(&checks, "files")), (Some(1), 1, "failed"), "{checks:?}");
    assert!(checks[0]["detail"].as_str().unwrap().contains("admin.password is a link"), "{checks:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_in_doubt_fails_until_it_is_accepted() {
    let at = Running::start().await;
    at.settled().await;
    at.clock.step_to(start().minus(Duration::from_secs(3600)));
    let (code, checks) = doctor("--data-dir", at.data_dir()).await;
    assert_eq!((code, state(&checks, "clock")), (Some(1), "failed"), "{checks:?}");
    let remedy = named(&checks, "clock")["remedy"].as_str().unwrap();
    let command = format!("`gatepass clock accept --data-dir {}`", at.data_dir().display());
    assert!(remedy.contains(&command), "{remedy}");
    let mut accept = gatepass();
    accept.args(["clock", "accept", "--yes", "--data-dir"]).arg(at.data_dir());
    let accepted = tokio::task::spawn_blocking(move || accept.output().unwrap()).await.unwrap();
    assert!(accepted.status.success(), "{}", String::from_utf8_lossy(&accepted.stderr));
    let (_, checks) = doctor("--data-dir", at.data_dir()).await;
    assert_eq!(state(&checks, "clock"), "ok", "{checks:?}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_checks_a_host() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let token = server.admin().post("/api/v1/enrollment-tokens", &serde_json::json!({})).await.json;
    let certs = dir.path().join("certs");
    let mut enroll = gatepass();
    enroll.args(["enroll", "--cert-dir"]).arg(&certs).env("GATEPASS_TOKEN", token["token"].as_str().unwrap());
    assert!(enroll.output().unwrap().status.success());
    let (code, checks) = doctor("--cert-dir", &certs).await;
    assert_eq!(code, Some(0), "{checks:?}");
    for name in ["identity", "certificate", "server", "clock"] {
        assert_eq!(state(&checks, name), "ok", "{checks:?}");
    }
    assert_eq!(state(&checks, "renewals"), "warning", "nobody renews it: {checks:?}");
    let mut renew = gatepass();
    renew.args(["renew", "--if-due", "--cert-dir"]).arg(&certs);
    assert!(renew.output().unwrap().status.success());
    let (_, checks) = doctor("--cert-dir", &certs).await;
    assert_eq!(state(&checks, "renewals"), "ok", "{checks:?}");

    let id = named(&checks, "identity")["detail"].as_str().unwrap().split(' ').nth(1).unwrap().to_owned();
    assert_eq!(server.admin().delete(&format!("/api/v1/hosts/{id}")).await.status, 200);
    let (code, checks) = doctor("--cert-dir", &certs).await;
    assert_eq!((code, state(&checks, "server")), (Some(1), "failed"), "revoked: {checks:?}");
    server.stop().await;
    let (code, checks) = doctor("--cert-dir", &certs).await;
    assert_eq!((code, state(&checks, "server")), (Some(1), "failed"), "not there: {checks:?}");
    fs::copy(certs.join("root.pem"), certs.join("host.key")).unwrap();
    let (code, checks) = doctor("--cert-dir", &certs).await;
    assert_eq!((code, state(&checks, "identity")), (Some(1), "failed"), "{checks:?}");
    let (code, checks) = doctor("--cert-dir", &dir.path().join("none")).await;
    assert_eq!((code, checks.len(), state(&checks, "identity")), (Some(1), 1, "failed"), "{checks:?}");
}
