//! Rights are those of the moment in which something is done: a body that is sent slowly keeps none that were taken away.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass::access::{Actor, Limits, Rights, UserRole};
use gatepass::ledger::Basis;
use gatepass::name::UserName;
use gatepass::secret::Secret;
use gatepass::service::accounts::users::UserOrder;
use gatepass::service::{AccountError, Caller, RequestError, ServiceError};
use gatepass::store::UserRecord;
use http::Method;
use serde_json::{Value, json};

use super::{KEYS, PASSWORD, TOKENS, USERS};
use crate::support::wire::{Heard, Wire};
use crate::support::{Running, authority};

/// A request whose body waits until the server has judged its head: it asks for the body only then.
struct Slow {
    wire: Wire,
    body: String,
}

impl Slow {
    async fn begin(at: &Running, authorization: &str, (method, path): (Method, &str), body: &Value) -> Self {
        let (mut wire, body) = (Wire::open(at).await, body.to_string());
        let host = at.url.strip_prefix("https://").unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {authorization}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
            body.len()
        );
        wire.write(&head).await;
        let heard = wire.hear(true).await;
        assert_eq!(heard.status, 100, "{heard:?}");
        Self { wire, body }
    }

    async fn end(mut self) -> Heard {
        self.wire.write(&self.body).await;
        self.wire.hear(false).await
    }
}

fn basic(name: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{PASSWORD}")))
}

fn new_admin() -> Value {
    json!({ "username": "backdoor", "password": PASSWORD, "role": "admin", "limits": "any" })
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_lost_during_a_body_are_gone() {
    let at = Running::start().await;
    let new_password = json!({ "password": "another password of hers" });
    let cases = [
        ("demoted", Method::PATCH, "", json!({ "role": "viewer" }), "forbidden"),
        ("disabled", Method::PATCH, "", json!({ "disabled": true }), "unauthenticated"),
        ("reset", Method::PUT, "/password", new_password, "unauthenticated"),
        ("limited", Method::PATCH, "", json!({ "limits": { "roles": [] } }), "beyond_limits"),
    ];
    for (name, method, under, change, expected) in cases {
        at.user(name, PASSWORD, "admin").await;
        let slow = Slow::begin(&at, &basic(name), (Method::POST, USERS), &new_admin()).await;
        let path = format!("{USERS}/{name}{under}");
        let changed = at.admin().send(method, &path, Some(change.to_string())).await;
        assert!(changed.status < 300, "{name}: {}", changed.text);
        let heard = slow.end().await;
        let code = heard.json()["code"].as_str().unwrap_or("").to_owned();
        // The use case or the transaction rejects a caller whose body arrived within a second, the front a later one.
        let reasons = [expected, "beyond_limits", "rights_changed", "unauthenticated"];
        assert!(reasons.contains(&code.as_str()), "{name}: {heard:?}");
        let made = at.admin().get(&format!("{USERS}/backdoor")).await.status;
        assert_eq!(made, 404, "{name}");
    }
    at.user("unchanged", PASSWORD, "admin").await;
    let slow = Slow::begin(&at, &basic("unchanged"), (Method::POST, USERS), &new_admin()).await;
    assert_eq!(slow.end().await.status, 201);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_credential_does_nothing_after_a_slow_body() {
    let at = Running::start().await;
    let key = at.api_key(&at.admin(), json!({ "scopes": ["tokens:write"], "limits": "any" })).await;
    let (id, text) = (key["id"].as_str().unwrap(), key["api_key"].as_str().unwrap());
    let slow = Slow::begin(&at, &format!("ApiKey {text}"), (Method::POST, TOKENS), &json!({})).await;
    assert_eq!(at.admin().delete(&format!("{KEYS}/{id}")).await.status, 200);
    assert_eq!(slow.end().await.status, 401);
    let begun = at.stranger().basic("admin", authority::PASSWORD).post("/api/v1/session", &json!({})).await;
    let bearer = format!("Bearer {}", begun.json["session"].as_str().unwrap());
    let slow = Slow::begin(&at, &bearer, (Method::POST, TOKENS), &json!({})).await;
    let session = at.stranger().bearer(begun.json["session"].as_str().unwrap());
    assert_eq!(session.delete("/api/v1/session").await.status, 200);
    assert_eq!(slow.end().await.status, 401);
    let local = at.admin().get(TOKENS).await;
    let minted = local.json["items"].as_array().unwrap().iter();
    assert_eq!(minted.filter(|token| token["minter"] != "system").count(), 0, "{}", local.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_lost_during_a_hash_give_none() {
    let at = Running::start().await;
    at.user("eve", PASSWORD, "admin").await;
    let record = at.authority.accounts.show_user(&UserName::parse("eve").unwrap()).await.unwrap();
    let rights = Rights::of_role(UserRole::Admin, Limits::ANY);
    let actor = Actor::User("eve".to_owned());
    let set_before = at.entries("password_set").await;
    // The rights before the changes below.
    let UserRecord { name, epoch, version, .. } = record;
    let basis = Some(Basis::User { name, epoch, version, session: None });
    let eve = Caller { actor, rights, basis, address: None, request: None };
    let create = async || {
        let name = UserName::parse("backdoor").unwrap();
        let password = Secret::new(PASSWORD.to_owned());
        let order = UserOrder { name, password, role: UserRole::Viewer, limits: Limits::ANY };
        at.authority.accounts.create_user(&eve, order, None).await.map(drop)
    };
    let reset = async || {
        let admin = UserName::parse("admin").unwrap();
        at.authority
            .accounts
            .reset_password(&eve, &admin, Secret::new(PASSWORD.to_owned()), (None, None))
            .await
    };
    let change = async |change: Value| {
        assert_eq!(at.admin().patch(&format!("{USERS}/eve"), &change).await.status, 200);
    };
    change(json!({ "role": "viewer" })).await;
    for refused in [create().await, reset().await] {
        assert!(matches!(refused, Err(ServiceError::Request(RequestError::BeyondLimits(_)))), "{refused:?}");
    }
    change(json!({ "role": "admin" })).await;
    change(json!({ "disabled": true })).await;
    change(json!({ "disabled": false })).await;
    for refused in [create().await, reset().await] {
        assert_eq!(
            refused,
            Err(ServiceError::Account(AccountError::CallerGone)),
            "the user has to sign in again"
        );
    }
    assert_eq!(at.entries("password_set").await, set_before);
    at.stop().await;
}
