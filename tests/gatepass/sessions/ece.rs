//! Signing in as Elastic Cloud Enterprise's clients do.

use std::time::Duration;

use gatepass::clock::Timestamp;
use serde_json::json;

use super::{SESSION, works};
use crate::support::authority::PASSWORD;
use crate::support::{Running, Said};

const LOGIN: &str = "/api/v1/users/auth/_login";
const REFRESH: &str = "/api/v1/users/auth/_refresh";

async fn login(at: &Running) -> Said {
    let body = json!({ "username": "admin", "password": PASSWORD, "remember": true });
    let said = at.stranger().post(LOGIN, &body).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said
}

fn expiry(said: &Said) -> Timestamp {
    let text = said.json["session_expiration_time"].as_str().unwrap();
    assert!(text.len() == "2030-01-01T00:00:00.000Z".len() && text.ends_with('Z'), "{text}");
    Timestamp::parse_rfc3339(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_answers_token_and_expiry_only() {
    let at = Running::start().await;
    let said = login(&at).await;
    assert_eq!(said.json.as_object().unwrap().len(), 2);
    assert_eq!(said.headers["cache-control"], "no-store");
    assert_eq!(expiry(&said), at.clock_reading().plus(Duration::from_secs(12 * 3600)));
    let client = at.stranger().bearer(said.json["token"].as_str().unwrap());
    assert_eq!(client.get("/api/v1/user").await.json, json!({ "user_name": "admin" }));
    let region = "/api/v1/regions/ece-region/platform/configuration/security/enrollment-tokens";
    assert_eq!(client.get(region).await.status, 200);
    assert_eq!(at.admin().get("/api/v1/user").await.json, json!({ "user_name": "admin" }));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_restarts_the_sessions_life() {
    let at = Running::start().await;
    let said = login(&at).await;
    let client = at.stranger().bearer(said.json["token"].as_str().unwrap());
    at.clock.advance(Duration::from_secs(1200));
    let again = client.post(REFRESH, &json!({})).await;
    assert_eq!((again.status, &again.json["token"]), (200, &said.json["token"]));
    assert_eq!(expiry(&again), expiry(&said).plus(Duration::from_secs(1200)));
    assert!(works(&client).await);
    assert_eq!(at.entries("session_extended").await, 1);
    let shown = client.get(SESSION).await.json;
    assert_eq!(Timestamp::parse_rfc3339(shown["expires_at"].as_str().unwrap()), Some(expiry(&again)));
    assert_eq!(at.admin().post(REFRESH, &json!({})).await.status, 401, "a password is no session");
    client.delete(SESSION).await;
    assert_eq!(client.post(REFRESH, &json!({})).await.status, 401);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_refreshed_for_seven_days() {
    let at = Running::start_with(&[("sessions.idle", "12h")]).await;
    let said = login(&at).await;
    let last = at.clock_reading().plus(Duration::from_secs(7 * 24 * 3600));
    let client = at.stranger().bearer(said.json["token"].as_str().unwrap());
    for _ in 0..16 {
        at.clock.advance(Duration::from_secs(10 * 3600));
        let again = client.post(REFRESH, &json!({})).await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(expiry(&again), last.min(at.clock_reading().plus(Duration::from_secs(12 * 3600))));
    }
    at.clock.advance(Duration::from_secs(8 * 3600 - 1));
    assert!(works(&client).await);
    at.clock.advance(Duration::from_secs(1));
    assert_eq!(client.post(REFRESH, &json!({})).await.status, 401);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_forms_of_ece() {
    let at = Running::start().await;
    let wrong = json!({ "username": "admin", "password": "wrong horse battery staple" });
    let said = at.stranger().post(LOGIN, &wrong).await;
    assert_eq!((said.status, &said.json["errors"][0]["code"]), (401, &json!("root.unauthenticated")));
    let said = at.stranger().get("/api/v1/user").await;
    assert_eq!((said.status, &said.json["errors"][0]["code"]), (401, &json!("root.unauthenticated")));
    let said = at.stranger().post(LOGIN, &json!({ "username": "admin" })).await;
    assert_eq!((said.status, &said.json["errors"][0]["code"]), (400, &json!("root.bad_request")));
    let said = at.stranger().get("/api/v1/users/auth/_nothing").await;
    assert_eq!((said.status, &said.json["errors"][0]["code"]), (404, &json!("root.resource_not_found")));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_before_every_command_is_never_refused() {
    let at = Running::start().await;
    for _ in 0..120 {
        let said = login(&at).await;
        let client = at.stranger().bearer(said.json["token"].as_str().unwrap());
        assert!(works(&client).await);
    }
    assert_eq!(at.store.count_sessions("admin".to_owned()).await.unwrap(), 50);
    at.stop().await;
}
