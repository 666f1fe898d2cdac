//! The audience of introspection: a service learns only about the tokens that are for it.

use serde_json::{Value, json};

use super::{INTROSPECT, form, start};
use crate::support::authority::{AUDIENCE, token_of};
use crate::support::client::Client;
use crate::support::{Host, Running, Said};

const OTHER: &str = "urn:example:files";

/// An authority with two services, and a token for each.
async fn two_services() -> (Running, String, String) {
    let at = Running::start_with(&[("tokens.audiences", &format!("{AUDIENCE},{OTHER}"))]).await;
    let mut tokens = Vec::new();
    for audience in [AUDIENCE, OTHER] {
        let said = at.admin().post("/api/v1/service-tokens", &json!({ "audience": audience })).await;
        tokens.push(token_of(&said.json));
    }
    let other = tokens.pop().unwrap();
    (at, tokens.pop().unwrap(), other)
}

async fn key(at: &Running, mut request: Value) -> Client {
    request["scopes"] = json!(["tokens:read"]);
    let made = at.api_key(&at.admin(), request).await;
    at.stranger().bearer(made["api_key"].as_str().unwrap())
}

async fn ask(client: Client, token: &str, more: &str) -> Said {
    form(client, INTROSPECT, &format!("token={token}{more}")).await
}

