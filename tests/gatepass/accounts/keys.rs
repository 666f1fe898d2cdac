//! API keys: shown once, within their owner's rights, gone at once.

use std::time::Duration;

use serde_json::{Value, json};

use super::{KEYS, PASSWORD, TOKENS, USERS};
use crate::support::client::Client;
use crate::support::database::reader;
use crate::support::{Running, eventually};

fn bearer(at: &Running, key: &Value) -> Client {
    at.stranger().bearer(key["api_key"].as_str().unwrap())
}

fn path(key: &Value) -> String {
    format!("{KEYS}/{}", key["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once_and_stored_hashed() {
    let at = Running::start().await;
    let request = json!({ "label": "pipeline", "scopes": ["tokens:write", "tokens:write", "tokens:read"], "ttl": "1h" });
    let said = at.admin().post(KEYS, &request).await;
    assert_eq!((said.status, &said.headers["cache-control"]), (201, &"no-store".parse().unwrap()));
    let key = said.json;
    assert_eq!(key["scopes"], json!(["tokens:read", "tokens:write"]));
    let least = json!({ "roles": [], "dns_names": [], "max_ttl": "1h", "max_uses": 1, "persistent": false, "clusters": [], "policies": [] });
    assert_eq!(
        (&key["limits"], &key["owner"], &key["creator"]),
        (&least, &json!("admin"), &json!("user:admin"))
    );
    let shown = at.admin().get(&path(&key)).await;
    assert_eq!(shown.status, 200);
    assert!(shown.json.get("api_key").is_none());
    let text = key["api_key"].as_str().unwrap();
    for listed in [at.admin().get(KEYS).await.text, format!("{:?}", at.ledger().await)] {
        assert!(listed.contains(key["id"].as_str().unwrap()) && !listed.contains(&text[30..]));
    }
    let stored: Vec<u8> =
        reader(at.data_dir()).query_row("SELECT digest FROM api_keys", [], |row| row.get(0)).unwrap();
    assert_eq!(stored.len(), 32);
    at.clock.advance(Duration::from_secs(3599));
    assert_eq!(bearer(&at, &key).get(TOKENS).await.status, 200);
    at.clock.advance(Duration::from_secs(1));
    assert_eq!(bearer(&at, &key).get(TOKENS).await.status, 401);
    assert_eq!(at.admin().get(&path(&key)).await.json["expired"], true);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_in_a_key_is_reported() {
    let at = Running::start().await;
    let wrong = json!({
        "label": "x".repeat(129), "scopes": ["tokens:read", "tokens"], "ttl": "1h", "expires_at": "tomorrow",
        "limits": { "roles": ["nobody"] }, "scope": "admin",
    });
    let said = at.admin().post(KEYS, &wrong).await;
    let fields: Vec<&str> = said.json["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["field"].as_str().unwrap())
        .collect();
    assert_eq!(fields, ["scope", "label", "scopes[1]", "expires_at", "limits.roles"]);
    for wrong in [
        json!({}),
        json!({ "scopes": [] }),
        json!({ "scopes": ["tokens:read"], "limits": null }),
        json!({ "scopes": ["tokens:read"], "limits": { "max_uses": 0 } }),
        json!({ "scopes": ["tokens:read"], "limits": { "max_use": 1 } }),
        json!({ "scopes": ["tokens:read"], "expires_at": "2001-01-01T00:00:00Z" }),
        json!({ "scopes": ["tokens:read"], "ttl": "4000d" }),
    ] {
        assert_eq!(at.admin().post(KEYS, &wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(at.admin().get(KEYS).await.json["items"], json!([]));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_never_exceeds_its_owners_rights() {
    let at = Running::start().await;
    at.user("boss", PASSWORD, "admin").await;
    let boss = at.stranger().basic("boss", PASSWORD);
    let first = at.api_key(&boss, json!({ "scopes": ["admin"], "limits": "any" })).await;
    // One that a key made is its owner's too.
    let asked = json!({ "scopes": ["tokens:read", "tokens:write"], "limits": "any" });
    let second = at.api_key(&bearer(&at, &first), asked).await;
    assert_eq!(
        (&second["owner"], second["creator"].as_str().unwrap().split(':').next()),
        (&json!("boss"), Some("api_key"))
    );
    assert_eq!(bearer(&at, &first).get(USERS).await.status, 200);
    assert_eq!(bearer(&at, &second).get(TOKENS).await.status, 200);
    let change = async |body: Value| at.admin().patch(&format!("{USERS}/boss"), &body).await.status;
    let body = json!({ "role": "operator", "limits": { "roles": ["proxy"], "max_ttl": "10m" } });
    assert_eq!(change(body).await, 200);
    for key in [&first, &second] {
        let key = bearer(&at, key);
        assert_eq!(key.get(USERS).await.status, 403);
        let said = key.post(TOKENS, &json!({ "roles": ["allocator"], "ttl": "11m" })).await;
        assert_eq!((said.status, said.code()), (403, "beyond_limits"), "{}", said.text);
        assert_eq!(key.post(TOKENS, &json!({ "roles": ["proxy"], "ttl": "10m" })).await.status, 201);
    }
    assert_eq!(change(json!({ "role": "viewer" })).await, 200);
    for key in [&first, &second] {
        let said = bearer(&at, key).post(TOKENS, &json!({})).await;
        assert_eq!(said.status, 403);
        assert!(said.text.contains("tokens:write"), "{}", said.text);
        assert_eq!(bearer(&at, key).get(TOKENS).await.status, 200);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_made_by_a_key_ends_with_it() {
    let at = Running::start().await;
    let asked = json!({ "scopes": ["admin", "tokens:write"], "limits": "any", "ttl": "1h" });
    let maker = at.api_key(&at.admin(), asked).await;
    let by_key = bearer(&at, &maker);
    let later = by_key.post(KEYS, &json!({ "scopes": ["tokens:write"], "ttl": "2h" })).await;
    assert_eq!((later.status, later.code()), (403, "beyond_limits"), "{}", later.text);
    assert_eq!(later.json["fields"][0]["field"], "expires_at");
    let unsaid = at.api_key(&by_key, json!({ "scopes": ["tokens:write"] })).await;
    assert_eq!(unsaid["expires_at"], maker["expires_at"]);
    let sooner = at.api_key(&by_key, json!({ "scopes": ["tokens:write"], "ttl": "30m" })).await;
    assert_ne!(sooner["expires_at"], maker["expires_at"]);
    assert_eq!(bearer(&at, &sooner).post(TOKENS, &json!({})).await.status, 201);
    let gone = at.admin().delete(&format!("{}?tokens=revoke", path(&maker))).await;
    let counted = (&gone.json["api_keys_deleted"], &gone.json["tokens_revoked"]);
    assert_eq!((gone.status, counted), (200, (&json!(2), &json!(1))), "{}", gone.text);
    for key in [&unsaid, &sooner] {
        assert_eq!(bearer(&at, key).get(TOKENS).await.status, 401);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_keeps_their_own_keys_and_an_admin_everybodys() {
    let at = Running::start().await;
    at.user("ops", PASSWORD, "operator").await;
    at.user("eve", PASSWORD, "viewer").await;
    let (ops, eve) = (at.stranger().basic("ops", PASSWORD), at.stranger().basic("eve", PASSWORD));
    let read = json!({ "scopes": ["tokens:read"] });
    let (of_ops, of_eve) = (at.api_key(&ops, read.clone()).await, at.api_key(&eve, read.clone()).await);
    let too_much = eve.post(KEYS, &json!({ "scopes": ["tokens:write", "admin"] })).await;
    assert_eq!((too_much.status, too_much.code()), (403, "beyond_limits"), "{}", too_much.text);
    assert_eq!(too_much.json["fields"][0]["field"], "permissions");
    let listed = eve.get(KEYS).await.json;
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["items"][0]["id"]), (1, &of_eve["id"]));
    assert_eq!(at.admin().get(KEYS).await.json["items"].as_array().unwrap().len(), 2);
    for said in [eve.get(&path(&of_ops)).await, eve.delete(&path(&of_ops)).await] {
        assert_eq!((said.status, said.code()), (404, "not_found"));
    }
    let own = bearer(&at, &of_eve);
    for said in [own.get(KEYS).await, own.post(KEYS, &read).await, own.delete(&path(&of_eve)).await] {
        assert_eq!(said.status, 403);
        assert!(said.text.contains("admin"), "{}", said.text);
    }
    assert_eq!(eve.delete(&path(&of_eve)).await.status, 200);
    assert_eq!(own.get(TOKENS).await.status, 401, "on the very next request");
    assert_eq!(eve.delete(&path(&of_eve)).await.status, 404);
    assert_eq!(at.admin().delete(&path(&of_ops)).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keys_last_use_is_written() {
    let at = Running::start().await;
    let key = at.api_key(&at.admin(), json!({ "scopes": ["tokens:read"] })).await;
    bearer(&at, &key).get(TOKENS).await;
    let now = at.clock_reading().to_string();
    assert_eq!(at.admin().get(&path(&key)).await.json["last_used_at"], json!(null));
    at.authority.upkeep.write_uses().await.unwrap();
    let shown = at.admin().get(&path(&key)).await.json;
    assert_eq!((&shown["last_used_at"], &shown["last_used_from"]), (&json!(now), &json!("127.0.0.1")));
    let entries = at.ledger().await.len();
    at.clock.advance(Duration::from_secs(60));
    bearer(&at, &key).get(TOKENS).await;
    let at = at.restart().await;
    let later = at.clock_reading().to_string();
    let used = eventually("it is written", async || {
        let shown = at.admin().get(&path(&key)).await.json;
        (shown["last_used_at"] == later).then_some(shown)
    });
    used.await;
    assert!(at.ledger().await.len() <= entries + 1, "using a key is no act");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oauth_client_shows_its_key_in_every_way() {
    let at = Running::start().await;
    let key = at.api_key(&at.admin(), json!({ "scopes": ["tokens:read"] })).await;
    let (id, text) = (key["id"].as_str().unwrap(), key["api_key"].as_str().unwrap());
    let (token, audience) = (at.mint_once().await, format!("{}/enroll", at.url));
    let body = format!("token={token}&audience={audience}");
    let scheme = |value: String| at.stranger().header(http::header::AUTHORIZATION, &value);
    for client in [bearer(&at, &key), scheme(format!("ApiKey {text}")), at.stranger().basic(id, text)] {
        let form = client.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let said = form.send(http::Method::POST, "/oauth2/introspect", Some(body.clone())).await;
        assert_eq!((said.status, &said.json["active"]), (200, &json!(true)), "{}", said.text);
    }
    for client in [at.stranger().basic("admin", text), scheme(format!("ApiKey {token}"))] {
        let form = client.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let said = form.send(http::Method::POST, "/oauth2/introspect", Some(body.clone())).await;
        assert_eq!(said.status, 401, "{}", said.text);
    }
    let said = bearer(&at, &key).post("/api/v1/bootstrap", &json!({ "csr": "" })).await;
    assert_eq!((said.status, said.code()), (401, "unauthenticated"));
    at.stop().await;
}
