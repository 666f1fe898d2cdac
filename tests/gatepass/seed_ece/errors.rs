//! Errors, as `{"errors":[{"code","message","fields"}]}`, every one of them.

use http::Method;
use serde_json::{Value, json};

use super::{PLAIN, REGIONAL, listed, made, members, post};
use crate::support::forge::Forgery;
use crate::support::{Running, Said};

/// The one error of an answer, which is of the right shape and type.
fn error(said: &Said, status: u16) -> Value {
    assert_eq!(said.status, status, "{}", said.text);
    assert_eq!(said.headers["content-type"], "application/json");
    assert_eq!(members(&said.json), ["errors"]);
    let errors = said.json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), 1);
    assert!(errors[0]["message"].as_str().is_some_and(|message| !message.is_empty()));
    errors[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_role_names_the_catalogue() {
    let at = Running::start().await;
    for base in [PLAIN, REGIONAL] {
        let refused = post(&at.admin(), base, r#"{"persistent":true,"roles":["proxy","boss"]}"#).await;
        let error = error(&refused, 400);
        assert_eq!(error["code"], "enrollment_tokens.invalid_token_request");
        assert_eq!(error["fields"], json!(["roles[1]"]));
        assert!(error["message"].as_str().unwrap().contains("allocator, coordinator, director, proxy"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_sign_in_is_unauthenticated() {
    let at = Running::start().await;
    let persistent = made(&at, r#"{"persistent":true}"#).await;
    let token = persistent["token"].as_str().unwrap();
    let callers = [
        at.stranger(),
        at.stranger().basic("admin", "wrong"),
        at.stranger().basic("nobody", "wrong"),
        at.stranger().bearer(token),
        at.stranger().header(http::header::AUTHORIZATION, "ApiKey abc"),
    ];
    for caller in callers {
        for base in [PLAIN, REGIONAL] {
            assert_eq!(error(&caller.get(base).await, 401)["code"], "root.unauthenticated");
            let refused = post(&caller, base, r#"{"persistent":true}"#).await;
            assert_eq!(error(&refused, 401)["code"], "root.unauthenticated");
            let path = format!("{base}/{}", persistent["token_id"].as_str().unwrap());
            assert_eq!(error(&caller.delete(&path).await, 401)["code"], "root.unauthenticated");
        }
    }
    assert_eq!(listed(&at).await.len(), 3, "nothing was made or deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_token_cannot_be_deleted() {
    let at = Running::start().await;
    let stranger = gatepass::id::TokenId::generate(at.authority.time.now()).to_string();
    let ours = made(&at, r#"{"persistent":true}"#).await;
    let other =
        Forgery::of(ours["token"].as_str().unwrap()).claim("jti", &*stranger).claim("sub", &*stranger);
    let other = other.signed_with(&gatepass::token::SigningKey::generate());
    for what in [stranger.as_str(), "abc", "%00", "eyJ.e30.x", other.as_str()] {
        let error = error(&at.admin().delete(&format!("{PLAIN}/{what}")).await, 404);
        assert_eq!(error["code"], "enrollment_tokens.invalid_token_id", "{what}");
        assert!(!error["message"].as_str().unwrap().contains(what), "it is not repeated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_path_gets_this_dialect() {
    let at = Running::start().await;
    let admin = at.admin();
    for base in [PLAIN, REGIONAL] {
        let wrong = admin.send(Method::PUT, base, Some("{}".to_owned())).await;
        error(&wrong, 405);
        assert_eq!(wrong.headers["allow"], "GET, HEAD, POST");
        error(&admin.get(&format!("{base}/x/y")).await, 404);
        let long = format!(r#"{{"persistent":false,"filler":"{}"}}"#, "x".repeat(70_000));
        let refused = post(&admin, base, &long).await;
        assert_eq!(error(&refused, 413)["code"], "enrollment_tokens.invalid_token_request");
    }
}
