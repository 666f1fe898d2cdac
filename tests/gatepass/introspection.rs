//! OAuth's doors (RFC 7662, RFC 7009, RFC 8414): what a token says, taking one back, where everything is.

use std::time::Duration;

use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::support::authority::{AUDIENCE, token_of};
use crate::support::client::Client;
use crate::support::{Host, Running, Said, database};

mod audience;
mod clients;

const INTROSPECT: &str = "/oauth2/introspect";
const REVOKE: &str = "/oauth2/revoke";
const FORM: &str = "application/x-www-form-urlencoded";

async fn start() -> Running {
    Running::start_with(&[("tokens.audiences", AUDIENCE)]).await
}

async fn form(client: Client, path: &str, body: &str) -> Said {
    client.header(CONTENT_TYPE, FORM).send(Method::POST, path, Some(body.to_owned())).await
}

/// The answer for the only configured service.
async fn introspect(at: &Running, token: &str) -> Said {
    form(at.admin(), INTROSPECT, &format!("token={token}&unknown=x")).await
}

/// The answer for the audience of enrollment tokens.
async fn introspect_enrollment(at: &Running, token: &str) -> Said {
    form(at.admin(), INTROSPECT, &format!("token={token}&audience={}/enroll", at.url)).await
}

async fn is_inactive(at: &Running, token: &str, why: &str) {
    for said in [introspect(at, token).await, introspect_enrollment(at, token).await] {
        assert_eq!((said.status, said.text.as_str()), (200, r#"{"active":false}"#), "{why}");
    }
}

fn id_of(minted: &Value) -> &str {
    minted["token_id"].as_str().unwrap()
}

/// Every row but the CRL's number and the clock's mark, which timers move.
fn kept(at: &Running) -> Vec<(String, Vec<Vec<rusqlite::types::Value>>)> {
    let content = database::content(at.data_dir()).into_iter();
    // The sign-in of the client itself makes its address known.
    let moving = ["crl_numbers", "meta", "known_addresses"];
    content.filter(|(table, _)| !moving.contains(&table.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_valid_token_of_either_kind_is_active() {
    let at = start().await;
    let service = at.mint_service(json!({ "roles": ["proxy", "director"], "ttl": "10m" })).await;
    let said = introspect(&at, &token_of(&service)).await;
    let now = at.authority.time.now().secs();
    let expected = json!({ "active": true, "token_type": "role+jwt", "iss": at.url, "aud": AUDIENCE,
        "sub": id_of(&service), "jti": id_of(&service), "iat": now, "nbf": now, "exp": now + 600,
        "scope": "proxy director", "roles": ["proxy", "director"] });
    assert_eq!((said.status, &said.json), (200, &expected), "{}", said.text);
    assert_eq!(said.headers["cache-control"], "no-store");
    let persistent = at.mint(json!({ "persistent": true })).await;
    let said = introspect_enrollment(&at, &token_of(&persistent)).await.json;
    assert_eq!(said["token_type"], "enroll+jwt");
    assert_eq!((&said["aud"], &said["scope"]), (&json!(format!("{}/enroll", at.url)), &json!("")));
    assert!(said.get("exp").is_none() && said.get("client_id").is_none(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_an_invalid_token_is_only_inactive() {
    let at = start().await;
    let used = at.mint_once().await;
    assert_eq!(introspect_enrollment(&at, &used).await.json["active"], true);
    assert_eq!(Host::new().redeem(&at, &used).await.status, 200);
    is_inactive(&at, &used, "its use is taken").await;
    for persistent in [false, true] {
        let minted = at.mint(json!({ "persistent": persistent })).await;
        let token = token_of(&minted);
        assert_eq!(introspect_enrollment(&at, &token).await.json["active"], true);
        at.admin().delete(&format!("/api/v1/enrollment-tokens/{}", id_of(&minted))).await;
        is_inactive(&at, &token, "it was revoked").await;
    }
    let short = token_of(&at.mint_service(json!({ "ttl": "1m" })).await);
    assert_eq!(introspect(&at, &short).await.json["active"], true);
    at.clock.advance(Duration::from_secs(121));
    is_inactive(&at, &short, "it has expired").await;
    let before = kept(&at);
    for text in ["x", "eyJ.e30.x", &"a".repeat(5000), &format!("{short}x")] {
        is_inactive(&at, text, "it is not a token").await;
    }
    at.authority.upkeep.write_refusals().await.unwrap();
    assert_eq!(kept(&at), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_introspect_and_strangers_do_not() {
    let at = start().await;
    let token = token_of(&at.mint_service(json!({})).await);
    let body = format!("token={token}");
    for client in
        [at.stranger(), at.stranger().basic("admin", "wrong horse battery"), at.stranger().bearer(&token)]
    {
        let said = form(client, INTROSPECT, &body).await;
        assert_eq!((said.status, &said.json["error"]), (401, &json!("invalid_client")), "{}", said.text);
        assert!(said.headers["www-authenticate"].to_str().unwrap().starts_with("Basic "));
        assert!(!said.text.contains("eyJ") && said.json["error_description"].is_string());
    }
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    let said = form(host.client(&at, &enrolled), INTROSPECT, &body).await;
    assert_eq!((said.status, &said.json["active"]), (200, &json!(true)), "{}", said.text);
    let said = form(host.client(&at, &enrolled), REVOKE, &body).await;
    assert_eq!(said.status, 401, "asking is not taking back: {}", said.text);
    let wrong = host.client(&at, &enrolled).basic("admin", "wrong horse battery");
    assert_eq!(form(wrong, INTROSPECT, &body).await.status, 401, "a certificate mends no wrong password");
    let revoked =
        at.admin().delete(&format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap())).await;
    assert_eq!(revoked.status, 200);
    let said = form(host.client(&at, &enrolled), INTROSPECT, &body).await;
    assert_eq!((said.status, &said.json["error"]), (403, &json!("host_revoked")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_form_gets_an_oauth_error() {
    let at = start().await;
    for path in [INTROSPECT, REVOKE] {
        for body in ["", "token=", "other=x", "token=a&token=b", "token=a&x=1&x=2"] {
            let said = form(at.admin(), path, body).await;
            assert_eq!((said.status, &said.json["error"]), (400, &json!("invalid_request")), "{path} {body}");
        }
        let said = at.admin().post(path, &json!({ "token": "x" })).await;
        assert_eq!((said.status, &said.json["error"]), (400, &json!("invalid_request")), "{}", said.text);
        let said = form(at.admin(), path, &format!("token={}", "x".repeat(70_000))).await;
        assert_eq!((said.status, &said.json["error"]), (413, &json!("body_too_large")));
        let said = at.admin().get(path).await;
        assert_eq!((said.status, &said.json["error"]), (405, &json!("method_not_allowed")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_revokes_its_token() {
    let at = start().await;
    let service = token_of(&at.mint_service(json!({})).await);
    let enrollment = token_of(&at.mint(json!({ "persistent": true })).await);
    let expired = token_of(&at.mint_service(json!({ "ttl": "1m" })).await);
    at.clock.advance(Duration::from_secs(121));
    for (count, token) in [&service, &enrollment, &expired].into_iter().enumerate() {
        for _ in 0..2 {
            let said =
                form(at.admin(), REVOKE, &format!("token={token}&token_type_hint=refresh_token")).await;
            assert_eq!((said.status, said.text.as_str()), (200, ""));
        }
        assert_eq!(at.entries("token_revoked").await, count + 1, "once each");
        is_inactive(&at, token, "it was taken back").await;
    }
    let said = Host::new().redeem(&at, &enrollment).await;
    assert_eq!((said.status, said.code()), (410, "token_revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_an_unknown_token_writes_nothing() {
    let (at, elsewhere) = (start().await, Running::start().await);
    let foreign = elsewhere.mint_once().await;
    let before = kept(&at);
    for text in ["x", "eyJ.e30.x", &foreign] {
        assert_eq!(form(at.admin(), REVOKE, &format!("token={text}")).await.status, 200);
    }
    let header = r#"{"typ":"JWT","alg":"EdDSA","kid":"kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"}"#;
    let other =
        crate::support::forge::unsigned(header, "{}") + &format!(".{}", foreign.rsplit_once('.').unwrap().1);
    let said = form(at.admin(), REVOKE, &format!("token={other}")).await;
    assert_eq!((said.status, &said.json["error"]), (400, &json!("unsupported_token_type")));
    assert_eq!(form(at.stranger(), REVOKE, "token=x").await.status, 401);
    at.authority.upkeep.write_refusals().await.unwrap();
    assert_eq!(kept(&at), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_the_emergency_token_needs_confirmation() {
    let at = start().await;
    let token = at.emergency_token.clone().unwrap();
    let said = form(at.admin(), REVOKE, &format!("token={token}")).await;
    assert_eq!((said.status, &said.json["error"]), (409, &json!("emergency_token")));
    assert_eq!(introspect_enrollment(&at, &token).await.json["active"], true);
    assert_eq!(form(at.admin(), REVOKE, &format!("token={token}&confirm=emergency")).await.status, 200);
    is_inactive(&at, &token, "it was taken back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metadata_names_doors_that_are_there() {
    let at = start().await;
    let said = at.stranger().get("/.well-known/oauth-authorization-server").await;
    assert_eq!((said.status, &said.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    assert_eq!(said.json["issuer"], json!(at.url));
    assert_eq!(
        (&said.json["response_types_supported"], &said.json["grant_types_supported"]),
        (&json!([]), &json!([]))
    );
    let introspection = "introspection_endpoint_auth_methods_supported";
    let methods = json!(["client_secret_basic", "client_secret_post", "tls_client_auth"]);
    assert_eq!(said.json[introspection], methods);
    assert_eq!(
        said.json["revocation_endpoint_auth_methods_supported"],
        json!(["client_secret_basic", "client_secret_post"])
    );
    for (name, status) in [
        ("jwks_uri", 200),
        ("introspection_endpoint", 405),
        ("revocation_endpoint", 405),
        ("gatepass_enrollment_token_endpoint", 401),
        ("gatepass_service_token_endpoint", 401),
        ("gatepass_access_token_endpoint", 405),
        ("gatepass_bootstrap_endpoint", 405),
    ] {
        let path = said.json[name].as_str().unwrap().strip_prefix(&at.url).unwrap();
        assert_eq!(at.stranger().get(path).await.status, status, "{name}");
    }
    let etag = said.headers["etag"].to_str().unwrap();
    let again = at.stranger().header(http::header::IF_NONE_MATCH, etag);
    assert_eq!(again.get("/.well-known/oauth-authorization-server").await.status, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_audiences_token_is_revoked_too() {
    let at = start().await;
    let minted = at.mint_service(json!({ "roles": ["proxy"] })).await;
    // It starts again without any audience; the service itself still lets the token in.
    let at = at.restart().await;
    let said = form(at.admin(), REVOKE, &format!("token={}", token_of(&minted))).await;
    assert_eq!(said.status, 200, "{}", said.text);
    let shown = at.admin().get(&format!("/api/v1/service-tokens/{}", id_of(&minted))).await;
    assert_eq!(shown.json["state"], "revoked", "{}", shown.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_persistent_token_without_a_row_is_inactive() {
    let at = start().await;
    let (persistent, ephemeral) = (at.mint(json!({ "persistent": true })).await, at.mint(json!({})).await);
    let verify = async |minted: &Value| {
        at.admin().post("/api/v1/verify", &json!({ "tokens": [token_of(minted)] })).await
    };
    assert_eq!(introspect_enrollment(&at, &token_of(&persistent)).await.json["active"], true);
    assert_eq!(verify(&persistent).await.json["results"][0]["valid"], true);
    let beside = rusqlite::Connection::open(database::file(at.data_dir())).unwrap();
    assert_eq!(beside.execute("DELETE FROM tokens WHERE emergency = 0", []).unwrap(), 2);
    assert_eq!(Host::new().redeem(&at, &token_of(&persistent)).await.code(), "token_revoked");
    is_inactive(&at, &token_of(&persistent), "no row means revoked").await;
    let refused = verify(&persistent).await.json["results"][0].take();
    assert_eq!(refused, json!({ "valid": false, "reason": "token_revoked" }));

    beside.execute_batch("ALTER TABLE tokens RENAME TO away").unwrap();
    for said in [introspect_enrollment(&at, &token_of(&persistent)).await, verify(&persistent).await] {
        assert_eq!(said.status, 503, "not a word about the token: {}", said.text);
        assert!(said.headers.contains_key("retry-after"));
    }
    assert_eq!(introspect_enrollment(&at, &token_of(&ephemeral)).await.json["active"], true, "from memory");
    beside.execute_batch("ALTER TABLE away RENAME TO tokens").unwrap();
}
