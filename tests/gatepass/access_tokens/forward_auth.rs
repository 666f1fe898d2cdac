//! Access tokens at forward authentication: with the certificate that they are bound to, and not without it.

use http::HeaderName;
use serde_json::json;

use crate::access_tokens::refused;
use crate::support::Running;
use crate::support::authority::AUDIENCE;
use crate::support::fleet::{Member, policy, start};

const AUTHORIZE: &str = "/api/v1/authorize?role=allocator";

/// Everything but letters and digits escaped.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_passes_with_its_certificate_alone() {
    let at = start().await;
    let edge = policy(&at, "edge", json!({})).await;
    let (member, other) = (Member::of(&at, &edge).await, Member::of(&at, &edge).await);
    let token = member.access_token().await;
    let own = || member.host.client(&at, &member.enrolled).bearer(&token);
    let said = own().get(AUTHORIZE).await;
    assert_eq!((said.status, said.text.as_str()), (204, ""), "{}", said.text);
    for name in ["x-gatepass-subject", "x-gatepass-host"] {
        assert_eq!(said.headers[name], member.id(), "{name}");
    }
    assert_eq!(said.headers["x-gatepass-roles"], "allocator");
    let envoy = own().get("/api/v1/authorize-with/role=allocator/guarded").await;
    assert_eq!(envoy.status, 200, "{}", envoy.text);
    refused(&own().get("/api/v1/authorize?role=director").await, 403, "insufficient_scope");
    refused(&at.stranger().bearer(&token).get(AUTHORIZE).await, 401, "invalid_token");
    let stolen = other.host.client(&at, &other.enrolled).bearer(&token).get(AUTHORIZE).await;
    refused(&stolen, 401, "invalid_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_passes_the_certificate_of_a_token() {
    const PASSED: &str = "x-client-cert";
    let at = Running::start_with(&[
        ("tokens.audiences", AUDIENCE),
        ("http.trusted_proxies", "127.0.0.0/8, ::1"),
        ("http.client_certificate_header", PASSED),
    ])
    .await;
    let edge = policy(&at, "edge", json!({})).await;
    let (member, other) = (Member::of(&at, &edge).await, Member::of(&at, &edge).await);
    let token = member.access_token().await;
    let passing = |of: &Member| {
        let certificate = escaped(of.enrolled["certificate"].as_str().unwrap());
        at.stranger().bearer(&token).header(HeaderName::from_static(PASSED), &certificate)
    };
    assert_eq!(passing(&member).get(AUTHORIZE).await.status, 204);
    refused(&passing(&other).get(AUTHORIZE).await, 401, "invalid_token");
    // The certificate of the proxy itself is nobody's.
    let forwarded = member.host.client(&at, &member.enrolled).bearer(&token);
    let forwarded = forwarded.header(HeaderName::from_static("x-forwarded-for"), "198.51.100.7");
    refused(&forwarded.get(AUTHORIZE).await, 401, "invalid_token");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_passes_for_its_own_audience_alone() {
    let both = "https://jobs.example.org,https://other.example.org";
    let at = Running::start_with(&[("tokens.audiences", both)]).await;
    let member = Member::of(&at, &policy(&at, "edge", json!({})).await).await;
    let token = member.access_token().await;
    let ask = async |audience: &str| {
        let client = member.host.client(&at, &member.enrolled).bearer(&token);
        client.get(&format!("/api/v1/authorize?audience={audience}")).await
    };
    assert_eq!(ask(AUDIENCE).await.status, 204);
    refused(&ask("https://other.example.org").await, 401, "invalid_token");
}
