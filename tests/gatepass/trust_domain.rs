//! The trust domain of SPIFFE ids is fixed at the first start, and changes on request only.

use std::sync::Arc;

use gatepass::ca::pem_to_der;
use gatepass::clock::ManualClock;
use gatepass::host_certificate::HostPeer;
use serde_json::{Value, json};

use crate::support::authority::start;
use crate::support::process::gatepass;
use crate::support::{Host, Process, Running, database};

const GATE_A: (&str, &str) = ("server.external_url", "https://gate-a.test:8443");
const GATE_B: (&str, &str) = ("server.external_url", "https://gate-b.test:8443");

/// An authority whose tests connect to its listen address.
async fn open(data_dir: &std::path::Path, set: &[(&str, &str)]) -> Result<Running, String> {
    let clock = Arc::new(ManualClock::at(start()));
    let mut at = Running::open(data_dir, clock, set).await.map_err(|error| error.to_string())?;
    at.url = format!("https://{}", at.local);
    Ok(at)
}

fn trust_domain(answer: &Value) -> String {
    let der = pem_to_der("CERTIFICATE", answer["certificate"].as_str().unwrap()).unwrap();
    HostPeer::parse(&der).unwrap().trust_domain().to_owned()
}

async fn enrolled(at: &Running) -> (Host, Value) {
    let host = Host::new();
    let said = host.redeem(at, &at.mint_once().await).await;
    assert_eq!(said.status, 200, "{}", said.text);
    (host, said.json)
}

#[tokio::test(flavor = "multi_thread")]
async fn another_url_keeps_the_spiffe_ids() {
    let dir = tempfile::tempdir().unwrap();
    let at = open(dir.path(), &[GATE_A]).await.unwrap();
    let (host, first) = enrolled(&at).await;
    assert_eq!(trust_domain(&first), "gate-a.test");
    at.stop().await;
    let at = open(dir.path(), &[GATE_B]).await.unwrap();
    let renewed = host.client(&at, &first).post("/api/v1/renew", &json!({ "csr": host.csr() })).await;
    assert_eq!(trust_domain(&renewed.json), "gate-a.test", "{}", renewed.text);
    assert_eq!(trust_domain(&enrolled(&at).await.1), "gate-a.test");
    at.stop().await;
    // Version 0.1.0 had no record of it.
    database::execute(dir.path(), "UPDATE meta SET trust_domain = NULL");
    let at = open(dir.path(), &[GATE_B]).await.unwrap();
    assert_eq!(trust_domain(&enrolled(&at).await.1), "gate-a.test");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_different_configured_trust_domain_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path(), &[("server.trust_domain", "a.test")]).await.unwrap().stop().await;
    let refused = open(dir.path(), &[("server.trust_domain", "b.test")]).await.err().unwrap();
    assert!(refused.contains("\"b.test\"") && refused.contains("\"a.test\""), "{refused}");
    assert!(refused.contains("gatepass issuer set-trust-domain b.test --data-dir"), "{refused}");
    open(dir.path(), &[("server.trust_domain", "a.test")]).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_server_gets_another_trust_domain() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let at = open(&data_dir, &[GATE_A]).await.unwrap();
    enrolled(&at).await;
    let set = |more: &[&str]| {
        let mut command = gatepass();
        command
            .args(["issuer", "set-trust-domain", "b.test", "--data-dir"])
            .arg(&data_dir)
            .args(more)
            .output()
            .unwrap()
    };
    let running = set(&["--yes"]);
    assert!(!running.status.success(), "a server runs on it");
    at.stop().await;
    // Without a terminal nobody can answer the question.
    let asked = set(&[]);
    assert!(!asked.status.success());
    let done = set(&["--yes", "-o", "json"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    let told = json!({ "trust_domain": "b.test", "trust_domain_before": "gate-a.test", "changed": true, "live_hosts": 1 });
    assert_eq!(said, told);
    let server = Process::start(&data_dir, &["--set", "server.trust_domain=b.test"]).await;
    let ledger = server.admin().get("/api/v1/ledger").await.json;
    let changed =
        ledger["items"].as_array().unwrap().iter().find(|entry| entry["action"] == "trust_domain_changed");
    assert_eq!(changed.unwrap()["detail"]["trust_domain"], "b.test", "{ledger}");
    server.stop().await;
}
