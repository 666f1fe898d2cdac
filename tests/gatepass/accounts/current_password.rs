//! Passwords and admin rights: an API key gives neither, and a session only with the current password.

use http::Method;
use serde_json::{Value, json};

use super::{KEYS, PASSWORD, USERS};
use crate::support::client::Client;
use crate::support::{Running, Said, authority};

/// A bearer session of the admin.
async fn session(at: &Running) -> Client {
    let body = json!({ "username": "admin", "password": authority::PASSWORD, "kind": "bearer" });
    let said = at.stranger().post("/api/v1/session", &body).await;
    assert_eq!(said.status, 201, "{}", said.text);
    at.stranger().bearer(said.json["session"].as_str().unwrap())
}

async fn send(client: &Client, method: &Method, path: &str, body: &Value) -> Said {
    client.send(method.clone(), path, Some(body.to_string())).await
}

/// The number of ledger entries of acts that were done.
async fn done_acts(at: &Running) -> usize {
    at.ledger().await.iter().filter(|entry| entry["outcome"] == "done").count()
}

fn user(name: &str, role: &str) -> Value {
    json!({ "username": name, "password": PASSWORD, "role": role })
}

/// The acts that give admin rights or set a password, and the status of success.
fn acts() -> Vec<(Method, String, Value, u16)> {
    vec![
        (Method::POST, USERS.to_owned(), user("boss", "admin"), 201),
        (Method::PATCH, format!("{USERS}/boss"), json!({ "limits": { "roles": "any" } }), 200),
        (Method::PATCH, format!("{USERS}/ops"), json!({ "role": "admin" }), 200),
        (Method::PATCH, format!("{USERS}/idle"), json!({ "disabled": false }), 200),
        (Method::PATCH, format!("{USERS}/idle"), json!({ "role": "viewer" }), 200),
        (Method::PATCH, format!("{USERS}/boss"), json!({ "disabled": true }), 200),
        (Method::PUT, format!("{USERS}/eve/password"), json!({ "password": PASSWORD }), 204),
        (Method::POST, KEYS.to_owned(), json!({ "scopes": ["admin"] }), 201),
    ]
}

