//! Ends of access tokens: their time, and the end of their host or certificate.

use std::time::Duration;

use serde_json::{Value, json};

use super::{introspect, part, refused, verify};
use crate::support::authority::AUDIENCE;
use crate::support::client::Client;
use crate::support::fleet::{ACCESS_TOKEN, Member, POLICY, policy, start};
use crate::support::{Host, Running, Said};

const AUTHORIZE: &str = "/api/v1/authorize?role=allocator";
const HOUR: Duration = Duration::from_secs(3600);

async fn member(at: &Running) -> Member {
    Member::of(at, &policy(at, "edge", json!({})).await).await
}

/// The answers of forward authentication, introspection and verification.
async fn asked(at: &Running, client: Client, token: &str) -> (Said, Value, Value) {
    (client.bearer(token).get(AUTHORIZE).await, introspect(at, token).await, verify(at, token).await)
}

/// "If the API key is invalid, Fleet Server stops communicating with Elastic Agent." Every check refuses the token at once
/// after the host is revoked.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_at_once_with_its_host() {
    let at = start().await;
    let member = member(&at).await;
    let token = member.access_token().await;
    assert_eq!(introspect(&at, &token).await["active"], true);
    member.revoke(&at).await;
    let own = member.host.client(&at, &member.enrolled);
    let (authorized, introspected, verified) = asked(&at, own, &token).await;
    refused(&authorized, 403, "host_revoked");
    assert_eq!(introspected, json!({ "active": false }));
    assert_eq!(verified, json!({ "valid": false, "reason": "token_host_revoked" }));
}

/// "403 `host_revoked` on check-in, policy and renew", and on access tokens; the same for a host in quarantine.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_host_gets_nothing() {
    let at = start().await;
    let edge = policy(&at, "edge", json!({})).await;
    let revoked = Member::of(&at, &edge).await;
    revoked.revoke(&at).await;
    let mut copied = Member::of(&at, &edge).await;
    let former = copied.renew(&at).await;
    at.clock.advance(HOUR * 2);
    let conflict = former.client.post("/api/v1/renew", &json!({ "csr": Host::new().csr() })).await;
    refused(&conflict, 403, "lineage_conflict");
    for (host, code) in
        [(&revoked, "host_revoked"), (&copied, "host_quarantined"), (&former, "host_quarantined")]
    {
        let report = json!({ "version": "1", "status": "healthy" });
        refused(&host.check_in(&report).await, 403, code);
        refused(&host.client.get(POLICY).await, 403, code);
        refused(&host.client.post(ACCESS_TOKEN, &json!({ "audience": AUDIENCE })).await, 403, code);
        refused(&host.client.post("/api/v1/renew", &json!({ "csr": Host::new().csr() })).await, 403, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantine_ends_the_tokens_of_both_machines() {
    let at = start().await;
    let mut member = member(&at).await;
    let former = member.renew(&at).await;
    let tokens = [former.access_token().await, member.access_token().await];
    at.clock.advance(Duration::from_secs(60));
    let conflict = former.client.post("/api/v1/renew", &json!({ "csr": Host::new().csr() })).await;
    refused(&conflict, 403, "lineage_conflict");
    for (token, of) in tokens.iter().zip([&former, &member]) {
        let own = of.host.client(&at, &of.enrolled);
        let (authorized, introspected, verified) = asked(&at, own, token).await;
        refused(&authorized, 403, "host_quarantined");
        assert_eq!(introspected, json!({ "active": false }));
        assert_eq!(verified["reason"], "token_host_quarantined");
    }
    // A released host uses its tokens again; the other machine's certificate is revoked.
    let serial =
        at.admin().get(&format!("/api/v1/hosts/{}", member.id())).await.json["certificate"]["serial"].clone();
    let path = format!("/api/v1/hosts/{}/release", member.id());
    assert_eq!(at.admin().post(&path, &json!({ "serial": serial })).await.status, 200);
    assert_eq!(introspect(&at, &tokens[1]).await["active"], true);
    assert_eq!(verify(&at, &tokens[0]).await["reason"], "token_certificate_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lasts_as_long_as_its_certificate_counts() {
    let at = start().await;
    let mut member = member(&at).await;
    let former = member.renew(&at).await;
    let token = former.access_token().await;
    assert_eq!(introspect(&at, &token).await["active"], true, "in the overlap");
    let reenrolled =
        at.admin().post(&format!("/api/v1/hosts/{}/reenrollment-token", member.id()), &json!({})).await;
    let next = Host::new();
    let said = next.redeem(&at, reenrolled.json["token"].as_str().unwrap()).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(introspect(&at, &token).await, json!({ "active": false }));
    assert_eq!(verify(&at, &token).await["reason"], "token_certificate_ended");
}

/// A superseded certificate counts until its overlap is over, and so does its token.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_the_overlap_of_its_certificate() {
    let at = start().await;
    let mut member = member(&at).await;
    let former = member.renew(&at).await;
    at.clock.advance(HOUR - Duration::from_secs(300));
    let lasts = async |host: &Member| {
        let said = host.client.post(ACCESS_TOKEN, &json!({ "audience": AUDIENCE })).await;
        assert_eq!(said.status, 200, "{}", said.text);
        said.json["expires_in"].as_u64().unwrap()
    };
    assert_eq!((lasts(&former).await, lasts(&member).await), (300, 900));
    at.clock.advance(Duration::from_secs(299));
    assert_eq!(lasts(&former).await, 1);
    at.clock.advance(Duration::from_secs(1));
    let over = former.client.post(ACCESS_TOKEN, &json!({ "audience": AUDIENCE })).await;
    refused(&over, 403, "certificate_superseded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_after_its_minutes() {
    let at = start().await;
    let member = member(&at).await;
    let token = member.access_token().await;
    at.clock.advance(Duration::from_secs(900));
    assert_eq!(introspect(&at, &token).await["active"], true, "the leeway of a minute");
    at.clock.advance(Duration::from_secs(61));
    let own = member.host.client(&at, &member.enrolled);
    let (authorized, introspected, verified) = asked(&at, own, &token).await;
    refused(&authorized, 401, "invalid_token");
    assert_eq!((introspected, &verified["reason"]), (json!({ "active": false }), &json!("token_expired")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_token_is_configured() {
    let set =
        [("tokens.audiences", AUDIENCE), ("tokens.access_ttl", "1h"), ("hosts.certificate_lifetime", "90m")];
    let at = Running::start_with(&set).await;
    let member = member(&at).await;
    let life =
        |token: &str| part(token, 1)["exp"].as_i64().unwrap() - part(token, 1)["iat"].as_i64().unwrap();
    assert_eq!(life(&member.access_token().await), 3600);
    at.clock.advance(HOUR);
    let said = member.client.post(ACCESS_TOKEN, &json!({ "audience": AUDIENCE })).await;
    assert_eq!(said.json["expires_in"], 1800, "it ends with the certificate: {}", said.text);
}
