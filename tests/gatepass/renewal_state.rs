//! Reports of `renewal.json`, `status` and `renew` on the renewals of an identity.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::process::gatepass;
use crate::support::{Process, eventually};

async fn enrolled(dir: &Path) -> (Process, PathBuf) {
    let server = Process::start(&dir.join("data"), &[]).await;
    let minted = server.admin().post("/api/v1/enrollment-tokens", &json!({})).await;
    let certs = dir.join("host");
    let (code, said) = run(&certs, &["enroll", "--token", minted.json["token"].as_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    (server, certs)
}

fn run(certs: &Path, args: &[&str]) -> (Option<i32>, String) {
    let output: Output = gatepass().args(args).arg("--cert-dir").arg(certs).output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

fn shown(certs: &Path, args: &[&str]) -> Value {
    let output = gatepass().args(args).args(["-o", "json", "--cert-dir"]).arg(certs).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn daemon(certs: &Path, log: &Path) -> Child {
    let log = fs::File::create(log).unwrap();
    let mut command = gatepass();
    command.args(["renew", "--daemon", "--cert-dir"]).arg(certs).stdout(Stdio::null()).stderr(log);
    command.spawn().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn status_names_the_process_that_renews() {
    let dir = tempfile::tempdir().unwrap();
    let (server, certs) = enrolled(dir.path()).await;
    let renewal = || shown(&certs, &["status"])["renewal"].clone();
    let (code, said) = run(&certs, &["status"]);
    assert!(code == Some(0) && said.contains("renewed by   nobody"), "{code:?} {said}");
    assert_eq!(renewal()["by"], "nobody");

    assert_eq!(run(&certs, &["renew", "--if-due"]), (Some(0), String::new()), "nothing to do, nothing said");
    assert_eq!(shown(&certs, &["renew", "--if-due"])["renewed"], false);
    assert_eq!(renewal()["by"], "timer");
    assert!(run(&certs, &["status"]).1.contains("renewed by   `gatepass renew --if-due`"));

    let log = dir.path().join("log");
    let mut running = daemon(&certs, &log);
    let by = eventually("the daemon is seen", async || {
        let renewal = renewal();
        (renewal["by"] == "daemon" && !renewal["next_attempt_at"].is_null()).then_some(renewal)
    })
    .await;
    assert_eq!(by["pid"], running.id());
    let said = run(&certs, &["status"]).1;
    assert!(said.contains(&format!("the daemon (process {})", running.id())), "{said}");
    assert!(said.contains("next attempt 20"), "{said}");
    let record = certs.join("renewal.json");
    assert_eq!(fs::metadata(&record).unwrap().permissions().mode() & 0o7777, 0o644);
    let second = gatepass().args(["renew", "--daemon", "--cert-dir"]).arg(&certs).output().unwrap();
    let refused = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && refused.contains(&format!("process {}", running.id())), "{refused}");

    // A killed daemon leaves its number behind, and renews no more.
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(renewal()["by"], "timer");
    let again = daemon(&certs, &log);
    eventually("the next one is seen", async || (renewal()["pid"] == again.id()).then_some(())).await;
    let mut again = again;
    kill_process(Pid::from_child(&again), Signal::TERM).unwrap();
    eventually("it stops", async || again.try_wait().unwrap()).await;
    assert_eq!(renewal()["by"], "timer");

    server.stop().await;
    let (code, said) = run(&certs, &["renew"]);
    assert_eq!(code, Some(75), "{said}");
    let failed = renewal();
    assert!(failed["error"].as_str().unwrap().contains("cannot be reached"), "{failed}");
    let (code, said) = run(&certs, &["status"]);
    assert!(code == Some(1) && said.contains(", failed: "), "{code:?} {said}");
    assert_eq!(run(&certs, &["leave", "--yes", "--force"]).0, Some(0));
    assert_eq!(fs::read_dir(&certs).unwrap().count(), 0, "no state outlives the identity");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_renews_the_next_identity_too() {
    let dir = tempfile::tempdir().unwrap();
    let (server, certs) = enrolled(dir.path()).await;
    let log = dir.path().join("log");
    let mut running = daemon(&certs, &log);
    let by = || shown(&certs, &["status"])["renewal"]["by"] == "daemon";
    eventually("it runs", async || by().then_some(())).await;
    assert_eq!(run(&certs, &["leave", "--yes"]).0, Some(0));
    let minted = server.admin().post("/api/v1/enrollment-tokens", &json!({})).await;
    let (code, said) = run(&certs, &["enroll", "--token", minted.json["token"].as_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    eventually("it renews the new one", async || by().then_some(())).await;
    let second = gatepass().args(["renew", "--daemon", "--cert-dir"]).arg(&certs).output().unwrap();
    assert!(!second.status.success(), "{}", String::from_utf8_lossy(&second.stderr));
    running.kill().unwrap();
    running.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn renew_reports_the_old_and_the_new_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, certs) = enrolled(dir.path()).await;
    let first = shown(&certs, &["renew"]);
    let second = shown(&certs, &["renew"]);
    assert_eq!(
        (&second["renewed"], &second["replaced"]["serial"]),
        (&json!(true), &first["serial"]),
        "{second}"
    );
    assert_eq!(second["replaced"]["expires_at"], first["expires_at"]);
    assert_ne!(second["serial"], first["serial"]);
    let (code, said) = run(&certs, &["renew"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("renewed")
            && said.contains(&format!("replaces     {}", second["serial"].as_str().unwrap())),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn status_checks_the_time_that_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let (_server, certs) = enrolled(dir.path()).await;
    assert_eq!(run(&certs, &["status", "--check", "7d"]).0, Some(0));
    assert_eq!(run(&certs, &["status", "--check", "31d"]).0, Some(1));
    assert_eq!(run(&certs, &["status", "--check", "soon"]).0, Some(2));
}
