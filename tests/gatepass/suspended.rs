//! Tokens and API keys that a restore suspended, and their release.

mod by_command;
mod pages;

use std::path::Path;

use serde_json::{Value, json};

use crate::support::authority::{PASSWORD, token_of};
use crate::support::{Host, Running, Said, database};

const TOKENS: &str = "/api/v1/enrollment-tokens";
const KEYS: &str = "/api/v1/api-keys";

/// Suspends persistent tokens and API keys, as a restore does. Memory knows it after a restart; a transaction knows it at once.
fn suspend(data_dir: &Path) {
    let these = "WHERE persistent = 1 AND kind NOT IN ('emergency', 'roles')";
    let bits = "AA".repeat(256);
    database::execute(
        data_dir,
        &format!(
            "UPDATE mints SET suspended_at = 1 {these}; UPDATE api_keys SET suspended_at = 1; \
             INSERT OR REPLACE INTO status_pages (list, page, bits) SELECT list, idx / 1024, x'{bits}' FROM mints {these}"
        ),
    );
}

fn refused(said: &Said, status: u16, code: &str) {
    assert_eq!((said.status, said.code()), (status, code), "{}", said.text);
}

fn path_of(minted: &Value) -> String {
    format!("{TOKENS}/{}", minted["token_id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_token_is_refused_until_released() {
    let mut at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["allocator"], "persistent": true })).await;
    let (token, path, first) = (token_of(&minted), path_of(&minted), Host::new());
    assert_eq!(first.redeem(&at, &token).await.status, 200);
    suspend(at.data_dir());
    for _ in 0..2 {
        let said = Host::new().redeem(&at, &token).await;
        refused(&said, 403, "token_suspended");
        assert_eq!(said.headers["retry-after"], "60");
        assert_eq!(first.redeem(&at, &token).await.status, 200, "the host is in");
        at = at.restart().await;
    }
    let admin = at.admin();
    let listed = admin.get(&format!("{TOKENS}?state=suspended")).await.json;
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["state"]),
        (&minted["token_id"], &json!("suspended"))
    );
    let ece = admin.get("/api/v1/platform/configuration/security/enrollment-tokens").await.text;
    assert!(!ece.contains(minted["token_id"].as_str().unwrap()), "{ece}");
    let verified = admin.post("/api/v1/verify", &json!({ "tokens": [token] })).await;
    assert!(verified.text.contains("token_suspended"), "{}", verified.text);
    refused(&admin.post(&format!("{path}/rotate"), &json!({})).await, 403, "token_suspended");
    for _ in 0..2 {
        let said = admin.post(&format!("{path}/release"), &json!({})).await;
        assert_eq!((said.status, &said.json["state"]), (200, &json!("active")), "{}", said.text);
    }
    assert_eq!(at.entries("token_released").await, 1);
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_token_needs_a_number_of_uses() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true, "max_uses": 3 })).await;
    let (token, path) = (token_of(&minted), path_of(&minted));
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    suspend(at.data_dir());
    let at = at.restart().await;
    let (admin, release) = (at.admin(), format!("{path}/release"));
    refused(&admin.post(&release, &json!({})).await, 409, "uses_left_required");
    for wrong in [0, 3] {
        let said = admin.post(&release, &json!({ "uses_left": wrong })).await;
        refused(&said, 400, "invalid_request");
        assert_eq!(said.json["fields"][0]["field"], "uses_left");
    }
    let many = format!("{TOKENS}/release");
    refused(&admin.post(&many, &json!({ "all": true, "uses_left": 0 })).await, 400, "invalid_request");
    refused(&admin.post(&many, &json!({ "all": true })).await, 400, "invalid_request");
    let counted = admin.post(&many, &json!({ "all": true, "dry_run": true })).await.json;
    assert_eq!(counted["count"], 1, "{counted}");
    let expect = &counted["selection"];
    let unknown = "0190a0b0-c0d0-7000-8000-0000000000aa";
    for (request, outcome) in [
        (json!({ "all": true, "expect": expect }), "uses_left_required"),
        (json!({ "ids": [minted["token_id"]], "uses_left": 3 }), "too_many_uses"),
        (json!({ "ids": [unknown] }), "unknown"),
    ] {
        let said = admin.post(&many, &request).await;
        assert_eq!((said.status, &said.json["released"]), (200, &json!(0)), "{}", said.text);
        assert_eq!(said.json["refused"][0]["outcome"], outcome, "{}", said.text);
    }
    let said = admin.post(&many, &json!({ "all": true, "uses_left": 1, "expect": expect })).await;
    assert_eq!((&said.json["released"], &said.json["refused"]), (&json!(1), &json!([])), "{}", said.text);
    refused(&admin.post(&many, &json!({ "all": true, "expect": expect })).await, 409, "count_changed");
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    refused(&Host::new().redeem(&at, &token).await, 410, "token_exhausted");
    refused(&admin.post(&release, &json!({ "uses_left": 1 })).await, 410, "token_exhausted");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_limits_bound_a_release_of_tokens() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "roles": ["director"], "persistent": true })).await;
    let limits = json!({ "roles": ["allocator"], "max_ttl": "30m" });
    let user = json!({ "username": "ops", "password": PASSWORD, "role": "operator", "limits": limits });
    assert_eq!(at.admin().post("/api/v1/users", &user).await.status, 201);
    at.user("vera", PASSWORD, "viewer").await;
    suspend(at.data_dir());
    let at = at.restart().await;
    let (ops, vera) = (at.stranger().basic("ops", PASSWORD), at.stranger().basic("vera", PASSWORD));
    let (one, many) = (format!("{}/release", path_of(&minted)), format!("{TOKENS}/release"));
    let ids = json!({ "ids": [minted["token_id"]] });
    refused(&ops.post(&one, &json!({})).await, 403, "beyond_limits");
    refused(&ops.post(&many, &ids).await, 403, "beyond_limits");
    let counted = ops.post(&many, &json!({ "all": true, "dry_run": true })).await.json;
    assert_eq!(counted["count"], 0, "{counted}");
    refused(&vera.post(&one, &json!({})).await, 403, "forbidden");
    refused(&vera.post(&many, &ids).await, 403, "forbidden");
    assert_eq!(at.entries("token_released").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_key_works_once_an_admin_releases_it() {
    let at = Running::start().await;
    let made = at.api_key(&at.admin(), json!({ "label": "ci", "scopes": ["tokens:read"] })).await;
    let (id, text) = (&made["id"], made["api_key"].as_str().unwrap());
    at.user("olga", PASSWORD, "operator").await;
    suspend(at.data_dir());
    let (admin, key) = (at.admin(), at.stranger().bearer(text));
    refused(&key.get(TOKENS).await, 403, "api_key_suspended");
    let wrong = format!("{}A", &text[..text.len() - 1]);
    let wrong = if wrong == text { format!("{}B", &text[..text.len() - 1]) } else { wrong };
    refused(&at.stranger().bearer(&wrong).get(TOKENS).await, 401, "unauthenticated");
    assert!(!admin.get(&format!("{KEYS}/{}", id.as_str().unwrap())).await.json["suspended_at"].is_null());
    let release = format!("{KEYS}/release");
    let olga = at.stranger().basic("olga", PASSWORD);
    refused(&olga.post(&release, &json!({ "all": true })).await, 403, "forbidden");
    for wrong in [json!({}), json!({ "ids": [id], "all": true })] {
        refused(&admin.post(&release, &wrong).await, 400, "invalid_request");
    }
    let said = admin.post(&release, &json!({ "ids": [id] })).await;
    assert_eq!((&said.json["released"], &said.json["refused"]), (&json!(1), &json!([])), "{}", said.text);
    let said = admin.post(&release, &json!({ "ids": [id] })).await;
    assert_eq!(said.json["refused"], json!([{ "id": id, "outcome": "not_suspended" }]));
    assert_eq!(admin.post(&release, &json!({ "all": true })).await.json["released"], 0);
    assert_eq!((key.get(TOKENS).await.status, at.entries("api_key_released").await), (200, 1));
    at.stop().await;
}
