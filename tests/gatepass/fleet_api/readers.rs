//! The callers that may read an `api_key`, and the entries of their readings.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::support::authority::PASSWORD;
use crate::support::database;

#[tokio::test(flavor = "multi_thread")]
async fn every_credential_but_a_cookie_opens_the_routes() {
    let at = Running::start().await;
    let request = json!({ "label": "ci", "scopes": ["tokens:read", "tokens:write"], "limits": "any" });
    let key = at.api_key(&at.admin(), request).await;
    let (id, api_key) = (text(&key, "id"), text(&key, "api_key"));
    let session = at.admin().post("/api/v1/session", &json!({})).await;
    let elastic = STANDARD.encode(format!("{id}:{api_key}"));
    for credential in [
        format!("ApiKey {api_key}"),
        format!("ApiKey {elastic}"),
        format!("Bearer {api_key}"),
        format!("Bearer {}", text(&session.json, "session")),
        format!("Basic {}", STANDARD.encode(format!("admin:{PASSWORD}"))),
    ] {
        let said = at.stranger().header(AUTHORIZATION, &credential).get(KEYS).await;
        assert_eq!(said.status, 200, "{}: {}", &credential[..12], said.text);
    }
    let cookie = at.admin().post("/api/v1/session", &json!({ "kind": "cookie" })).await;
    let value = cookie.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let said = at.stranger().header(http::header::COOKIE, &value).get(KEYS).await;
    assert_eq!(said.status, 401, "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_minter_reads_an_api_key() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let one = format!("{KEYS}/{}", text(&item, "id"));
    for (role, reads) in [("operator", true), ("analyst", false), ("viewer", false)] {
        at.user(role, PASSWORD, role).await;
        let client = at.stranger().basic(role, PASSWORD);
        let page = listed(&client, "").await;
        let keys = page["items"].as_array().unwrap().iter().chain(page["list"].as_array().unwrap());
        assert!(
            keys.clone().count() == 4
                && keys.clone().all(|item| item["api_key"].as_str().unwrap().is_empty() != reads),
            "{role}: {page}"
        );
        let shown = client.get(&one).await;
        assert_eq!(shown.status, if reads { 200 } else { 403 }, "{role}: {}", shown.text);
        assert_eq!(shown.text.contains(text(&item, "api_key")), reads);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_is_recorded_once_a_minute() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let (one, id) = (format!("{KEYS}/{}", text(&item, "id")), text(&item, "id"));
    assert_eq!(at.entries("token_shown").await, 0, "a mint is an entry of its own");
    for _ in 0..3 {
        assert_eq!(at.admin().get(&one).await.status, 200);
        listed(&at.admin(), "").await;
    }
    let entries = at.ledger().await;
    let shown = entries.iter().filter(|entry| entry["action"] == "token_shown").collect::<Vec<_>>();
    assert_eq!(shown.len(), 1);
    assert_eq!((&shown[0]["actor"], &shown[0]["subjects"]["token"]), (&json!("user:admin"), &json!(id)));
    at.user("olga", PASSWORD, "operator").await;
    listed(&at.stranger().basic("olga", PASSWORD), "").await;
    assert_eq!(at.entries("token_shown").await, 2, "another actor has an entry of its own");
    at.clock.advance(Duration::from_secs(61));
    listed(&at.admin(), "").await;
    let newest = &at.ledger().await[0];
    assert_eq!((&newest["action"], &newest["detail"]["count"]), (&json!("token_shown"), &json!(2)));
    assert!(!newest.to_string().contains(&pair(text(&item, "api_key")).1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_nothing_readable_is_not_recorded() {
    let at = Running::start().await;
    policy(&at, "edge", &[]).await;
    at.user("vera", PASSWORD, "viewer").await;
    listed(&at.stranger().basic("vera", PASSWORD), "").await;
    listed(&at.admin(), "?kuery=active:false").await;
    assert_eq!(at.entries("token_shown").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_entry_an_api_key_stays_empty() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let one = format!("{KEYS}/{}", text(&item, "id"));
    at.settled().await;
    let held = database::hold(at.data_dir());
    let page = listed(&at.admin(), "").await;
    assert!(page["items"].as_array().unwrap().iter().all(|item| item["api_key"] == ""), "{page}");
    let shown = at.admin().get(&one).await;
    assert_eq!((shown.status, &shown.json["item"]["api_key"]), (200, &json!("")));
    drop(held);
    let shown = at.admin().get(&one).await;
    assert_eq!(shown.json["item"]["api_key"], item["api_key"], "a failed write does not count as an entry");
}