fn is_active(said: &Said, active: bool, why: &str) {
    assert_eq!((said.status, &said.json["active"]), (200, &json!(active)), "{why}: {}", said.text);
    assert!(active || said.text == r#"{"active":false}"#, "{why}: {}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_enrollment_token_is_active_only_where_named() {
    let at = start().await;
    let (enrollment, service) = (at.mint_once().await, token_of(&at.mint_service(json!({})).await));
    let enroll = format!("{}/enroll", at.url);
    for (more, token, active) in [
        (String::new(), &enrollment, false),
        (format!("&audience={AUDIENCE}"), &enrollment, false),
        (format!("&audience={enroll}/"), &enrollment, false),
        (format!("&audience={enroll}"), &enrollment, true),
        (format!("&resource={enroll}"), &enrollment, true),
        (format!("&audience={enroll}"), &service, false),
        (String::new(), &service, true),
        (format!("&audience={AUDIENCE}&resource={AUDIENCE}"), &service, true),
    ] {
        for hint in ["", "&token_type_hint=access_token", "&token_type_hint=enrollment"] {
            is_active(
                &ask(at.admin(), token, &format!("{more}{hint}")).await,
                active,
                &format!("{more}{hint}"),
            );
        }
    }
    let bound = key(&at, json!({ "audience": enroll })).await;
    is_active(&ask(bound, &enrollment, "").await, true, "the key is for enrollment tokens");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_service_is_inactive() {
    let (at, own, other) = two_services().await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    for round in 0..2 {
        let caller = async || match round {
            0 => host.client(&at, &enrolled),
            _ => key(&at, json!({})).await,
        };
        for name in ["audience", "resource"] {
            let named = format!("&{name}={AUDIENCE}");
            is_active(&ask(caller().await, &own, &named).await, true, &named);
            is_active(&ask(caller().await, &other, &named).await, false, &named);
        }
        is_active(&ask(caller().await, &own, "&audience=urn:nobody").await, false, "an unknown service");
        for token in [&own, &other, "x"] {
            let said = ask(caller().await, token, "").await;
            assert_eq!((said.status, &said.json["error"]), (400, &json!("invalid_request")));
            let why = said.json["error_description"].as_str().unwrap();
            assert!(why.contains("several services") && why.contains("audience=URI"), "{why}");
        }
        let said = ask(caller().await, &own, &format!("&audience={AUDIENCE}&resource={OTHER}")).await;
        assert_eq!((said.status, &said.json["error"]), (400, &json!("invalid_request")), "{}", said.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_an_audience_asks_about_nothing_else() {
    let (at, own, other) = two_services().await;
    let enrollment = at.mint_once().await;
    let bound = async || key(&at, json!({ "audience": AUDIENCE })).await;
    is_active(&ask(bound().await, &own, "").await, true, "its own");
    is_active(&ask(bound().await, &own, &format!("&audience={AUDIENCE}")).await, true, "its own, named");
    let enroll = format!("{}/enroll", at.url);
    for (token, named) in [(&own, OTHER), (&other, OTHER), (&enrollment, &*enroll)] {
        is_active(&ask(bound().await, token, "").await, token == &own, "none named");
        is_active(&ask(bound().await, token, &format!("&audience={named}")).await, false, named);
    }
    let tokens = json!([own, other, enrollment]);
    let verify = async |audience: Value| {
        bound().await.post("/api/v1/verify", &json!({ "tokens": tokens, "audience": audience })).await
    };
    for audience in [json!(null), json!(AUDIENCE)] {
        let said = verify(audience).await;
        let valid = said.json["results"].as_array().unwrap().iter().map(|found| found["valid"] == true);
        assert_eq!(valid.collect::<Vec<_>>(), [true, false, false], "{}", said.text);
    }
    let said = verify(json!(OTHER)).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("audience")), "{}", said.text);
    let all = key(&at, json!({})).await;
    let said = all.post("/api/v1/verify", &json!({ "tokens": tokens, "audience": enroll })).await;
    assert_eq!(said.json["results"][2]["valid"], true, "enrollment is an audience too: {}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_services_an_audience_must_be_named() {
    let at = Running::start().await;
    let token = at.mint_once().await;
    let said = ask(at.admin(), &token, "").await;
    assert_eq!((said.status, &said.json["error"]), (400, &json!("invalid_request")), "{}", said.text);
    let why = said.json["error_description"].as_str().unwrap();
    assert!(why.contains("no service") && why.contains("tokens.audiences"), "{why}");
    is_active(&ask(at.admin(), &token, &format!("&audience={}/enroll", at.url)).await, true, "it is named");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_made_by_a_key_has_its_audience() {
    let (at, ..) = two_services().await;
    let maker = json!({ "scopes": ["admin", "tokens:read"], "audience": AUDIENCE, "limits": "any" });
    let maker = at.api_key(&at.admin(), maker).await;
    let maker = at.stranger().bearer(maker["api_key"].as_str().unwrap());
    for request in [json!({}), json!({ "audience": AUDIENCE })] {
        let mut request = request;
        request["scopes"] = json!(["tokens:read"]);
        assert_eq!(at.api_key(&maker, request).await["audience"], json!(AUDIENCE));
    }
    let request = json!({ "scopes": ["tokens:read"], "audience": OTHER });
    let user = json!({ "username": "anna", "password": "correct horse battery", "role": "viewer" });
    for (path, body) in [("/api/v1/api-keys", request), ("/api/v1/users", user)] {
        let said = maker.post(path, &body).await;
        assert_eq!((said.status, said.code()), (403, "beyond_limits"), "{path}: {}", said.text);
        assert_eq!(said.json["fields"][0]["field"], "audience", "{path}: {}", said.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keys_audience_is_configured_and_shown() {
    let at = start().await;
    for audience in ["", "urn:nobody", "https://jobs.example.org/", "https://other.example.org/enroll"] {
        let request = json!({ "scopes": ["tokens:read"], "audience": audience });
        let said = at.admin().post("/api/v1/api-keys", &request).await;
        assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("audience")), "{audience}");
        assert!(said.json["detail"].as_str().unwrap().contains(AUDIENCE), "{}", said.text);
    }
    let made = at.api_key(&at.admin(), json!({ "scopes": ["tokens:read"], "audience": AUDIENCE })).await;
    at.api_key(&at.admin(), json!({ "scopes": ["tokens:read"] })).await;
    let listed = at.admin().get("/api/v1/api-keys").await.json;
    for key in listed["items"].as_array().unwrap() {
        let expected = if key["id"] == made["id"] { json!(AUDIENCE) } else { json!(null) };
        assert_eq!(key.get("audience"), Some(&expected), "{key}");
    }
    let shown = at.admin().get(&format!("/api/v1/api-keys/{}", made["id"].as_str().unwrap())).await;
    assert_eq!(shown.json["audience"], json!(AUDIENCE));
    let entry = at.ledger().await.into_iter().find(|entry| entry["detail"]["audience"] == AUDIENCE);
    assert!(entry.is_some_and(|entry| entry["action"] == "api_key_created"));
}
