//! The host's commands with `--server`.

use std::process::Output;

use gatepass::name::DnsName;
use serde_json::Value;

use super::*;
use crate::support::process::gatepass;

fn run(dir: &Path, args: &[&str]) -> Output {
    gatepass().args(args).arg("--cert-dir").arg(dir).output().unwrap()
}

fn said(dir: &Path, args: &[&str]) -> String {
    let output = run(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_keeps_the_server_that_it_was_given() {
    let temp = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(SystemClock::now().whole_second()));
    let at = Running::open(&temp.path().join("data"), clock, &[]).await.unwrap();
    let own = format!("https://localhost:{}", at.local.port());
    let dir = temp.path().join("host");
    let both = |first: &str, second: &str| Servers {
        server: first.to_owned(),
        fallbacks: vec![second.to_owned()],
        own_server: Some(own.clone()),
    };
    let token = at.mint_once().await;
    said(&dir, &["enroll", "--token", &token, "--server", &own]);
    assert_eq!(host_file(&dir).servers, both(&own, &at.url));
    let status: Value = serde_json::from_str(&said(&dir, &["status", "-o", "json"])).unwrap();
    assert_eq!(status["answered_by"], own);

    // The host's own address leads nowhere for a while: the authority's answers, and is asked first from then on.
    let nowhere = "https://gate.invalid";
    said(&dir, &["renew", "--server", nowhere]);
    let servers = host_file(&dir).servers;
    assert_eq!((&servers.server, servers.own_server.as_deref()), (&at.url, Some(nowhere)));
    assert!(servers.fallbacks.contains(&nowhere.to_owned()), "{servers:?}");
    said(&dir, &["renew", "--server", &own]);
    assert_eq!(host_file(&dir).servers, both(&own, &at.url));
    let shown = said(&dir, &["status", "--server", &own]);
    assert!(shown.contains(&format!("knows this host ({own})")), "{shown}");
    said(&dir, &["leave", "--yes", "--server", &own]);
    assert_eq!(at.entries("host_revoked").await, 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_name_is_reported_and_forgotten() {
    let temp = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(SystemClock::now().whole_second()));
    let at = Running::open(&temp.path().join("data"), clock, &[]).await.unwrap();
    let dir = temp.path().join("host");
    let token = token_of(&at.mint(json!({ "dns_names": ["*.example.org"] })).await);
    said(&dir, &["enroll", "--token", &token, "--name", "web.example.org"]);
    let name = DnsName::parse("web.example.org").unwrap();
    assert_eq!(host_file(&dir).certified.name.as_ref(), Some(&name));
    at.authority.names.add(vec![name]).await.unwrap();

    let output = run(&dir, &["renew", "-o", "json"]);
    let warning = String::from_utf8_lossy(&output.stderr);
    assert!(warning.contains("web.example.org became a name of the authority"), "{warning}");
    let renewed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&renewed["name_withdrawn"], &renewed["name"]), (&json!("web.example.org"), &Value::Null));
    assert_eq!(host_file(&dir).certified.name, None);
    let next: Value = serde_json::from_str(&said(&dir, &["renew", "-o", "json"])).unwrap();
    assert_eq!(next["name_withdrawn"], Value::Null);
    at.stop().await;
}
