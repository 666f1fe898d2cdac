//! I6: revoked means refused, at once, and for as long as anything could still be presented.

use std::time::Duration;

use serde_json::json;

use crate::support::authority::token_of;
use crate::support::{Host, Running, inside};

async fn revoke_token(at: &Running, id: &str) {
    let said = at.admin().delete(&format!("/api/v1/enrollment-tokens/{id}")).await;
    assert_eq!(said.json["state"], json!("revoked"), "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_revoked_token_is_refused_at_once() {
    let at = Running::start().await;
    for persistent in [false, true] {
        let minted = at.mint(json!({ "persistent": persistent, "max_uses": 5 })).await;
        let token = token_of(&minted);
        assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
        revoke_token(&at, minted["token_id"].as_str().unwrap()).await;
        let said = Host::new().redeem(&at, &token).await;
        assert_eq!((said.status, said.code()), (410, "token_revoked"), "{}", said.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_revoked_host_is_refused_everywhere() {
    let at = Running::start().await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await;
    let client = host.client(&at, &enrolled.json);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let id = enrolled.json["host_id"].as_str().unwrap();
    assert_eq!(at.admin().delete(&format!("/api/v1/hosts/{id}")).await.status, 200);
    let renewal = json!({ "csr": Host::new().csr() });
    for said in [
        client.get("/api/v1/whoami").await,
        client.post("/api/v1/renew", &renewal).await,
        client.post("/api/v1/leave", &json!({})).await,
        host.client(&at, &enrolled.json).get("/api/v1/whoami").await,
        host.redeem(&at, &at.mint_once().await).await,
    ] {
        assert_eq!((said.status, said.code()), (403, "host_revoked"), "{}", said.text);
    }
    let at = at.restart().await;
    let said = host.client(&at, &enrolled.json).get("/api/v1/whoami").await;
    assert_eq!((said.status, said.code()), (403, "host_revoked"), "a restart forgets nothing");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_role_removed_now_ends_its_certificates() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["allocator", "proxy"] })).await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &token_of(&minted)).await;
    let client = host.client(&at, &enrolled.json);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let path = format!("/api/v1/hosts/{}", enrolled.json["host_id"].as_str().unwrap());
    let said = at.admin().patch(&path, &json!({ "roles": ["proxy"], "now": true })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    for said in [
        client.get("/api/v1/whoami").await,
        client.post("/api/v1/renew", &json!({ "csr": Host::new().csr() })).await,
    ] {
        assert_eq!((said.status, said.code()), (403, "certificate_revoked"), "{}", said.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_removed_role_leaves_the_next_certificate() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["allocator", "proxy"] })).await;
    let (host, next) = (Host::new(), Host::new());
    let enrolled = host.redeem(&at, &token_of(&minted)).await;
    let path = format!("/api/v1/hosts/{}", enrolled.json["host_id"].as_str().unwrap());
    at.admin().patch(&path, &json!({ "roles": ["proxy"] })).await;
    let old = host.client(&at, &enrolled.json);
    assert_eq!(old.get("/api/v1/whoami").await.json["roles"], json!(["allocator", "proxy"]));
    let renewed = old.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!(renewed.json["roles"], json!(["proxy"]), "{}", renewed.text);
    assert_eq!(next.client(&at, &renewed.json).get("/api/v1/whoami").await.status, 200);
    let said = old.get("/api/v1/whoami").await;
    assert_eq!((said.status, said.code()), (403, "certificate_revoked"), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_revocation_outlives_collection_and_restart() {
    let mut at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true })).await;
    let (token, id) = (token_of(&minted), minted["token_id"].as_str().unwrap().to_owned());
    let known = Host::new();
    assert_eq!(known.redeem(&at, &token).await.status, 200);
    revoke_token(&at, &id).await;
    // The default retention is seven days.
    at.clock.advance(Duration::from_secs(9 * 86_400));
    assert!(at.authority.upkeep.collect().await.unwrap().tokens > 0);
    assert_eq!(at.admin().get(&format!("/api/v1/enrollment-tokens/{id}")).await.status, 404);
    for restarted in [false, true] {
        for host in [&Host::new(), &known] {
            let refused = inside::redeem(&at.authority, &token, &host.csr(), None).await;
            let refused = refused.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refused.contains("revoked"), "restarted: {restarted}: {refused:?}");
        }
        if !restarted {
            at = at.restart().await;
        }
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_collected_revoked_token_stays_refused() {
    let set = [("tokens.retention", "1h")];
    let dir = tempfile::tempdir().unwrap();
    let clock = std::sync::Arc::new(gatepass::clock::ManualClock::at(crate::support::authority::start()));
    let mut at = Running::open(&dir.path().join("data"), clock, &set).await.unwrap();
    let minted = inside::mint(&at.authority, json!({ "ttl": "24h", "max_uses": null })).await.unwrap();
    let (token, id) = (minted.text().expose().clone(), minted.grant().token.id.to_string());
    revoke_token(&at, &id).await;
    at.clock.advance(Duration::from_secs(3 * 3600));
    assert!(
        at.authority.upkeep.collect().await.unwrap().tokens > 0,
        "its record is gone while it has 21 hours left"
    );
    for _ in 0..2 {
        let refused = inside::redeem(&at.authority, &token, &Host::new().csr(), None).await;
        assert_eq!(
            refused.err().map(|error| error.to_string()),
            Some(String::from("the token was revoked: ask for a new one"))
        );
        at = at.restart().await;
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_revoked_key_is_refused_in_any_certificate() {
    let at = Running::start_with(&[("tokens.audiences", crate::support::authority::AUDIENCE)]).await;
    let machine = Host::new();
    let first = machine.redeem(&at, &at.mint_once().await).await;
    let second = machine.redeem(&at, &at.mint_once().await).await;
    assert_ne!(first.json["host_id"], second.json["host_id"], "one key, two hosts");
    let client = machine.client(&at, &second.json);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let id = first.json["host_id"].as_str().unwrap();
    assert_eq!(at.admin().delete(&format!("/api/v1/hosts/{id}")).await.status, 200);
    for said in [
        client.get("/api/v1/whoami").await,
        client.get("/api/v1/authorize").await,
        client.post("/api/v1/renew", &json!({ "csr": Host::new().csr() })).await,
        client.post_form("/oauth2/introspect", "token=x".to_owned()).await,
        machine.client(&at, &second.json).get("/api/v1/whoami").await,
    ] {
        assert!(said.status == 403 && said.text.contains("host_revoked"), "{}", said.text);
    }
    at.stop().await;
}
