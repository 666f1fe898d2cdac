//! Names of the server: no host keeps one in its certificate.

use std::path::Path;
use std::sync::Arc;

use gatepass::clock::ManualClock;
use gatepass::name::DnsName;
use serde_json::{Value, json};

use crate::support::authority::{start, token_of};
use crate::support::client::Client;
use crate::support::{Host, Process, Running};

const NAME: &str = "web.example.org";
const URL: (&str, &str) = ("server.external_url", "https://web.example.org:8443");

/// An authority whose tests connect to its listen address.
async fn open(data_dir: &Path, set: &[(&str, &str)]) -> Result<Running, String> {
    let clock = Arc::new(ManualClock::at(start()));
    let mut at = Running::open(data_dir, clock, set).await.map_err(|error| error.to_string())?;
    at.url = format!("https://{}", at.local);
    Ok(at)
}

/// A host with the name.
async fn named(at: &Running) -> (Host, Value) {
    let minted = at.mint(json!({ "persistent": true, "dns_names": ["*.example.org"] })).await;
    let host = Host::new();
    let said = host.redeem_with(at, &token_of(&minted), json!({ "name": NAME })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    (host, said.json)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_hosts_name_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let at = open(&data_dir, &[]).await.unwrap();
    let (_, enrolled) = named(&at).await;
    let id = enrolled["host_id"].as_str().unwrap();
    at.stop().await;
    let outside = rcgen::generate_simple_self_signed(vec![NAME.to_owned()]).unwrap();
    let (certificate, key) = (dir.path().join("tls.pem"), dir.path().join("tls.key"));
    std::fs::write(&certificate, outside.cert.pem()).unwrap();
    std::fs::write(&key, outside.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let tls = [
        ("server.tls_certificate", certificate.to_str().unwrap()),
        ("server.tls_key", key.to_str().unwrap()),
    ];
    for set in [&[URL][..], &[("server.names", "other.test, WEB.example.org")], &tls] {
        let refused = open(&data_dir, set).await.err().unwrap();
        assert!(
            refused.contains(&format!("{NAME} is in the certificate of the live host {id}")),
            "{refused}"
        );
        assert!(refused.contains("--take-names"), "{refused}");
    }
    let at = open(&data_dir, &[]).await.unwrap();
    let issuers = at.admin().get("/api/v1/issuers").await.text;
    assert!(!issuers.contains(NAME), "nothing was changed: {issuers}");
    assert_eq!(at.admin().delete(&format!("/api/v1/hosts/{id}")).await.status, 200);
    at.stop().await;
    open(&data_dir, &[URL]).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_revokes_until_the_renewal() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let at =
        Running::open(&data_dir, Arc::new(ManualClock::at(gatepass::clock::SystemClock::now())), &[]).await;
    let at = at.unwrap();
    let (host, enrolled) = named(&at).await;
    at.stop().await;
    let server = Process::start(&data_dir, &["--external-url", URL.1, "--take-names"]).await;
    let client =
        |answer: &Value| Client::with_identity(&server.url, server.root, Some(host.identity(answer)));
    let refused = client(&enrolled).get("/api/v1/whoami").await;
    assert_eq!((refused.status, refused.code()), (403, "certificate_revoked"));
    assert!(refused.text.contains("gatepass renew"), "{}", refused.text);
    let request = json!({ "csr": host.csr() });
    let renewed = client(&enrolled).post("/api/v1/renew", &request).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    assert_eq!((&renewed.json["name"], &renewed.json["name_withdrawn"]), (&Value::Null, &json!(NAME)));
    // The answer may be lost.
    let again = client(&enrolled).post("/api/v1/renew", &request).await;
    assert_eq!(again.json["certificate"], renewed.json["certificate"], "{}", again.text);
    assert_eq!(again.json["name_withdrawn"], NAME, "{}", again.text);
    assert_eq!(client(&renewed.json).get("/api/v1/whoami").await.status, 200);
    let ledger = server.admin().get("/api/v1/ledger?limit=1000").await.json;
    let entries = |action: &str| {
        let items = ledger["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == action);
        items.map(|entry| entry["detail"]["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        (entries("name_taken_over"), entries("name_withdrawn")),
        (vec![json!(NAME)], vec![json!(NAME)])
    );
    server.stop().await;
    Process::start(&data_dir, &["--external-url", URL.1]).await.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_leaves_out_the_authoritys_name() {
    let at = Running::start().await;
    let (host, enrolled) = named(&at).await;
    // As for the names of an external certificate that replaces another.
    at.authority.names.add(vec![DnsName::parse(NAME).unwrap()]).await.unwrap();
    let client = host.client(&at, &enrolled);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let renewed = client.post("/api/v1/renew", &json!({ "csr": host.csr() })).await;
    assert_eq!(renewed.json["name_withdrawn"], NAME, "{}", renewed.text);
    assert_eq!(
        client.get("/api/v1/whoami").await.code(),
        "certificate_revoked",
        "the former one has the name"
    );
    let id = enrolled["host_id"].as_str().unwrap();
    let shown = at.admin().get(&format!("/api/v1/hosts/{id}")).await.json;
    assert_eq!(shown["name"], Value::Null);
    assert_eq!(at.entries("name_withdrawn").await, 1);
    let next = host.client(&at, &renewed.json).post("/api/v1/renew", &json!({ "csr": host.csr() })).await;
    assert_eq!((next.status, &next.json["name_withdrawn"]), (200, &Value::Null), "{}", next.text);
    let minted = at.mint(json!({ "dns_names": ["*.example.org"] })).await;
    let other = Host::new().redeem_with(&at, &token_of(&minted), json!({ "name": NAME })).await;
    assert_eq!((other.status, other.code()), (409, "name_taken"));
}
