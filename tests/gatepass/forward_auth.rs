//! Forward authentication: the answers to a proxy about its requests.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::authority::{AUDIENCE, PASSWORD, token_of};
use crate::support::wire::Wire;
use crate::support::{Host, Running, Said, database};

mod certificates;
mod proxies;

const AUTHORIZE: &str = "/api/v1/authorize";

async fn start() -> Running {
    Running::start_with(&[("tokens.audiences", AUDIENCE)]).await
}

async fn ask(at: &Running, token: &str, path: &str) -> Said {
    at.stranger().bearer(token).get(path).await
}

fn header<'a>(said: &'a Said, name: &str) -> Option<&'a str> {
    said.headers.get(name).map(|value| value.to_str().unwrap())
}

/// Every row but the CRL's number and the clock's mark, which timers move.
fn kept(at: &Running) -> BTreeMap<String, Vec<Vec<rusqlite::types::Value>>> {
    let mut content = database::content(at.data_dir());
    // The sign-in of the client itself makes its address known.
    content.retain(|table, _| !["crl_numbers", "meta", "known_addresses"].contains(&table.as_str()));
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_token_passes_by_any_method() {
    let at = start().await;
    let minted = at.mint_service(json!({ "roles": ["proxy", "director"] })).await;
    let client = at.stranger().bearer(&token_of(&minted));
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
    for (place, method) in methods.iter().enumerate() {
        // Envoy's request, with the guarded request's path added, gets the answer that Envoy needs.
        let asked =
            [(AUTHORIZE, 204), ("/api/v1/authorize-with/role=proxy/guarded/x?role=none&any=thing", 200)];
        let (path, yes) = asked[place % 2];
        let said = client.send(method.parse().unwrap(), path, None).await;
        assert_eq!((said.status, said.text.as_str()), (yes, ""), "{method} {path}");
        assert_eq!(header(&said, "x-gatepass-subject"), minted["token_id"].as_str());
        assert_eq!(header(&said, "x-gatepass-roles"), Some("proxy,director"));
        assert_eq!(header(&said, "x-gatepass-host"), None);
        assert_eq!(header(&said, "cache-control"), Some("no-store"));
    }
    for (path, yes) in [
        ("/api/v1/authorize?role=proxy&role=director", 204),
        ("/api/v1/authorize?audience=https%3A%2F%2Fjobs.example.org&role=proxy", 204),
        ("/api/v1/authorize/?role=none", 404),
        ("/api/v1/authorize/role=none", 404),
        ("/api/v1/authorize-with/role=proxy", 200),
        ("/api/v1/authorize-with/role=proxy/", 200),
        ("/api/v1/authorize-with/role=proxy&audience=https:%2F%2Fjobs.example.org/guarded?audience=x", 200),
    ] {
        assert_eq!(client.get(path).await.status, yes, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_role_is_403_with_the_scope() {
    let at = start().await;
    let token = token_of(&at.mint_service(json!({ "roles": ["proxy"] })).await);
    for path in [
        "/api/v1/authorize?role=proxy&role=director",
        "/api/v1/authorize-with/role=proxy&role=director",
        "/api/v1/authorize-with/role=proxy&role=director/guarded?role=proxy",
    ] {
        let said = ask(&at, &token, path).await;
        assert_eq!((said.status, said.code()), (403, "insufficient_scope"), "{path}");
        let challenge = header(&said, "www-authenticate").unwrap();
        assert!(
            challenge.starts_with("Bearer ") && challenge.contains("scope=\"proxy director\""),
            "{challenge}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_valid_service_token_passes() {
    let at = start().await;
    let good = token_of(&at.mint_service(json!({ "roles": ["proxy"] })).await);
    let enrollment = at.mint_once().await;
    let before = kept(&at);
    let mut forged = good.clone();
    forged.replace_range(
        forged.len() - 20..forged.len() - 19,
        if good.as_bytes()[good.len() - 20] == b'A' { "B" } else { "A" },
    );
    for token in [enrollment.as_str(), &forged, "eyJ.e30.x", "x", "", &"x".repeat(5000)] {
        let said = ask(&at, token, AUTHORIZE).await;
        assert_eq!((said.status, said.code()), (401, "invalid_token"), "{token}");
        assert!(header(&said, "www-authenticate").unwrap().contains("error=\"invalid_token\""));
    }
    let nothing = at.stranger().get(AUTHORIZE).await;
    assert_eq!(header(&nothing, "www-authenticate"), Some("Bearer realm=\"gatepass\""), "{}", nothing.text);
    assert_eq!(nothing.status, 401);
    let user = at.admin().get(AUTHORIZE).await;
    assert_eq!((user.status, user.code()), (401, "invalid_token"), "a sign-in is for the guarded service");
    let local = at.stranger().basic("admin", PASSWORD).post(AUTHORIZE, &json!({})).await;
    assert_eq!(local.status, 401);
    assert_eq!(ask(&at, &good, AUTHORIZE).await.status, 204);
    at.authority.upkeep.write_refusals().await.unwrap();
    assert_eq!(kept(&at), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_passed_token_is_refused_after_its_end() {
    let at = start().await;
    let minted = at.mint_service(json!({ "roles": ["proxy"] })).await;
    let token = token_of(&minted);
    assert_eq!(ask(&at, &token, AUTHORIZE).await.status, 204);
    let path = format!("/api/v1/service-tokens/{}", minted["token_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.status, 200);
    let said = ask(&at, &token, AUTHORIZE).await;
    assert_eq!((said.status, said.code()), (401, "invalid_token"));
    assert!(said.json["detail"].as_str().unwrap().contains("revoked"), "{}", said.text);

    let token = token_of(&at.mint_service(json!({ "ttl": "5m" })).await);
    assert_eq!(ask(&at, &token, AUTHORIZE).await.status, 204);
    at.clock.advance(Duration::from_secs(300 + 61));
    assert_eq!(ask(&at, &token, AUTHORIZE).await.status, 401);

    let token = token_of(&at.mint_service(json!({})).await);
    assert_eq!(ask(&at, &token, AUTHORIZE).await.status, 204);
    let kid = at.authority.trust.ring().current(gatepass::token::KeyUse::Service).key_id();
    let retired =
        at.admin().post(&format!("/api/v1/signing-keys/{kid}/retire"), &json!({ "compromised": true })).await;
    assert_eq!(retired.status, 200, "{}", retired.text);
    assert_eq!(ask(&at, &token, AUTHORIZE).await.status, 401, "no signature outlives its key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_only_its_own_audience() {
    let both = format!("{AUDIENCE},urn:example:files");
    let at = Running::start_with(&[("tokens.audiences", &both)]).await;
    let token = token_of(&at.mint_service(json!({})).await);
    for (path, status) in [
        ("/api/v1/authorize?audience=https://jobs.example.org", 204),
        ("/api/v1/authorize?audience=urn:example:files", 401),
        ("/api/v1/authorize-with/audience=urn:example:files/guarded?audience=https://jobs.example.org", 401),
        ("/api/v1/authorize", 400),
        ("/api/v1/authorize?audience=https://other.example.org", 400),
        ("/api/v1/authorize?audience=urn:example:files&audience=https://jobs.example.org", 400),
        ("/api/v1/authorize?role=Proxy", 400),
        ("/api/v1/authorize?roles=proxy", 400),
    ] {
        let said = ask(&at, &token, path).await;
        assert_eq!(said.status, status, "{path}: {}", said.text);
    }
    let none = Running::start().await;
    let said = ask(&none, &token, AUTHORIZE).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("audience")));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_credentials_are_refused() {
    let at = start().await;
    let token = token_of(&at.mint_service(json!({})).await);
    let line = format!("authorization: Bearer {token}");
    let mut wire = Wire::open(&at).await;
    assert_eq!(wire.ask("GET", AUTHORIZE, &[&line, &line], "").await.status, 401);
    let form = "content-type: text/plain";
    let mut wire = Wire::open(&at).await;
    assert_eq!(wire.ask("POST", AUTHORIZE, &[&line, form], "anything").await.status, 204);
    let said: Value = at.stranger().send(Method::POST, AUTHORIZE, Some("{".to_owned())).await.json;
    assert_eq!(said["code"], "invalid_token");
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    let said = host.client(&at, &enrolled).send(Method::PUT, AUTHORIZE, Some("no json".to_owned())).await;
    assert_eq!(said.status, 204, "{}", said.text);
}
