//! Impossible requests: 400, with every invalid field.

use std::collections::BTreeSet;

use gatepass::id::KeyId;
use http::Method;
use serde_json::{Value, json};

use super::stored;
use crate::support::authority::token_of;
use crate::support::described::DOCUMENT;
use crate::support::{Host, Running};

const TOKENS: &str = "/api/v1/enrollment-tokens";

/// The fields that a request is refused for, sorted.
async fn faults(at: &Running, request: &Value) -> Vec<String> {
    let refused = at.admin().post(TOKENS, request).await;
    assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "{request}: {}", refused.text);
    let fields = refused.json["fields"].as_array().unwrap();
    assert!(fields.iter().all(|fault| fault["message"].as_str().is_some_and(|message| message.len() > 5)));
    let mut fields =
        fields.iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    fields.sort();
    fields
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_in_a_request_is_reported() {
    let at = Running::start().await;
    let before = stored(&at).await;
    let request = json!({
        "roles": ["allocator", "boss", "chief"], "ttl": "1h", "expires_at": "2099-01-01T00:00:00Z",
        "label": "x".repeat(129), "max_uses": 0, "dns_names": ["ok.example.org", "*.*"], "key_thumbprint": "short",
        "colour": "red", "bind_to": {},
    });
    let expected = [
        "bind_to",
        "colour",
        "dns_names[1]",
        "expires_at",
        "key_thumbprint",
        "label",
        "max_uses",
        "roles[1]",
        "roles[2]",
    ];
    assert_eq!(faults(&at, &request).await, expected);
    assert_eq!(stored(&at).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_role_is_refused_with_the_catalogue() {
    let at = Running::start().await;
    let refused = at.admin().post(TOKENS, &json!({ "roles": ["boss"] })).await;
    let detail = refused.json["detail"].as_str().unwrap();
    assert!(
        detail.contains("\"boss\"") && detail.contains("allocator, coordinator, director, proxy"),
        "{detail}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_mistakes_lead_to_a_short_answer() {
    let at = Running::start().await;
    let unknown = |count: usize| (0..count).map(|number| format!("r{number}")).collect::<Vec<_>>();
    assert_eq!(faults(&at, &json!({ "roles": unknown(6000) })).await, ["roles"]);
    let patterns = json!({ "dns_names": vec!["*"; 6000] });
    assert_eq!(faults(&at, &patterns).await, ["dns_names"]);
    let refused = at.admin().post(TOKENS, &json!({ "roles": unknown(32) })).await;
    assert_eq!(refused.json["fields"].as_array().unwrap().len(), 20);
    let detail = refused.json["detail"].as_str().unwrap();
    assert!(detail.ends_with("and 12 more"), "{detail}");
    assert_eq!(detail.matches("the roles are").count(), 1, "{detail}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_limit_is_named_by_its_field() {
    let at = Running::start().await;
    for (request, field) in [
        (json!({ "ttl": "25h" }), "ttl"),
        (json!({ "ttl": "0s" }), "ttl"),
        (json!({ "ttl": "soon" }), "ttl"),
        (json!({ "ttl": "-5m" }), "ttl"),
        (json!({ "ttl": "99999999999999999999d" }), "ttl"),
        (json!({ "persistent": true, "ttl": "3651d" }), "ttl"),
        (json!({ "ttl": "1h", "expires_at": "2099-01-01T00:00:00Z" }), "expires_at"),
        (json!({ "expires_at": "2001-01-01T00:00:00Z" }), "expires_at"),
        (json!({ "expires_at": "2099-01-01T00:00:00Z" }), "expires_at"),
        (json!({ "expires_at": "tomorrow" }), "expires_at"),
        (json!({ "label": "x".repeat(129) }), "label"),
        (json!({ "label": "a\nb" }), "label"),
        (json!({ "label": "a\u{202e}b" }), "label"),
        (json!({ "label": "a\u{200b}b" }), "label"),
        (json!({ "max_uses": 0 }), "max_uses"),
        (json!({ "max_uses": -1 }), "max_uses"),
        (json!({ "max_uses": 5_000_000_000_i64 }), "max_uses"),
        (json!({ "roles": vec!["proxy"; 33] }), "roles"),
        (json!({ "dns_names": vec!["a.example.org"; 17] }), "dns_names"),
        (json!({ "rolls": [] }), "rolls"),
    ] {
        assert_eq!(faults(&at, &request).await, [field], "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_ephemeral_life_names_the_cure() {
    let at = Running::start().await;
    let refused = at.admin().post(TOKENS, &json!({ "ttl": "30d" })).await;
    let detail = refused.json["detail"].as_str().unwrap();
    assert!(refused.status == 400 && detail.contains("persistent"), "{detail}");
    at.mint(json!({ "ttl": "30d", "persistent": true })).await;
    at.mint(json!({ "ttl": "24h" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_type_is_400_with_its_path() {
    let at = Running::start().await;
    for (request, place) in [
        (json!({ "roles": "proxy" }), "roles"),
        (json!({ "roles": ["proxy", 7] }), "roles[1]"),
        (json!({ "persistent": "yes" }), "persistent"),
        (json!({ "max_uses": "many" }), "max_uses"),
        (json!({ "max_uses": 1.5 }), "max_uses"),
        (json!({ "label": null }), "label"),
        (json!({ "ttl": 900 }), "ttl"),
        (json!([]), "body"),
        (json!([["director"], true]), "body"),
        (json!("x"), "body"),
    ] {
        assert_eq!(faults(&at, &request).await, [place], "{request}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_body_is_400_and_not_echoed() {
    let at = Running::start().await;
    for body in ["{", "hunter2", "{\"label\":\"hunter2\"", "{\"label\":hunter2}", "{} {}", "\u{feff}{}"] {
        let refused = at.admin().send(Method::POST, TOKENS, Some(body.to_owned())).await;
        assert_eq!((refused.status, refused.code()), (400, "invalid_request"), "{body}");
        assert!(!refused.text.contains("hunter2"), "{}", refused.text);
    }
}

/// The CA, the signing keys and the clock, as the API shows them.
async fn trust(at: &Running) -> [Value; 3] {
    let admin = at.admin();
    let mut shown = [Value::Null, Value::Null, Value::Null];
    for (shown, path) in shown.iter_mut().zip(["/api/v1/ca", "/api/v1/signing-keys", "/api/v1/settings"]) {
        *shown = admin.get(path).await.json;
    }
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_body_is_400_wherever_one_is_read() {
    let at = Running::start().await;
    let before = (stored(&at).await, trust(&at).await);
    let mut asked = BTreeSet::new();
    let operations = DOCUMENT["paths"].as_object().unwrap().iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| (method, path, operation))
    });
    for (method, path, operation) in operations {
        let (name, body) = (format!("{method} {path}"), &operation["requestBody"]);
        if body["content"]["application/json"].is_null() {
            continue;
        }
        assert_eq!(body["required"], true, "{name}");
        let method: Method = method.to_uppercase().parse().unwrap();
        let path = path
            .replace("{id}", "0190a0b0-c0d0-7000-8000-0000000000aa")
            .replace("{kid}", &KeyId::of(b"key").to_string())
            .replace("{name}", "admin");
        // These read the body of a caller with a token or a certificate of a host.
        let is_host = ["bootstrap", "renew", "whoami", "checkin", "access-token"]
            .iter()
            .any(|name| path == format!("/api/v1/{name}"));
        for empty in [None, Some(String::new()), Some(String::from(" \n"))] {
            let said = at.admin().send(method.clone(), &path, empty).await;
            assert_eq!(said.status, if is_host { 401 } else { 400 }, "{name}: {}", said.text);
            assert!(is_host || said.json["fields"][0]["field"] == "body", "{name}: {}", said.text);
        }
        asked.insert(path);
    }
    for path in ["/api/v1/ca/rotate", "/api/v1/clock/accept", "/api/v1/signing-keys/rotate"] {
        assert!(asked.contains(path), "{path}: {asked:?}");
    }
    assert_eq!((stored(&at).await, trust(&at).await), before);
    let rotated = at.admin().post("/api/v1/ca/rotate", &json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    assert_ne!(rotated.json["issuing"], before.1[0]["issuing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_has_one_spelling_in_paths_and_bodies() {
    let (at, host) = (Running::start().await, Host::new());
    let minted = at.mint(json!({ "persistent": true })).await;
    let enrolled = host.redeem(&at, &token_of(&minted)).await.json;
    for (kind, id) in [(TOKENS, &minted["token_id"]), ("/api/v1/hosts", &enrolled["host_id"])] {
        let id = id.as_str().unwrap();
        let path = |id: &str| format!("{kind}/{id}");
        let before = at.admin().get(&path(id)).await;
        assert_eq!(before.status, 200, "{}", before.text);
        for wrong in [id.to_uppercase(), id.replace('-', ""), format!("%7B{id}%7D")] {
            assert_eq!(at.admin().get(&path(&wrong)).await.status, 404, "{wrong}");
            assert_eq!(at.admin().delete(&path(&wrong)).await.status, 404, "{wrong}");
            let refused = at.admin().post(&path("revoke"), &json!({ "ids": [wrong] })).await;
            assert_eq!(refused.status, 400, "{wrong}: {}", refused.text);
        }
        assert_eq!(at.admin().get(&path(id)).await.json["state"], before.json["state"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_given_twice_is_refused_and_unspent() {
    let at = Running::start().await;
    let (token, host) = (at.mint_once().await, Host::new());
    let twice = host.redeem_with(&at, &token, json!({ "token": token })).await;
    assert_eq!((twice.status, &twice.json["fields"][0]["field"]), (400, &json!("token")), "{}", twice.text);
    assert!(!twice.text.contains("eyJ"));
    let unknown = host.redeem_with(&at, &token, json!({ "roles": ["director"], "uses": 2 })).await;
    assert_eq!(unknown.status, 400);
    let fields = unknown.json["fields"].as_array().unwrap().iter().map(|fault| fault["field"].clone());
    assert_eq!(fields.collect::<Vec<_>>(), [json!("roles"), json!("uses")], "{}", unknown.text);
    let nowhere = at.stranger().post("/api/v1/bootstrap", &json!({ "csr": host.csr() })).await;
    assert_eq!((nowhere.status, nowhere.code()), (401, "invalid_token"));
    let as_admin = at.admin().post("/api/v1/bootstrap", &json!({ "csr": host.csr(), "token": token })).await;
    assert_eq!(as_admin.status, 401, "a user's credential redeems nothing");
    assert_eq!(host.redeem(&at, &token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_judged_like_bodies() {
    let at = Running::start().await;
    let admin = at.admin();
    for (query, field) in
        [("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"), ("cursor=x", "cursor")]
    {
        let refused = admin.get(&format!("{TOKENS}?{query}")).await;
        assert_eq!(
            (refused.status, &refused.json["fields"][0]["field"]),
            (400, &json!(field)),
            "{}",
            refused.text
        );
    }
    assert_eq!(admin.get(&format!("{TOKENS}?colour=red")).await.status, 400);
    assert_eq!(admin.get(&format!("{TOKENS}/%2e%2e")).await.status, 404);
}