/// An operator, a viewer and a disabled admin.
async fn people(at: &Running) {
    for (name, role) in [("ops", "operator"), ("eve", "viewer"), ("idle", "admin")] {
        at.user(name, PASSWORD, role).await;
    }
    let disabled = at.admin().patch(&format!("{USERS}/idle"), &json!({ "disabled": true })).await;
    assert_eq!(disabled.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_gives_admin_rights_with_the_password() {
    let at = Running::start().await;
    people(&at).await;
    let session = session(&at).await;
    for (method, path, body, done) in acts() {
        let before = done_acts(&at).await;
        let refused = send(&session, &method, &path, &body).await;
        assert_eq!((refused.status, refused.code()), (403, "current_password_required"), "{path} {body}");
        let with = |password: &str| {
            let mut body = body.clone();
            body["current_password"] = json!(password);
            body
        };
        let wrong = send(&session, &method, &path, &with("not the password")).await;
        assert_eq!((wrong.status, &wrong.json["fields"][0]["field"]), (400, &json!("current_password")));
        assert_eq!(done_acts(&at).await, before);
        let said = send(&session, &method, &path, &with(authority::PASSWORD)).await;
        assert_eq!(said.status, done, "{path} {body}: {}", said.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_other_acts_without_the_password() {
    let at = Running::start().await;
    people(&at).await;
    let session = session(&at).await;
    assert_eq!(session.post(USERS, &user("new", "operator")).await.status, 201);
    for (name, change) in [
        ("eve", json!({ "limits": { "roles": ["proxy"] } })),
        ("ops", json!({ "disabled": true })),
        ("ops", json!({ "disabled": false })),
        ("idle", json!({ "disabled": true })),
    ] {
        let said = session.patch(&format!("{USERS}/{name}"), &change).await;
        assert_eq!(said.status, 200, "{name} {change}: {}", said.text);
    }
    assert_eq!(session.post(KEYS, &json!({ "scopes": ["tokens:write"] })).await.status, 201);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_password_deletes_an_admin() {
    let at = Running::start().await;
    people(&at).await;
    let (session, idle) = (session(&at).await, format!("{USERS}/idle"));
    let refused = session.delete(&idle).await;
    assert_eq!((refused.status, refused.code()), (403, "current_password_required"), "{}", refused.text);
    assert!(refused.text.contains("take the role away first"), "{}", refused.text);
    let key = at.api_key(&at.admin(), json!({ "scopes": ["admin"], "limits": "any" })).await;
    let key = at.stranger().bearer(key["api_key"].as_str().unwrap());
    assert_eq!(key.delete(&idle).await.code(), "forbidden");
    let body = json!({ "role": "viewer", "current_password": authority::PASSWORD });
    assert_eq!(session.patch(&idle, &body).await.status, 200);
    assert_eq!(session.delete(&idle).await.status, 200);
    assert_eq!(session.delete(&format!("{USERS}/eve")).await.status, 200);
    at.user("boss", PASSWORD, "admin").await;
    assert_eq!(at.admin().delete(&format!("{USERS}/boss")).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_password_needs_the_current_one() {
    let at = Running::start().await;
    let session = session(&at).await;
    let path = format!("{USERS}/admin/password");
    let refused = session.put(&path, &json!({ "password": PASSWORD })).await;
    assert_eq!((refused.status, refused.code()), (403, "current_password_required"), "{}", refused.text);
    let body = json!({ "password": PASSWORD, "current_password": authority::PASSWORD });
    assert_eq!(session.put(&path, &body).await.status, 204);
    assert_eq!(at.stranger().basic("admin", PASSWORD).get(USERS).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_gives_neither_password_nor_admin_rights() {
    let at = Running::start().await;
    people(&at).await;
    at.user("boss", PASSWORD, "admin").await;
    let key = at.api_key(&at.admin(), json!({ "scopes": ["admin"], "limits": "any" })).await;
    let key = at.stranger().bearer(key["api_key"].as_str().unwrap());
    let own = (Method::PUT, format!("{USERS}/admin/password"), json!({ "password": PASSWORD }), 204);
    let before = at.ledger().await.len();
    for (method, path, mut body, _) in acts().into_iter().chain([own]) {
        if body["username"] == "boss" {
            body["username"] = json!("another");
        }
        body["current_password"] = json!(authority::PASSWORD);
        let refused = send(&key, &method, &path, &body).await;
        assert_eq!((refused.status, refused.code()), (403, "forbidden"), "{path} {body}");
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(detail.contains("an API key may not") && detail.contains("sign in"), "{detail}");
    }
    assert_eq!(at.ledger().await.len(), before, "nothing is written");
    assert_eq!(key.post(USERS, &user("new", "operator")).await.status, 201);
    assert_eq!(key.patch(&format!("{USERS}/new"), &json!({ "role": "viewer" })).await.status, 200);
    assert_eq!(key.post(KEYS, &json!({ "scopes": ["tokens:write"] })).await.status, 201);
    assert_eq!(key.delete(&format!("{USERS}/new")).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_current_password_counts_as_a_sign_in() {
    let at = Running::start_with(&[("limits.sign_in_site", "3/h")]).await;
    let session = session(&at).await;
    let wrong = async |guess: usize| {
        let mut body = user("boss", "admin");
        body["current_password"] = json!(format!("guess number {guess}"));
        session.post(USERS, &body).await
    };
    for guess in 1..=3 {
        assert_eq!(wrong(guess).await.status, 400);
    }
    let limited = wrong(4).await;
    assert_eq!((limited.status, limited.code()), (429, "rate_limited"), "{}", limited.text);
    at.stop().await;
}
