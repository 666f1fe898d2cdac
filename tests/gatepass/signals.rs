//! Signals: two end a long-running command, one reloads files, and the others do nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use gatepass::id::Fingerprint;
use gatepass::server::local::LocalServer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::eventually;
use crate::support::served::{Served, complaint, gatepass, run, serve};
use crate::support::unheard::Unheard;

const TOKENS: &str = "/api/v1/enrollment-tokens";

#[tokio::test(flavor = "multi_thread")]
async fn other_signals_do_not_end_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let (data, log) = (dir.path().join("data"), dir.path().join("log"));
    let at = Unheard::start(serve(&data), &data, Stdio::null(), fs::File::create(&log).unwrap().into()).await;
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2, Signal::ALARM, Signal::XFSZ, Signal::HUP] {
        at.signal(signal);
    }
    eventually("the reload is logged", async || {
        fs::read_to_string(&log).unwrap().contains("SIGHUP").then_some(())
    })
    .await;
    assert_eq!(at.admin().post(TOKENS, &json!({})).await.status, 201);
    assert_eq!(at.stop().await.code(), Some(0));
}

/// A host's identity, from a token of this server.
async fn enroll(at: &Unheard, within: &Path) -> PathBuf {
    let minted = at.admin().post(TOKENS, &json!({})).await;
    let token = within.join("token");
    fs::write(&token, minted.json["token"].as_str().unwrap()).unwrap();
    let (mut enroll, dir) = (gatepass(), within.join("host"));
    enroll.arg("enroll").arg("--token-file").arg(&token).arg("--cert-dir").arg(&dir);
    let enrolled = run(&mut enroll);
    assert!(enrolled.status.success(), "{}", complaint(&enrolled));
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn other_signals_do_not_end_the_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let (data, log) = (dir.path().join("data"), dir.path().join("log"));
    let at = Unheard::start(serve(&data), &data, Stdio::null(), Stdio::null()).await;
    let host = enroll(&at, dir.path()).await;
    let mut daemon = gatepass();
    daemon.args(["renew", "--daemon", "--cert-dir"]).arg(&host).stderr(fs::File::create(&log).unwrap());
    let mut daemon = daemon.spawn().unwrap();
    eventually("it waits", async || fs::read_to_string(&log).unwrap().contains("next renewal").then_some(()))
        .await;
    let send = |signal| kill_process(Pid::from_child(&daemon), signal).unwrap();
    [Signal::HUP, Signal::USR1, Signal::USR2, Signal::ALARM, Signal::TERM].into_iter().for_each(send);
    let ended = eventually("it stops", async || daemon.try_wait().unwrap()).await;
    assert_eq!(ended.code(), Some(0), "{ended}");
}

/// Writes a certificate and its key, with the times of the files before. Returns the certificate's fingerprint.
fn write_tls(certificate: &Path, key: &Path) -> Fingerprint {
    let made = rcgen::generate_simple_self_signed(vec!["gate.example.org".to_owned()]).unwrap();
    for (path, text) in [(certificate, made.cert.pem()), (key, made.signing_key.serialize_pem())] {
        let before = fs::metadata(path).and_then(|file| file.modified()).ok();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        if let Some(before) = before {
            fs::File::options().write(true).open(path).unwrap().set_modified(before).unwrap();
        }
    }
    Fingerprint::of(made.cert.der())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reloads_external_tls_files() {
    let dir = tempfile::tempdir().unwrap();
    let (data, certificate, key) =
        (dir.path().join("data"), dir.path().join("tls.pem"), dir.path().join("tls.key"));
    let presented = || {
        let text = fs::read_to_string(data.join("keys/local.json")).ok()?;
        serde_json::from_str::<LocalServer>(&text).ok()?.pins.certificate
    };
    let first = write_tls(&certificate, &key);
    let mut serve = serve(&data);
    serve.arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(&key);
    let at = Served::start(serve);
    assert_eq!(presented(), Some(first));
    let second = write_tls(&certificate, &key);
    kill_process(at.pid(), Signal::HUP).unwrap();
    eventually("the new certificate is in use", async || (presented() == Some(second)).then_some(())).await;
    assert!(at.stop().success());
}
