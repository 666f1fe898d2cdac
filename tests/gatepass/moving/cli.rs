//! The host's commands with `--server`.

use std::process::Output;

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
