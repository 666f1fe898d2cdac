//! Access tokens: what a host may use, for minutes, with its certificate.

mod ended;
mod forward_auth;
mod keys;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepass::ca::pem_to_der;
use gatepass::id::CertificateThumbprint;
use gatepass::token::VerifyError;
use gatepass::verifier::{Refusal, Verifier};
use serde_json::{Value, json};

use crate::support::authority::AUDIENCE;
use crate::support::fleet::{ACCESS_TOKEN, Member, change, policy, start};
use crate::support::{Host, Running, Said};

/// A part of a token, decoded.
fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// The thumbprint of a host's certificate.
fn thumbprint(enrolled: &Value) -> CertificateThumbprint {
    let pem = enrolled["certificate"].as_str().unwrap();
    CertificateThumbprint::of(&pem_to_der("CERTIFICATE", pem).unwrap())
}

async fn introspect(at: &Running, token: &str) -> Value {
    at.admin().post_form("/oauth2/introspect", format!("token={token}&audience={AUDIENCE}")).await.json
}

async fn verify(at: &Running, token: &str) -> Value {
    let said = at.admin().post("/api/v1/verify", &json!({ "tokens": [token] })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json["results"][0].clone()
}

fn refused(said: &Said, status: u16, code: &str) {
    assert_eq!((said.status, said.code()), (status, code), "{}", said.text);
}

/// "After the initial connection request from Elastic Agent, Fleet Server passes a communication API key to the agent."
/// "This API key includes only the necessary permissions to communicate with Fleet Server."
#[tokio::test(flavor = "multi_thread")]
async fn a_host_gets_a_token_bound_to_it() {
    let at = start().await;
    let member = Member::of(&at, &policy(&at, "edge", json!({})).await).await;
    let said = member.client.post(ACCESS_TOKEN, &json!({ "audience": AUDIENCE })).await;
    assert_eq!((said.status, &said.json["token_type"]), (200, &json!("Bearer")), "{}", said.text);
    assert_eq!(
        (&said.json["expires_in"], &said.headers["cache-control"]),
        (&json!(900), &"no-store".parse().unwrap())
    );
    let token = said.json["access_token"].as_str().unwrap();
    let (header, claims) = (part(token, 0), part(token, 1));
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("EdDSA")));
    let jwks = at.stranger().get("/.well-known/jwks.json").await.json;
    let key = jwks["keys"].as_array().unwrap().iter().find(|key| key["kid"] == header["kid"]).unwrap();
    assert_eq!(key["gatepass_typ"], "at+jwt");
    let now = at.clock_reading().secs();
    let expected = json!({
        "iss": at.url, "aud": AUDIENCE, "sub": member.id(), "client_id": member.id(), "jti": claims["jti"],
        "iat": now, "exp": now + 900, "roles": ["allocator"], "cnf": { "x5t#S256": thumbprint(&member.enrolled) },
    });
    assert_eq!(claims, expected);
    assert_ne!(part(&member.access_token().await, 1)["jti"], claims["jti"], "each has its own id");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_audiences_of_the_policy_are_given() {
    let at =
        Running::start_with(&[("tokens.audiences", "https://jobs.example.org,https://other.example.org")])
            .await;
    let edge = policy(&at, "edge", json!({})).await;
    let member = Member::of(&at, &edge).await;
    for audience in ["https://other.example.org", "https://unknown.example.org", ""] {
        refused(
            &member.client.post(ACCESS_TOKEN, &json!({ "audience": audience })).await,
            403,
            "audience_not_allowed",
        );
    }
    let other = json!({ "audiences": ["https://other.example.org"] });
    change(&at, &edge, other).await;
    refused(
        &member.client.post(ACCESS_TOKEN, &json!({ "audience": AUDIENCE })).await,
        403,
        "audience_not_allowed",
    );
    let said = member.client.post(ACCESS_TOKEN, &json!({ "audience": "https://other.example.org" })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    for body in
        [json!({}), json!({ "audience": AUDIENCE, "roles": ["director"] }), json!({ "audience": [AUDIENCE] })]
    {
        refused(&member.client.post(ACCESS_TOKEN, &body).await, 400, "invalid_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_a_policy_gets_no_token() {
    let at = start().await;
    let member = Member::with(&at, &at.mint_once().await).await;
    let said = member.client.post(ACCESS_TOKEN, &json!({ "audience": AUDIENCE })).await;
    refused(&said, 403, "no_policy");
    assert!(said.json["detail"].as_str().unwrap().contains("gatepass host move"), "{}", said.text);
    for caller in [at.stranger(), at.admin()] {
        refused(&caller.post(ACCESS_TOKEN, &json!({ "audience": AUDIENCE })).await, 401, "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_and_introspection_name_the_certificate() {
    let at = start().await;
    let member = Member::of(&at, &policy(&at, "edge", json!({})).await).await;
    let token = member.access_token().await;
    let (claims, cnf) = (part(&token, 1), json!({ "x5t#S256": thumbprint(&member.enrolled) }));
    let expected = json!({
        "active": true, "token_type": "at+jwt", "iss": at.url, "aud": AUDIENCE, "sub": member.id(),
        "client_id": member.id(), "jti": claims["jti"], "iat": claims["iat"], "nbf": claims["iat"], "exp": claims["exp"],
        "scope": "allocator", "roles": ["allocator"], "cnf": cnf,
    });
    assert_eq!(introspect(&at, &token).await, expected);
    let found = verify(&at, &token).await;
    assert_eq!((&found["valid"], &found["kind"]), (&json!(true), &json!("access")), "{found}");
    assert_eq!((&found["host_id"], &found["cnf"]), (&json!(member.id()), &cnf));
    let service = at.mint_service(json!({ "roles": ["proxy"] })).await;
    let other = introspect(&at, service["token"].as_str().unwrap()).await;
    assert!(other.get("cnf").is_none() && other.get("client_id").is_none(), "{other}");
}

/// "The verifying library accepts and checks the binding."
#[tokio::test(flavor = "multi_thread")]
async fn the_library_accepts_the_token_with_its_certificate() {
    let at = start().await;
    let edge = policy(&at, "edge", json!({})).await;
    let (member, other) = (Member::of(&at, &edge).await, Member::of(&at, &edge).await);
    let token = member.access_token().await;
    let verifier = Verifier::new(&at.url, AUDIENCE);
    let now = at.clock_reading();
    verifier.update_keys(&at.stranger().get("/.well-known/jwks.json").await.text, now).unwrap();
    let grant = verifier.verify_access(&token, thumbprint(&member.enrolled), now).unwrap();
    assert!(grant.has_role("allocator") && grant.host.to_string() == member.id());
    let wrong = verifier.verify_access(&token, thumbprint(&other.enrolled), now);
    assert_eq!(wrong, Err(Refusal::Token(VerifyError::WrongCertificate)));
    assert_eq!(verifier.verify(&token, now), Err(Refusal::Token(VerifyError::WrongType)));
}

/// "It opens no route of gatepass's own."
#[tokio::test(flavor = "multi_thread")]
async fn an_access_token_opens_no_route() {
    let at = start().await;
    let member = Member::of(&at, &policy(&at, "edge", json!({})).await).await;
    let token = member.access_token().await;
    let bearer = || at.stranger().bearer(&token);
    for path in ["/api/v1/hosts", "/api/v1/policies", "/api/v1/overview", "/api/v1/whoami", "/api/v1/policy"]
    {
        refused(&bearer().get(path).await, 401, "unauthenticated");
    }
    for path in ["/api/v1/checkin", ACCESS_TOKEN, "/api/v1/leave"] {
        refused(&bearer().post(path, &json!({})).await, 401, "unauthenticated");
    }
    let redeemed = bearer().post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await;
    refused(&redeemed, 401, "invalid_token");
    let taken = at.admin().post_form("/oauth2/revoke", format!("token={token}")).await;
    assert_eq!(
        (taken.status, &taken.json["error"]),
        (400, &json!("unsupported_token_type")),
        "{}",
        taken.text
    );
}
