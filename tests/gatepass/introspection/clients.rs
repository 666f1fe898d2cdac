//! Client authentication of OAuth (RFC 6749 section 2.3.1): form-encoded Basic, and the secret in the body.

use http::header::CONTENT_TYPE;
use serde_json::json;

use super::{INTROSPECT, REVOKE, form, start};
use crate::support::authority::{AUDIENCE, PASSWORD, token_of};
use crate::support::{Host, Running};

/// A key that may call every OAuth route: its id and its text.
async fn key(at: &Running) -> (String, String) {
    let request = json!({ "label": "service", "scopes": ["tokens:read", "tokens:write"] });
    let made = at.api_key(&at.admin(), request).await;
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    (text("id"), text("api_key"))
}

/// As the strictest clients encode: everything but letters and digits.
fn encoded(text: &str) -> String {
    text.replace('-', "%2D").replace('_', "%5F")
}

async fn service_token(at: &Running) -> String {
    token_of(&at.mint_service(json!({ "roles": ["proxy"] })).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_encoded_api_key_opens_every_oauth_route() {
    let at = start().await;
    let ((id, text), token) = (key(&at).await, service_token(&at).await);
    for (user, secret) in
        [(encoded(&id), encoded(&text)), (encoded(&id), text.clone()), (id.clone(), text.clone())]
    {
        let client = || at.stranger().basic(&user, &secret);
        let said = form(client(), INTROSPECT, &format!("token={token}")).await;
        assert_eq!((said.status, &said.json["active"]), (200, &json!(true)), "{user}: {}", said.text);
        assert_eq!(form(client(), REVOKE, "token=x").await.status, 200, "{user}");
    }
    let native = at.stranger().basic(&encoded(&id), &encoded(&text));
    assert_eq!(native.get("/api/v1/roles").await.status, 401, "only OAuth clients encode");
    let percent = "correct%2Dhorse%2Dbattery";
    at.user("percent", percent, "operator").await;
    let said = form(at.stranger().basic("percent", percent), INTROSPECT, "token=x").await;
    assert_eq!(said.status, 200, "a user's password is taken as it is: {}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_secret_in_the_body_authenticates() {
    let at = start().await;
    let ((id, text), token) = (key(&at).await, service_token(&at).await);
    let (_, other) = key(&at).await;
    let body = |id: &str, secret: &str| format!("token={token}&client_id={id}&client_secret={secret}");
    let said = form(at.stranger(), INTROSPECT, &body(&encoded(&id), &encoded(&text))).await;
    assert_eq!((said.status, &said.json["active"]), (200, &json!(true)), "{}", said.text);
    for (wrong_id, secret) in
        [(&*id, &*other), (&*id, "x"), ("", &*text), ("admin", PASSWORD), (&*id, PASSWORD)]
    {
        for path in [INTROSPECT, REVOKE] {
            let said = form(at.stranger(), path, &body(wrong_id, secret)).await;
            assert_eq!((said.status, &said.json["error"]), (401, &json!("invalid_client")), "{}", said.text);
            assert!(!said.text.contains("gpk_"), "{}", said.text);
        }
    }
    let said = form(at.stranger(), REVOKE, &body(&id, &text)).await;
    assert_eq!((said.status, said.text.as_str()), (200, ""));
    super::is_inactive(&at, &token, "the client revoked it").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_ways_of_client_authentication_are_refused() {
    let at = start().await;
    let (id, text) = key(&at).await;
    let body = format!("token=x&client_id={id}&client_secret={text}");
    for path in [INTROSPECT, REVOKE] {
        for client in [at.stranger().basic(&id, &text), at.stranger().bearer(&text), at.admin()] {
            let said = form(client, path, &body).await;
            assert_eq!((said.status, &said.json["error"]), (400, &json!("invalid_request")), "{path}");
        }
        let named = form(at.stranger().basic(&id, &text), path, &format!("token=x&client_id={id}")).await;
        assert_eq!(named.status, 200, "a name is not a credential: {}", named.text);
    }
    let twice = format!("{body}&client_secret={text}");
    assert_eq!(form(at.stranger(), INTROSPECT, &twice).await.status, 401, "it is open which one counts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_repairs_no_wrong_client_secret() {
    let at = start().await;
    let token = service_token(&at).await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    let (id, text) = key(&at).await;
    let ask = async |more: &str| {
        form(host.client(&at, &enrolled), INTROSPECT, &format!("token={token}{more}")).await
    };
    assert_eq!(ask("").await.status, 200);
    assert_eq!(ask(&format!("&client_id={id}&client_secret=x")).await.status, 401);
    let said = ask(&format!("&client_id={id}&client_secret={text}")).await;
    assert_eq!((said.status, &said.json["active"]), (200, &json!(true)), "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_form_is_short_and_its_refusals_count() {
    let at = Running::start_with(&[("limits.refused_address", "3/h"), ("tokens.audiences", AUDIENCE)]).await;
    let (id, text) = key(&at).await;
    let long = format!("token={}&client_id={id}&client_secret={text}", "x".repeat(8 * 1024));
    for path in [INTROSPECT, REVOKE] {
        let said = form(at.stranger(), path, &long).await;
        assert_eq!((said.status, &said.json["error"]), (413, &json!("body_too_large")), "{path}");
    }
    let wrong = format!("token=x&client_id={id}&client_secret=x");
    for body in ["token=x", wrong.as_str(), "client_secret=x"] {
        assert_eq!(form(at.stranger(), INTROSPECT, body).await.status, 401, "{body}");
    }
    for body in ["token=x", wrong.as_str()] {
        let said = form(at.stranger(), INTROSPECT, body).await;
        assert_eq!((said.status, &said.json["error"]), (429, &json!("rate_limited")), "{body}");
    }
    let good = format!("token=x&client_id={id}&client_secret={text}");
    assert_eq!(form(at.stranger(), INTROSPECT, &good).await.status, 200, "a good key stays accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_in_a_json_body_is_not_read() {
    let at = start().await;
    let (id, text) = key(&at).await;
    let body = format!("token=x&client_id={id}&client_secret={text}");
    let json = at.stranger().header(CONTENT_TYPE, "application/json");
    let said = json.send(http::Method::POST, INTROSPECT, Some(body)).await;
    assert_eq!((said.status, &said.json["error"]), (401, &json!("invalid_client")));
    let object = json!({ "token": "x", "client_id": id, "client_secret": text });
    assert_eq!(at.stranger().post(INTROSPECT, &object).await.status, 401);
}
