//! Rotating the CA under hosts and tokens that are in the field.

use serde_json::json;

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::{Host, Running};

/// Waits until the listener presents a chain that a client pinning `at.root` accepts, however the CA changed.
async fn whoami(host: &Host, at: &Running, enrolled: &serde_json::Value) -> u16 {
    host.client(at, enrolled).get("/api/v1/whoami").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_issuing_ca_leaves_hosts_of_the_old_one_in_peace() {
    let at = Running::start().await;
    let old = Host::new();
    let enrolled = old.redeem(&at, &at.mint_once().await).await.json;
    let rotated = at.admin().post("/api/v1/ca/rotate", &json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let issuing = rotated.json["issuing"].as_array().unwrap();
    assert_eq!(issuing.len(), 2);

    assert_eq!(whoami(&old, &at, &enrolled).await, 200);
    let new = Host::new();
    let joined = new.redeem(&at, &at.mint_once().await).await.json;
    assert_ne!(joined["chain"], enrolled["chain"]);
    assert_eq!(whoami(&new, &at, &joined).await, 200);
    for ca in issuing {
        let crl = at.stranger().get(&format!("/ca/crl/{}.der", ca["ski"].as_str().unwrap())).await;
        assert_eq!(crl.status, 200);
    }

    let at = at.restart().await;
    assert_eq!(whoami(&old, &at, &enrolled).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_hosts_that_pin_the_old_root_outlive_it() {
    let at = Running::start().await;
    let before = at.mint_once().await;
    let old = Host::new();
    let enrolled = old.redeem(&at, &at.mint_once().await).await.json;
    let rotated = at.admin().post("/api/v1/ca/rotate", &json!({ "root": true })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let fingerprint = rotated.json["root"]["fingerprint"].as_str().unwrap().to_owned();
    assert_ne!(fingerprint, at.root.to_string());

    // `at.root` is still the old root: every client here pins it.
    let late = Host::new().redeem(&at, &before).await;
    assert_eq!(late.status, 200, "{}", late.text);
    assert_eq!(late.json["ca_certificate"], enrolled["ca_certificate"]);
    assert_eq!(whoami(&old, &at, &enrolled).await, 200);
    let pinned = at.stranger().get(&format!("/ca/root/{}.pem", at.root)).await;
    assert_eq!(pinned.text, enrolled["ca_certificate"].as_str().unwrap());

    let renewed = old.client(&at, &enrolled).post("/api/v1/renew", &json!({ "csr": old.csr() })).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let root = at.stranger().get("/ca/root.pem").await.text;
    assert_eq!(renewed.json["ca_certificate"].as_str().unwrap(), root);

    let at = at.restart().await;
    let new_root = gatepass::id::Fingerprint::parse(&fingerprint).unwrap();
    let client = Client::with_identity(&at.url, new_root, Some(old.identity(&renewed.json)));
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let minted = at.mint(json!({})).await;
    assert_eq!(minted["ca_fingerprint"], json!(fingerprint));
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
}
