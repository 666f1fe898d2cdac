//! Expired and spent tokens, repeats, and the keys of revoked hosts.

use std::time::Duration;

use serde_json::json;

use super::{stored, used};
use crate::support::authority::token_of;
use crate::support::{Host, Running};

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_gets_one_entry_a_minute() {
    let at = Running::start().await;
    let tokens = [at.mint_once().await, at.mint_once().await];
    at.clock.advance(Duration::from_secs(1000));
    for _ in 0..5 {
        for token in &tokens {
            let late = Host::new().redeem(&at, token).await;
            assert_eq!((late.status, late.code()), (410, "token_expired"));
        }
        at.authority.upkeep.write_refusals().await.unwrap();
    }
    assert_eq!(at.entries("token_refused").await, 2);
    at.clock.advance(Duration::from_secs(60));
    at.authority.upkeep.write_refusals().await.unwrap();
    let ledger = at.ledger().await;
    let refused = ledger.iter().filter(|entry| entry["action"] == "token_refused");
    let told = refused.map(|entry| entry["detail"]["count"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!((told.len(), told.iter().sum::<u64>()), (4, 10), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_the_certificate_without_a_use() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "max_uses": 2, "roles": ["proxy"] })).await;
    let (host, token) = (Host::new(), token_of(&minted));
    let first = host.redeem(&at, &token).await;
    let before = stored(&at).await;
    for _ in 0..3 {
        let again = host.redeem(&at, &token).await;
        assert_eq!((again.status, &again.json), (200, &first.json));
    }
    assert_eq!(stored(&at).await, before, "a repeat writes nothing");
    assert_eq!(used(&at, &minted).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_works_after_the_tokens_end() {
    let at = Running::start().await;
    let [expired, spent, revoked] = [
        at.mint(json!({ "max_uses": 5 })).await,
        at.mint(json!({})).await,
        at.mint(json!({ "persistent": true })).await,
    ];
    let mut enrolled = Vec::new();
    for minted in [&expired, &spent, &revoked] {
        let host = Host::new();
        let first = host.redeem(&at, &token_of(minted)).await;
        enrolled.push((host, token_of(minted), first.json));
    }
    let path = format!("/api/v1/enrollment-tokens/{}", revoked["token_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.status, 200);
    at.clock.advance(Duration::from_secs(23 * 3600));
    for (host, token, first) in &enrolled {
        assert_eq!(Host::new().redeem(&at, token).await.status, 410);
        let again = host.redeem(&at, token).await;
        assert_eq!((again.status, &again.json), (200, first), "{}", again.text);
    }
    at.clock.advance(Duration::from_secs(2 * 3600));
    for (host, token, _) in &enrolled {
        assert_eq!(host.redeem(&at, token).await.status, 410, "a day later it is too late");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_the_same_moment_get_the_same_certificate() {
    let at = Running::start().await;
    for _ in 0..10 {
        let minted = at.mint(json!({ "max_uses": 5 })).await;
        let (host, token) = (Host::new(), token_of(&minted));
        let (one, other) = tokio::join!(host.redeem(&at, &token), host.redeem(&at, &token));
        assert_eq!((one.status, other.status), (200, 200), "{} {}", one.text, other.text);
        assert_eq!(one.json, other.json);
        assert_eq!(used(&at, &minted).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_returns_no_revoked_certificate() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["allocator", "proxy"] })).await;
    let (host, token) = (Host::new(), token_of(&minted));
    let first = host.redeem(&at, &token).await.json;
    let path = format!("/api/v1/hosts/{}", first["host_id"].as_str().unwrap());
    let changed = at.admin().patch(&path, &json!({ "roles": ["proxy"], "now": true })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let again = host.redeem(&at, &token).await;
    assert_eq!((again.status, &again.json["roles"]), (200, &json!(["proxy"])), "{}", again.text);
    assert_eq!(again.json["host_id"], first["host_id"]);
    assert_eq!(host.client(&at, &again.json).get("/api/v1/whoami").await.status, 200);
    assert_eq!(used(&at, &minted).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_is_410_token_used() {
    let at = Running::start().await;
    let token = at.mint_once().await;
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    let refused = Host::new().redeem(&at, &token).await;
    assert_eq!((refused.status, refused.code()), (410, "token_used"));
    at.authority.upkeep.write_refusals().await.unwrap();
    assert_eq!(at.entries("token_refused").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_hosts_key_is_403_host_revoked() {
    let at = Running::start().await;
    let (host, token) = (Host::new(), at.mint_once().await);
    let enrolled = host.redeem(&at, &token).await.json;
    let path = format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.status, 200);
    let fresh = at.mint(json!({ "persistent": true })).await;
    for token in [token, token_of(&fresh), at.emergency_token.clone().unwrap()] {
        let refused = host.redeem(&at, &token).await;
        assert_eq!((refused.status, refused.code()), (403, "host_revoked"), "{}", refused.text);
    }
    assert_eq!(used(&at, &fresh).await, 0);
    // The same holds for the next key of a live host.
    let other = Host::new();
    let live = other.redeem(&at, &token_of(&fresh)).await.json;
    let renewed = other.client(&at, &live).post("/api/v1/renew", &json!({ "csr": host.csr() })).await;
    assert_eq!((renewed.status, renewed.code()), (403, "host_revoked"), "{}", renewed.text);
}
