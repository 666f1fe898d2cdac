//! Signing in once, and out again.

mod cli;
mod cookies;
mod ece;
mod ending;
mod own;

use serde_json::{Value, json};

use crate::support::authority::PASSWORD;
use crate::support::client::Client;
use crate::support::{Running, Said};

const SESSION: &str = "/api/v1/session";

/// Signs the admin in for a session of this kind.
async fn begin(at: &Running, kind: &str) -> Said {
    let body = json!({ "username": "admin", "password": PASSWORD, "kind": kind });
    let said = at.stranger().post(SESSION, &body).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said
}

/// The secret of a bearer session.
async fn bearer(at: &Running) -> String {
    secret_of(&begin(at, "bearer").await.json)
}

fn secret_of(begun: &Value) -> String {
    begun["session"].as_str().unwrap().to_owned()
}

async fn works(client: &Client) -> bool {
    match client.get("/api/v1/roles").await.status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_session_opens_what_the_password_opens() {
    let at = Running::start().await;
    let said = begin(&at, "bearer").await;
    let secret = secret_of(&said.json);
    assert!(secret.starts_with("gps_") && secret.len() == 47, "{secret}");
    assert_eq!(said.headers["cache-control"], "no-store");
    assert!(!said.headers.contains_key("set-cookie"));
    assert_eq!(said.json["kind"], "bearer");
    assert_eq!(said.json["user"]["role"], "admin");
    assert_eq!(said.json["user"]["limits"]["roles"], "any");
    assert!(said.json["user"]["permissions"].as_array().unwrap().contains(&json!("tokens:write")));
    let client = at.stranger().bearer(&secret);
    let minted = client.post("/api/v1/enrollment-tokens", &json!({ "roles": ["proxy"] })).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    let entry = &at.ledger().await[0];
    assert_eq!(
        (entry["action"].as_str(), entry["actor"].as_str()),
        (Some("token_created"), Some("user:admin"))
    );
    let shown = client.get(SESSION).await.json;
    assert_eq!(shown["actor"], "user:admin");
    assert_eq!(shown["expires_at"], said.json["expires_at"]);
    assert!(shown.get("session").is_none() && shown.get("csrf_token").is_none(), "{shown}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn name_and_password_stand_in_one_place() {
    let at = Running::start().await;
    let given = json!({ "username": "admin", "password": PASSWORD });
    assert_eq!(at.admin().post(SESSION, &json!({})).await.status, 201);
    assert_eq!(at.admin().post(SESSION, &given).await.status, 400, "both");
    assert_eq!(at.stranger().post(SESSION, &json!({})).await.status, 401, "none");
    let half = at.stranger().post(SESSION, &json!({ "username": "admin" })).await;
    assert_eq!((half.status, half.json["fields"][0]["field"].as_str()), (400, Some("password")));
    let odd = json!({ "username": "admin", "password": PASSWORD, "kind": "eternal" });
    assert_eq!(at.stranger().post(SESSION, &odd).await.status, 400);
    let more = json!({ "username": "admin", "password": PASSWORD, "role": "admin" });
    assert_eq!(at.stranger().post(SESSION, &more).await.status, 400);
    let secret = bearer(&at).await;
    assert_eq!(
        at.stranger().bearer(&secret).post(SESSION, &given).await.status,
        401,
        "a session begins none"
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_name_answer_alike() {
    let at = Running::start().await;
    let wrong = json!({ "username": "admin", "password": "wrong horse battery staple" });
    let unknown = json!({ "username": "nobody", "password": PASSWORD });
    let (wrong, unknown) =
        (at.stranger().post(SESSION, &wrong).await, at.stranger().post(SESSION, &unknown).await);
    assert_eq!((wrong.status, wrong.code()), (401, "unauthenticated"));
    assert_eq!(wrong.text, unknown.text);
    assert_eq!(at.entries("session_started").await, 0);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_redeems_nothing() {
    let at = Running::start().await;
    let secret = bearer(&at).await;
    let csr = json!({ "csr": crate::support::Host::new().csr() });
    let said = at.stranger().bearer(&secret).post("/api/v1/bootstrap", &csr).await;
    assert_eq!(said.status, 401, "{}", said.text);
    assert!(!works(&at.stranger().basic("admin", &secret)).await);
    let renewed = at.stranger().bearer(&secret).post("/api/v1/renew", &csr).await;
    assert_eq!(renewed.status, 401);
    for wrong in ["gps_", "gps_AAAA", &secret[..46], &format!("{secret}A"), &"gps_".repeat(300)] {
        assert!(!works(&at.stranger().bearer(wrong)).await, "{wrong}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_session_is_described() {
    let at = Running::start().await;
    let shown = at.admin().get(SESSION).await;
    assert_eq!((shown.status, shown.json["user"]["name"].as_str()), (200, Some("admin")));
    assert!(shown.json.get("kind").is_none(), "{}", shown.text);
    assert_eq!(at.admin().delete(SESSION).await.status, 400, "there is nothing to end");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fifty_first_session_ends_the_least_used() {
    let at = Running::start().await;
    let mut secrets = Vec::new();
    for _ in 0..51 {
        secrets.push(bearer(&at).await);
        at.clock.advance(std::time::Duration::from_millis(5));
        assert!(works(&at.stranger().bearer(&secrets[0])).await);
    }
    assert!(!works(&at.stranger().bearer(&secrets[1])).await);
    for secret in [&secrets[0], &secrets[2], &secrets[50]] {
        assert!(works(&at.stranger().bearer(secret)).await);
    }
    at.stop().await;
}
