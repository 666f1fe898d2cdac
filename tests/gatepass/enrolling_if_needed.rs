//! `gatepass enroll --if-needed`: at each start of a machine, an identity that works stays. Nothing lets a refused host in again.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::served::{complaint, run};
use crate::support::site::{Site, good, host};

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The command of a start.
fn start(token: &Path, certs: &Path) -> Command {
    host(&["enroll", "--if-needed", "-o", "json", "--token-file", token.to_str().unwrap()], certs)
}

/// Sets a time in `host.json`.
fn set(certs: &Path, member: &str, time: &str) {
    let mut file: Value = serde_json::from_slice(&fs::read(certs.join("host.json")).unwrap()).unwrap();
    file[member] = json!(time);
    fs::write(certs.join("current/host.json"), file.to_string()).unwrap();
}

#[test]
fn a_working_identity_needs_no_token() {
    let mut site = Site::start();
    let (certs, token) = (site.enrolled(), site.path("token-1"));
    let before = fs::read(certs.join("host.json")).unwrap();
    fs::remove_file(&token).unwrap();
    let kept = json(&good(&mut start(&token, &certs)));
    assert_eq!(kept["outcome"], json!("kept"));
    assert_eq!(fs::read(certs.join("host.json")).unwrap(), before);
    let none = run(&mut start(&token, &site.path("empty")));
    assert!(none.status.code() == Some(1) && complaint(&none).contains("token-1"), "{}", complaint(&none));
}

#[test]
fn a_due_identity_renews_and_keeps_its_host() {
    let mut site = Site::start();
    let (certs, token) = (site.enrolled(), site.path("token-1"));
    let before = fs::read(certs.join("host.pem")).unwrap();
    set(&certs, "renew_after", "2020-01-01T00:00:00Z");
    let renewed = json(&good(&mut start(&token, &certs)));
    assert_eq!(renewed["outcome"], json!("renewed"));
    assert_ne!(fs::read(certs.join("host.pem")).unwrap(), before);
}

#[test]
fn an_unreachable_server_stops_only_a_new_host() {
    let mut site = Site::start();
    let (certs, token) = (site.enrolled(), site.path("token-1"));
    let empty = site.path("empty");
    let Site { dir: _dir, server, .. } = site;
    assert!(server.stop().success());
    for due in [false, true] {
        if due {
            set(&certs, "renew_after", "2020-01-01T00:00:00Z");
        }
        let output = good(&mut start(&token, &certs));
        assert_eq!(json(&output)["outcome"], json!("kept"));
        assert!(complaint(&output).contains("the server was not asked about it"), "{}", complaint(&output));
    }
    assert_eq!(run(&mut start(&token, &empty)).status.code(), Some(75));
}

#[test]
fn a_damaged_identity_is_not_replaced() {
    let mut site = Site::start();
    let (certs, token) = (site.enrolled(), site.path("token-1"));
    fs::write(certs.join("current/host.pem"), "{").unwrap();
    let output = run(&mut start(&token, &certs));
    assert_eq!(output.status.code(), Some(1), "{}", complaint(&output));
}
