//! Messages to the service manager: readiness, keep-alives, reloads and the stop.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gatepass::id::Fingerprint;
use gatepass::server::local::LocalServer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::manager::Manager;
use crate::support::served::{Served, complaint, gatepass, run, serve};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_reports_readiness_keep_alives_and_stop() {
    let dir = tempfile::tempdir().unwrap();
    let (manager, mut command) = (Manager::new(), serve(&dir.path().join("data")));
    manager.of(&mut command);
    let at = Served::start(command);
    assert_eq!(manager.next(), format!("READY=1\nSTATUS=listens on {}", at.url));
    assert_eq!(at.stranger().get("/livez").await.status, 200);
    for _ in 0..2 {
        assert_eq!(manager.next(), "WATCHDOG=1");
    }
    kill_process(at.pid(), Signal::TERM).unwrap();
    assert_eq!(manager.next_change(), "STOPPING=1");
    assert!(at.ended().success());
}

/// A host's identity, from a token of this server.
async fn enroll(at: &Served, within: &Path) -> PathBuf {
    let minted = at.admin().post("/api/v1/enrollment-tokens", &json!({})).await;
    let (token, dir) = (within.join("token"), within.join("host"));
    fs::write(&token, minted.json["token"].as_str().unwrap()).unwrap();
    let enrolled = run(gatepass().arg("enroll").arg("--token-file").arg(&token).arg("--cert-dir").arg(&dir));
    assert!(enrolled.status.success(), "{}", complaint(&enrolled));
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_reports_readiness_and_stop() {
    let dir = tempfile::tempdir().unwrap();
    let at = Served::start(serve(&dir.path().join("data")));
    let host = enroll(&at, dir.path()).await;
    let (manager, mut command) = (Manager::new(), gatepass());
    manager.of(command.args(["renew", "--daemon", "--cert-dir"]).arg(&host));
    let mut daemon = command.stderr(Stdio::null()).spawn().unwrap();
    let ready = std::iter::repeat_with(|| manager.next()).find(|message| message.starts_with("READY=1"));
    assert!(ready.unwrap().contains("STATUS=next renewal at "));
    let alive = std::iter::repeat_with(|| manager.next()).find(|message| message == "WATCHDOG=1");
    assert!(alive.is_some());
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    let stopping = std::iter::repeat_with(|| manager.next()).find(|message| message == "STOPPING=1");
    assert!(stopping.is_some());
    assert!(daemon.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_cannot_reach_the_manager() {
    let dir = tempfile::tempdir().unwrap();
    let at = Served::start(serve(&dir.path().join("data")));
    let host = enroll(&at, dir.path()).await;
    let seen = dir.path().join("seen");
    let mut command = gatepass();
    command.args(["renew", "--cert-dir"]).arg(&host).env("CREDENTIALS_DIRECTORY", dir.path());
    command.arg("--on-renew").arg(format!("env > {}", seen.display()));
    let renewed = run(Manager::new().of(&mut command));
    assert!(renewed.status.success(), "{}", complaint(&renewed));
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.contains("GATEPASS_CERT_DIR="), "{seen}");
    assert!(!seen.contains("NOTIFY_SOCKET") && !seen.contains("CREDENTIALS_DIRECTORY"), "{seen}");
}

/// Writes a certificate and its key. Returns the certificate's fingerprint.
fn write_tls(certificate: &Path, key: &Path) -> Fingerprint {
    let made = rcgen::generate_simple_self_signed(vec!["gate.example.org".to_owned()]).unwrap();
    for (path, text) in [(certificate, made.cert.pem()), (key, made.signing_key.serialize_pem())] {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    Fingerprint::of(made.cert.der())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_is_reported_when_it_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let presented = || {
        let text = fs::read_to_string(path("data/keys/local.json")).unwrap();
        serde_json::from_str::<LocalServer>(&text).unwrap().pins.certificate
    };
    let first = write_tls(&path("tls.pem"), &path("tls.key"));
    let (manager, mut command) = (Manager::new(), serve(&path("data")));
    command.arg("--tls-cert").arg(path("tls.pem")).arg("--tls-key").arg(path("tls.key"));
    manager.of(&mut command);
    let at = Served::start(command);
    assert!(manager.next().starts_with("READY=1\n"));
    assert_eq!(presented(), Some(first));
    let second = write_tls(&path("tls.pem"), &path("tls.key"));
    kill_process(at.pid(), Signal::HUP).unwrap();
    assert_eq!(manager.next_change(), "RELOADING=1");
    assert!(manager.next_change().starts_with("READY=1\n"));
    assert_eq!(presented(), Some(second), "the reload was reported before its end");

    // A file that cannot be used ends the reload too.
    fs::write(path("tls.key"), "no key").unwrap();
    kill_process(at.pid(), Signal::HUP).unwrap();
    assert_eq!(manager.next_change(), "RELOADING=1");
    assert!(manager.next_change().starts_with("READY=1\n"));
    assert_eq!(presented(), Some(second));
    assert!(at.stop().success());
}
