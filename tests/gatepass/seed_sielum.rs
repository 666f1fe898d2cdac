//! Sielum's enrollment tokens: each promise of its document, in the words of the document.
//!
//! Of a later issue: the dashboard's Settings page, its New Token form, and revoking there.

use std::time::Duration;

use serde_json::json;

use crate::support::authority::{PASSWORD, token_of};
use crate::support::served::{Served, complaint, gatepass, run, serve};
use crate::support::{Host, Running};

#[tokio::test(flavor = "multi_thread")]
async fn the_server_validates_the_token_checks_it_is_active_not_expired_and_has_remaining_uses() {
    let at = Running::start().await;
    let (revoked, used, expired) = (at.mint(json!({})).await, at.mint_once().await, at.mint_once().await);
    let path = format!("/api/v1/enrollment-tokens/{}", revoked["token_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.status, 200);
    assert_eq!(Host::new().redeem(&at, &used).await.status, 200);
    let said = Host::new().redeem(&at, &token_of(&revoked)).await;
    assert_eq!((said.status, said.code()), (410, "token_revoked"));
    let said = Host::new().redeem(&at, &used).await;
    assert_eq!((said.status, said.code()), (410, "token_used"));
    at.clock.advance(Duration::from_secs(1000));
    let said = Host::new().redeem(&at, &expired).await;
    assert_eq!((said.status, said.code()), (410, "token_expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_signs_a_device_certificate_ecdsa_p_256_and_returns_it_with_the_ca_certificate() {
    let at = Running::start().await;
    let enrolled = Host::new().redeem(&at, &at.mint_once().await).await.json;
    for member in ["certificate", "ca_certificate"] {
        let pem = enrolled[member].as_str().unwrap();
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        let certificate = pem.parse_x509().unwrap();
        assert_eq!(certificate.signature_algorithm.algorithm.to_id_string(), "1.2.840.10045.4.3.2");
        let curve = certificate.public_key().algorithm.parameters.as_ref().unwrap().as_oid().unwrap();
        assert_eq!(curve.to_id_string(), "1.2.840.10045.3.1.7");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_decrements_the_remaining_use_count_or_marks_it_as_consumed() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "max_uses": 3 })).await;
    let id = minted["token_id"].as_str().unwrap();
    for (left, state) in [(2, "active"), (1, "active"), (0, "exhausted")] {
        assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
        let token = at.token(id).await;
        assert_eq!((&token["uses_left"], &token["state"]), (&json!(left), &json!(state)));
    }
    let more = Host::new().redeem(&at, &token_of(&minted)).await;
    assert_eq!((more.status, more.code()), (410, "token_exhausted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_stores_the_certificate_locally_and_uses_it_for_all_subsequent_connections() {
    let at = Running::start().await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    let client = host.client(&at, &enrolled);
    for _ in 0..3 {
        assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    }
    assert_eq!(at.stranger().get("/api/v1/whoami").await.status, 401, "without it, nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_is_a_name_to_identify_where_this_token_is_used() {
    let at = Running::start().await;
    let label = "Linux rollout June 2026";
    let minted = at.mint(json!({ "label": label })).await;
    assert_eq!(minted["label"], label);
    assert_eq!(at.token(minted["token_id"].as_str().unwrap()).await["label"], label);
    at.mint(json!({ "label": label })).await;
    at.mint(json!({ "label": "x".repeat(128) })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn max_uses_left_blank_is_unlimited() {
    let at = Running::start().await;
    for request in [json!({ "persistent": true }), json!({ "max_uses": null })] {
        let minted = at.mint(request).await;
        assert_eq!(minted["max_uses"], json!(null));
        for _ in 0..5 {
            assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn expires_at_is_an_optional_date_after_which_the_token_is_rejected() {
    let at = Running::start().await;
    let day = Duration::from_secs(86_400);
    let ends = at.authority.time.now().plus(2 * day).whole_second();
    let minted = at.mint(json!({ "persistent": true, "expires_at": ends.to_string() })).await;
    assert_eq!(minted["expires_at"], ends.to_string());
    at.clock.advance(2 * day);
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200, "within the leeway");
    at.clock.advance(Duration::from_secs(61));
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.code(), "token_expired");
    assert_eq!(at.mint(json!({ "persistent": true })).await["expires_at"], json!(null), "optional");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_shown_once() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true })).await;
    let id = minted["token_id"].as_str().unwrap();
    let admin = at.admin();
    for path in [format!("/api/v1/enrollment-tokens/{id}"), "/api/v1/enrollment-tokens".to_owned()] {
        let said = admin.get(&path).await;
        assert!(said.text.contains(id) && !said.text.contains("eyJ"), "{}", said.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_lifecycle_has_the_states_active_expired_exhausted_and_revoked() {
    let at = Running::start().await;
    let state = async |id: &serde_json::Value| at.token(id.as_str().unwrap()).await["state"].clone();
    let [active, exhausted, revoked] = [
        at.mint(json!({ "max_uses": 2 })).await,
        at.mint(json!({ "max_uses": 2 })).await,
        at.mint(json!({})).await,
    ];
    for _ in 0..2 {
        assert_eq!(Host::new().redeem(&at, &token_of(&exhausted)).await.status, 200);
    }
    let path = format!("/api/v1/enrollment-tokens/{}", revoked["token_id"].as_str().unwrap());
    at.admin().delete(&path).await;
    assert_eq!(state(&active["token_id"]).await, "active");
    assert_eq!(state(&exhausted["token_id"]).await, "exhausted");
    assert_eq!(state(&revoked["token_id"]).await, "revoked");
    at.clock.advance(Duration::from_secs(1000));
    assert_eq!(state(&active["token_id"]).await, "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolled_agents_with_existing_certificates_are_not_affected_when_a_token_is_revoked_or_expires() {
    let at = Running::start().await;
    let (revoked, expired) = (at.mint(json!({ "persistent": true })).await, at.mint(json!({})).await);
    let hosts = [Host::new(), Host::new()];
    let first = hosts[0].redeem(&at, &token_of(&revoked)).await.json;
    let second = hosts[1].redeem(&at, &token_of(&expired)).await.json;
    let path = format!("/api/v1/enrollment-tokens/{}", revoked["token_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.json["changed"], true);
    at.clock.advance(Duration::from_secs(1000));
    for (host, enrolled) in hosts.iter().zip([&first, &second]) {
        let client = host.client(&at, enrolled);
        assert_eq!(client.get("/api/v1/whoami").await.status, 200);
        let renewed = client.post("/api/v1/renew", &json!({ "csr": host.csr() })).await;
        assert_eq!(renewed.status, 200, "{}", renewed.text);
    }
    assert_eq!(Host::new().redeem(&at, &token_of(&revoked)).await.code(), "token_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn for_mass_deployment_create_a_single_token_with_a_high_max_use_count_and_revoke_it_afterwards() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true, "max_uses": 1_000_000, "roles": ["proxy"] })).await;
    let token = token_of(&minted);
    for _ in 0..20 {
        assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    }
    let id = minted["token_id"].as_str().unwrap();
    assert_eq!(at.token(id).await["used"], 20);
    assert_eq!(at.admin().delete(&format!("/api/v1/enrollment-tokens/{id}")).await.status, 200);
    assert_eq!(Host::new().redeem(&at, &token).await.code(), "token_revoked", "to prevent further use");
}

#[tokio::test(flavor = "multi_thread")]
async fn enroll_takes_server_token_ca_fingerprint_and_cert_dir() {
    let dir = tempfile::tempdir().unwrap();
    let server = Served::start(serve(&dir.path().join("data")));
    let minted = server.admin().post("/api/v1/enrollment-tokens", &json!({ "roles": ["proxy"] })).await.json;
    let cert_dir = dir.path().join("sielum");
    let mut enroll = gatepass();
    enroll.args(["enroll", "--server", &server.url, "--token", minted["token"].as_str().unwrap()]);
    enroll.args(["--ca-fingerprint", &server.root.to_string(), "--cert-dir"]).arg(&cert_dir);
    let output = run(&mut enroll);
    assert!(output.status.success(), "{}", complaint(&output));
    let identity = std::fs::read_to_string(cert_dir.join("host.json")).unwrap();
    let identity: serde_json::Value = serde_json::from_str(&identity).unwrap();
    let hosts = server.admin().get("/api/v1/hosts").await.json;
    assert_eq!(hosts["items"][0]["id"], identity["host_id"]);
    assert!(!complaint(&output).contains(PASSWORD));
    assert!(server.stop().success());
}
