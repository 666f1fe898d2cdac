//! I9: a host outlives its token.

use std::time::Duration;

use serde_json::json;

use crate::support::authority::token_of;
use crate::support::{Host, Running};

#[tokio::test(flavor = "multi_thread")]
async fn i9_revoking_a_token_touches_no_host_it_admitted() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true, "roles": ["proxy"] })).await;
    let (token, id) = (token_of(&minted), minted["token_id"].as_str().unwrap());
    let (host, next) = (Host::new(), Host::new());
    let enrolled = host.redeem(&at, &token).await;
    let path = format!("/api/v1/hosts/{}", enrolled.json["host_id"].as_str().unwrap());
    let before = at.admin().get(&path).await.json;
    assert_eq!(at.admin().delete(&format!("/api/v1/enrollment-tokens/{id}")).await.status, 200);
    assert_eq!(at.admin().get(&path).await.json, before);
    let client = host.client(&at, &enrolled.json);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let renewed = client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    assert_eq!(next.client(&at, &renewed.json).get("/api/v1/whoami").await.json["roles"], json!(["proxy"]));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i9_a_collected_token_leaves_its_hosts() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["proxy"], "ttl": "1h" })).await;
    let (host, next) = (Host::new(), Host::new());
    let enrolled = host.redeem(&at, &token_of(&minted)).await;
    at.clock.advance(Duration::from_secs(10 * 86_400));
    assert!(at.authority.upkeep.collect().await.unwrap().tokens > 0);
    let client = host.client(&at, &enrolled.json);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let renewed = client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!(
        (renewed.status, &renewed.json["host_id"]),
        (200, &enrolled.json["host_id"]),
        "{}",
        renewed.text
    );
    at.stop().await;
}
