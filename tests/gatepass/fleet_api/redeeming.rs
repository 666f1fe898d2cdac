//! Redeeming by an `api_key` instead of the signed token.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::support::authority::token_of;

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_are_one_token() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &["proxy"]).await;
    let minted = at.admin().post("/api/v1/policies", &json!({ "name": "other", "roles": ["proxy"] })).await;
    let (token, id) = (token_of(&minted.json["first_token"]), text(&minted.json["first_token"], "token_id"));
    let shown = at.admin().get(&format!("{KEYS}/{id}")).await;
    let api_key = text(&shown.json["item"], "api_key").to_owned();
    let host = Host::new();
    let first = host.redeem(&at, &token).await;
    let again = redeem(&at, &host, &api_key).await;
    assert_eq!((again.status, &again.json["host_id"]), (200, &first.json["host_id"]), "{}", again.text);
    assert_eq!(at.token(id).await["used"], 1);
    let other = redeem(&at, &Host::new(), &api_key).await;
    assert_eq!((other.status, &other.json["roles"]), (200, &json!(["proxy"])));
    assert_eq!(at.token(id).await["used"], 2);
    let entry = &at.ledger().await[0];
    assert_eq!((&entry["action"], &entry["subjects"]["token"]), (&json!("host_enrolled"), &json!(id)));
    assert_ne!(policy, text(&minted.json, "id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_in_the_body_is_redeemed() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let body = json!({ "csr": Host::new().csr(), "token": item["api_key"] });
    let said = at.stranger().post("/api/v1/bootstrap", &body).await;
    assert_eq!(said.status, 200, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_api_key_is_an_invalid_token() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let other = created(&at, json!({ "policy_id": policy })).await;
    let api_key = text(&item, "api_key");
    let (id, secret) = pair(api_key);
    let encode = |pair: String| STANDARD.encode(pair);
    let last = if secret.ends_with('A') { 'B' } else { 'A' };
    let entries = at.ledger().await.len();
    for wrong in [
        encode(format!("{id}:{}{last}", &secret[..21])),
        encode(format!("{}:{secret}", text(&other, "id"))),
        encode(format!("{id}:{}", "A".repeat(22))),
        encode(format!("0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081:{secret}")),
    ] {
        let said = redeem(&at, &Host::new(), &wrong).await;
        assert_eq!((said.status, said.code()), (401, "invalid_token"), "{wrong}");
    }
    for malformed in [
        String::from("x"),
        encode(format!("{id}:{secret}x")),
        encode(secret.clone()),
        encode(format!("admin:{secret}")),
    ] {
        let said = redeem(&at, &Host::new(), &malformed).await;
        assert_eq!(said.status, 401, "{malformed}: {}", said.text);
    }
    assert_eq!(at.ledger().await.len(), entries, "a stranger writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_given_again_after_the_deletion() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let (host, api_key) = (Host::new(), text(&item, "api_key"));
    let first = redeem(&at, &host, api_key).await;
    delete(&at, text(&item, "id"), "?forceDelete=true").await;
    let again = redeem(&at, &host, api_key).await;
    assert_eq!((again.status, &again.json["certificate"]), (200, &first.json["certificate"]));
    assert_eq!(redeem(&at, &Host::new(), api_key).await.status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_opens_no_other_route() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let client = kibana(at.stranger().header(AUTHORIZATION, &format!("ApiKey {}", text(&item, "api_key"))));
    for path in [KEYS, POLICIES, "/api/v1/enrollment-tokens", "/api/v1/session"] {
        assert_eq!(client.get(path).await.status, 401, "{path}");
    }
    let said = client.post(KEYS, &json!({ "policy_id": policy })).await;
    assert_eq!(said.status, 401, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_host_can_use_an_api_key() {
    let at = Running::start().await;
    let body = json!({ "name": "edge", "approval": "off" });
    let made = at.admin().post("/api/v1/policies", &body).await;
    let policy = text(&made.json, "id").to_owned();
    let required = at.mint(json!({ "persistent": true, "policy": policy, "approval": "require" })).await;
    let shown = at.admin().get(&format!("{KEYS}/{}", text(&required, "token_id"))).await;
    let (host, api_key) = (Host::new(), text(&shown.json["item"], "api_key").to_owned());
    let waiting = redeem(&at, &host, &api_key).await;
    assert_eq!(waiting.status, 202, "{}", waiting.text);
    let path = format!("/api/v1/enrollments/{}/approve", text(&waiting.json, "enrollment_id"));
    assert_eq!(at.admin().post(&path, &json!({})).await.status, 200);
    assert_eq!(redeem(&at, &host, &api_key).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gets_another_certificate_later() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let (host, api_key) = (Host::new(), text(&item, "api_key"));
    let first = redeem(&at, &host, api_key).await;
    at.clock.advance(Duration::from_secs(2 * 86_400));
    let later = redeem(&at, &host, api_key).await;
    assert_eq!((later.status, &later.json["host_id"]), (200, &first.json["host_id"]));
    assert_ne!(later.json["certificate"], first.json["certificate"]);
}
