//! Telovix' enrollment tokens: promises of its document about one-time and cluster tokens, in the words of the document.
//!
//! Of later issues: re-enrollment tokens, auto-approve rules, the capacity warning, the wizard.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::{Host, Running};

const DAY: Duration = Duration::from_secs(86_400);

/// A cluster token, asked for in Telovix' words.
async fn cluster_token(at: &Running, more: Value) -> Value {
    let mut request = json!({ "persistent": true, "cluster_id": "ran-zone-a" });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    at.mint(request).await
}

async fn enroll(at: &Running, minted: &Value, cluster: &str) -> (u16, String) {
    let said = Host::new().redeem_with(at, &token_of(minted), json!({ "cluster": cluster })).await;
    (said.status, said.code().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_time_tokens_are_valid_for_15_minutes_by_default_configurable_from_settings() {
    let at = Running::start().await;
    let minted = at.mint(json!({})).await;
    at.clock.advance(Duration::from_secs(14 * 60));
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
    let late = at.mint(json!({})).await;
    let said = at.admin().patch("/api/v1/settings", &json!({ "default_ttl": "5m" })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let short = at.mint(json!({})).await;
    at.clock.advance(Duration::from_secs(10 * 60));
    assert_eq!(Host::new().redeem(&at, &token_of(&late)).await.status, 200, "it has its fifteen minutes");
    assert_eq!(Host::new().redeem(&at, &token_of(&short)).await.status, 410);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_tokens_are_reusable_by_all_nodes_in_the_named_cluster() {
    let at = Running::start().await;
    let minted = cluster_token(&at, json!({})).await;
    for _ in 0..5 {
        assert_eq!(enroll(&at, &minted, "ran-zone-a").await.0, 200);
    }
    let item = at.token(minted["token_id"].as_str().unwrap()).await;
    assert_eq!(
        (&item["cluster"], &item["used"], &item["state"]),
        (&json!("ran-zone-a"), &json!(5), &json!("active"))
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sensors_that_present_a_different_cluster_name_during_enrollment_are_rejected() {
    let at = Running::start().await;
    let minted = cluster_token(&at, json!({})).await;
    assert_eq!(enroll(&at, &minted, "ran-zone-b").await, (403, "binding_mismatch".to_owned()));
    let unnamed = Host::new().redeem(&at, &token_of(&minted)).await;
    assert_eq!((unnamed.status, unnamed.code()), (403, "binding_mismatch"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn default_ttl_365_days_configurable_up_to_730_days_via_expires_days() {
    let at = Running::start().await;
    let lives = async |minted: Value| {
        let item = at.token(minted["token_id"].as_str().unwrap()).await;
        let moment =
            |member: &str| gatepass::clock::Timestamp::parse_rfc3339(item[member].as_str().unwrap()).unwrap();
        moment("expires_at").since(moment("created_at"))
    };
    assert_eq!(lives(cluster_token(&at, json!({})).await).await, 365 * DAY);
    assert_eq!(lives(cluster_token(&at, json!({ "expires_days": 730 })).await).await, 730 * DAY);
    let request = json!({ "persistent": true, "cluster_id": "ran-zone-a", "expires_days": 731 });
    let said = at.admin().post("/api/v1/enrollment-tokens", &request).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("expires_days")));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn optional_max_nodes_cap_enrollment_is_rejected_after_this_many_nodes_have_used_the_token() {
    let at = Running::start().await;
    let minted = cluster_token(&at, json!({ "max_nodes": 2 })).await;
    let (first, token) = (Host::new(), token_of(&minted));
    for _ in 0..2 {
        let said = first.redeem_with(&at, &token, json!({ "cluster": "ran-zone-a" })).await;
        assert_eq!(said.status, 200, "the same node counts once");
    }
    assert_eq!(enroll(&at, &minted, "ran-zone-a").await.0, 200);
    assert_eq!(enroll(&at, &minted, "ran-zone-a").await, (410, "token_exhausted".to_owned()));
    at.stop().await;
}
