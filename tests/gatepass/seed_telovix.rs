//! Telovix' enrollment tokens: promises of its document in its words. They are about one-time and cluster tokens, rights,
//! lists and the log.
//!
//! Elsewhere: re-enrollment tokens in `reenrolling.rs`, the capacity warning in `capacity.rs`, auto-approve rules
//! in `rules.rs`. Of later issues: the wizard.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::{Host, Running};

const DAY: Duration = Duration::from_secs(86_400);
const TOKENS: &str = "/api/v1/enrollment-tokens";
const OTHER_PASSWORD: &str = "staple battery horse correct";

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

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_or_analyst_account_cannot_create_enrollment_tokens() {
    let at = Running::start().await;
    for role in ["viewer", "analyst"] {
        at.user(role, OTHER_PASSWORD, role).await;
        let account = at.stranger().basic(role, OTHER_PASSWORD);
        let said = account.post(TOKENS, &json!({})).await;
        assert_eq!((said.status, said.code()), (403, "forbidden"), "{role}");
        assert_eq!(account.get(TOKENS).await.status, 200, "{role} lists them");
    }
    at.user("ops", OTHER_PASSWORD, "operator").await;
    let operator = at.stranger().basic("ops", OTHER_PASSWORD);
    assert_eq!(operator.post(TOKENS, &json!({})).await.status, 201);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_can_be_created_listed_and_revoked_with_an_api_key_scoped_to_reading_or_writing() {
    let at = Running::start().await;
    let key = async |scope: &str| {
        let made = at.api_key(&at.admin(), json!({ "scopes": [scope], "limits": "any" })).await;
        at.stranger().bearer(made["api_key"].as_str().unwrap())
    };
    let (reads, writes) = (key("tokens:read").await, key("tokens:write").await);
    let minted = writes.post(TOKENS, &json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    let path = format!("{TOKENS}/{}", minted.json["token_id"].as_str().unwrap());
    assert_eq!(
        (reads.get(TOKENS).await.status, reads.get(&path).await.json["state"].clone()),
        (200, json!("pending"))
    );
    assert_eq!((reads.post(TOKENS, &json!({})).await.status, reads.delete(&path).await.status), (403, 403));
    assert_eq!(writes.get(TOKENS).await.status, 403);
    assert_eq!(writes.delete(&path).await.json["state"], json!("revoked"));
    assert_eq!(Host::new().redeem(&at, &token_of(&minted.json)).await.code(), "token_revoked");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_entry_shows_its_status_label_expiry_creation_and_used_time_and_no_plain_token() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "label": "rack 7" })).await;
    let created = at.clock_reading();
    at.clock.advance(Duration::from_secs(60));
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
    let listed = at.admin().get(&format!("{TOKENS}?label=rack%207")).await;
    let item = &listed.json["items"][0];
    assert_eq!((&item["state"], &item["label"]), (&json!("used"), &json!("rack 7")));
    let moments = [
        ("created_at", created),
        ("expires_at", created.plus(15 * Duration::from_secs(60))),
        ("last_used_at", created.plus(Duration::from_secs(60))),
    ];
    for (member, at) in moments {
        assert_eq!(item[member], json!(at.to_string()), "{member}");
    }
    assert!(!listed.text.contains(&token_of(&minted)) && !listed.text.contains("eyJ"));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_token_is_rotated_on_a_schedule_and_nodes_enroll_with_the_new_one() {
    let at = Running::start().await;
    let minted = cluster_token(&at, json!({ "max_nodes": 9 })).await;
    assert_eq!(enroll(&at, &minted, "ran-zone-a").await.0, 200);
    let path = format!("{TOKENS}/{}/rotate", minted["token_id"].as_str().unwrap());
    let rotated = at.admin().post(&path, &json!({ "overlap": "1h" })).await;
    assert_eq!((rotated.status, &rotated.json["cluster"]), (201, &json!("ran-zone-a")), "{}", rotated.text);
    assert_eq!(enroll(&at, &minted, "ran-zone-a").await.0, 200, "both are good for an hour");
    at.clock.advance(Duration::from_secs(3600));
    assert_eq!(enroll(&at, &minted, "ran-zone-a").await, (410, "token_revoked".to_owned()));
    assert_eq!(enroll(&at, &rotated.json, "ran-zone-a").await.0, 200);
    assert_eq!(enroll(&at, &rotated.json, "ran-zone-b").await.0, 403);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_token_creation_and_use_is_recorded_and_revocations_are_also_logged() {
    let at = Running::start().await;
    let (used, revoked) = (at.mint(json!({})).await, at.mint(json!({})).await);
    assert_eq!(Host::new().redeem(&at, &token_of(&used)).await.status, 200);
    at.admin().delete(&format!("{TOKENS}/{}", revoked["token_id"].as_str().unwrap())).await;
    let ledger = at.ledger().await;
    let of = |minted: &Value| {
        let about = ledger.iter().rev().filter(|entry| entry["subjects"]["token"] == minted["token_id"]);
        about.map(|entry| (entry["action"].clone(), entry["actor"].clone())).collect::<Vec<_>>()
    };
    let by_admin = |action: &str| (json!(action), json!("user:admin"));
    let [created, enrolled] = of(&used).try_into().unwrap();
    assert_eq!((created, enrolled.0), (by_admin("token_created"), json!("host_enrolled")));
    assert_eq!(of(&revoked), [by_admin("token_created"), by_admin("token_revoked")]);
    at.stop().await;
}
