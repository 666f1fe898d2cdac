//! The list of one's own sessions.

use std::time::Duration;

use http::HeaderName;
use http::header::COOKIE;
use serde_json::{Value, json};

use super::{SESSION, begin, secret_of, works};
use crate::support::Running;
use crate::support::client::Client;

const SESSIONS: &str = "/api/v1/sessions";
const MINUTE: Duration = Duration::from_secs(60);

async fn list(client: &Client) -> Vec<Value> {
    let said = client.get(SESSIONS).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json["items"].as_array().unwrap().clone()
}

fn path_of(item: &Value) -> String {
    format!("{SESSIONS}/{}", item["id"].as_str().unwrap())
}

/// A new user that calls by a session.
async fn other_user(at: &Running, name: &str, role: &str) -> Client {
    let password = "staple battery horse correct";
    at.user(name, password, role).await;
    let begun = at.stranger().basic(name, password).post(SESSION, &json!({})).await;
    at.stranger().bearer(&secret_of(&begun.json))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_has_the_users_live_sessions() {
    let at = Running::start().await;
    let idle = begin(&at, "bearer").await.json;
    at.clock.advance(20 * MINUTE);
    let own = begin(&at, "bearer").await.json;
    let viewer = other_user(&at, "viewer.one", "viewer").await;
    let client = at.stranger().bearer(&secret_of(&own));
    at.clock.advance(MINUTE);
    let items = list(&client).await;
    let kinds = items.iter().map(|item| (&item["current"], &item["kind"], &item["address"]));
    let (bearer, local) = (json!("bearer"), json!("127.0.0.1"));
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [(&json!(true), &bearer, &local), (&json!(false), &bearer, &local)]
    );
    assert_eq!(items[0]["expires_at"], own["expires_at"]);
    assert_ne!(items[0]["last_used_at"], items[0]["created_at"], "this request used it");
    assert_eq!(items[1]["idle_after"], idle["idle_after"]);
    let text = serde_json::to_string(&items).unwrap();
    assert!(!text.contains(&secret_of(&own)) && !text.contains("csrf"), "{text}");
    assert_eq!(list(&viewer).await.len(), 1);
    assert_eq!(list(&at.admin()).await.iter().filter(|item| item["current"] == true).count(), 0);
    at.clock.advance(10 * MINUTE);
    assert_eq!(list(&client).await.len(), 1, "the other has idled out");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_sessions_is_ended() {
    let at = Running::start().await;
    let (lost, own) = (begin(&at, "bearer").await.json, begin(&at, "bearer").await.json);
    let (lost, own) = (at.stranger().bearer(&secret_of(&lost)), at.stranger().bearer(&secret_of(&own)));
    let other = list(&own).await.into_iter().find(|item| item["current"] == false).unwrap();
    let said = own.delete(&path_of(&other)).await;
    assert_eq!((said.status, said.text.as_str()), (204, ""));
    assert!(!works(&lost).await && works(&own).await);
    let entry = &at.ledger().await[0];
    assert_eq!((&entry["action"], &entry["actor"]), (&json!("session_ended"), &json!("user:admin")));
    assert_eq!(entry["detail"]["session"], other["id"]);
    assert_eq!(own.delete(&path_of(&other)).await.code(), "not_found");
    assert_eq!(at.entries("session_ended").await, 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_or_ended_session_is_not_found() {
    let at = Running::start().await;
    let viewer = other_user(&at, "viewer.one", "viewer").await;
    let admin = other_user(&at, "admin.two", "admin").await;
    let foreign = path_of(&list(&viewer).await[0]);
    let unknown = format!("{SESSIONS}/{}", "A".repeat(43));
    for path in [&foreign, &unknown, &format!("{SESSIONS}/odd")] {
        let said = admin.delete(path).await;
        assert_eq!((said.status, said.code()), (404, "not_found"), "{path}");
    }
    assert!(works(&viewer).await);
    let idle = path_of(&list(&admin).await[0]);
    at.clock.advance(31 * MINUTE);
    let again = at.stranger().basic("admin.two", "staple battery horse correct");
    assert_eq!(again.delete(&idle).await.status, 404, "it has idled out");
    assert_eq!(at.entries("session_ended").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_the_current_session_clears_its_cookie() {
    let at = Running::start().await;
    let said = begin(&at, "cookie").await;
    let cookie = said.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let browser = at.stranger().header(COOKIE, &cookie);
    let own = path_of(&list(&browser).await[0]);
    assert_eq!(browser.delete(&own).await.code(), "csrf");
    let csrf = said.json["csrf_token"].as_str().unwrap();
    let said = browser.header(HeaderName::from_static("x-csrf-token"), csrf).delete(&own).await;
    assert_eq!(said.status, 204, "{}", said.text);
    assert!(said.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert!(!works(&at.stranger().header(COOKIE, &cookie)).await);
    at.stop().await;
}
