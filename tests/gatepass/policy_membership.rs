//! Policies and their hosts: certificates, approval, moves, limits, and the end of hosts without a disk.

mod ephemeral;
mod limits;
mod moves;
mod on_the_command_line;
mod overtaken;
mod roles;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::{Host, Running, Said};

const DAY: Duration = Duration::from_secs(86_400);
const HOSTS: &str = "/api/v1/hosts";
const POLICIES: &str = "/api/v1/policies";
const WHOAMI: &str = "/api/v1/whoami";

/// Creates a policy; the whole answer.
async fn policy(at: &Running, terms: Value) -> Value {
    let said = at.admin().post(POLICIES, &terms).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

/// A policy for hosts with the role `proxy`; the whole answer.
async fn proxies(at: &Running, name: &str) -> Value {
    policy(at, json!({ "name": name, "roles": ["proxy"] })).await
}

/// The first token of a created policy.
fn first_token(policy: &Value) -> String {
    token_of(&policy["first_token"])
}

/// Enrolls a new host; its machine and the answer.
async fn enroll(at: &Running, token: &str) -> (Host, Value) {
    let host = Host::new();
    let said = host.redeem(at, token).await;
    assert_eq!(said.status, 200, "{}", said.text);
    (host, said.json)
}

fn id_of(enrolled: &Value) -> &str {
    enrolled["host_id"].as_str().unwrap()
}

async fn shown(at: &Running, enrolled: &Value) -> Value {
    at.admin().get(&format!("{HOSTS}/{}", id_of(enrolled))).await.json
}

/// Renews with the same key; the whole answer.
async fn renew(at: &Running, host: &Host, enrolled: &Value) -> Value {
    let said = host.client(at, enrolled).post("/api/v1/renew", &json!({ "csr": host.csr() })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

/// Changes a host.
async fn change(at: &Running, enrolled: &Value, body: Value) -> Said {
    at.admin().patch(&format!("{HOSTS}/{}", id_of(enrolled)), &body).await
}

fn is_refused(said: &Said, status: u16, code: &str) {
    assert_eq!((said.status, said.code()), (status, code), "{}", said.text);
}

/// The time of a member of an answer, after the clock of the authority.
fn after_now(at: &Running, answer: &Value, member: &str) -> Duration {
    let time = gatepass::clock::Timestamp::parse_rfc3339(answer[member].as_str().unwrap()).unwrap();
    time.since(at.clock_reading())
}

/// "A policy tells a host what it is for: how long its certificate lives, which roles it may carry."
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_sets_the_life_of_certificates() {
    let at = Running::start().await;
    let terms = json!({ "name": "edge", "roles": ["proxy"], "certificate_lifetime": "10d", "renew_at": 0.5 });
    let policy = policy(&at, terms).await;
    let (host, enrolled) = enroll(&at, &first_token(&policy)).await;
    assert_eq!(after_now(&at, &enrolled, "expires_at"), DAY * 10);
    assert_eq!(after_now(&at, &enrolled, "renew_after"), DAY * 5);
    let item = shown(&at, &enrolled).await;
    assert_eq!((&item["policy"], &item["policy_name"]), (&policy["id"], &json!("edge")));
    let said = host.client(&at, &enrolled).get(WHOAMI).await;
    assert_eq!(said.json["renew_after"], enrolled["renew_after"]);
    at.clock.advance(DAY * 6);
    assert_eq!(shown(&at, &enrolled).await["state"], "expiring");
    assert_eq!(
        at.admin().get(&format!("{HOSTS}?state=expiring")).await.json["items"][0]["id"],
        enrolled["host_id"]
    );
    let renewed = renew(&at, &host, &enrolled).await;
    assert_eq!(after_now(&at, &renewed, "renew_after"), DAY * 5);
    at.stop().await;
}

/// A changed policy takes effect with the next certificate.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_uses_the_current_policy() {
    let at = Running::start().await;
    let policy = proxies(&at, "edge").await;
    let (host, enrolled) = enroll(&at, &first_token(&policy)).await;
    let path = format!("{POLICIES}/{}", policy["id"].as_str().unwrap());
    let changed = at.admin().patch(&path, &json!({ "certificate_lifetime": "2d" })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let renewed = renew(&at, &host, &enrolled).await;
    assert_eq!(after_now(&at, &renewed, "expires_at"), DAY * 2);
    at.stop().await;
}

/// FLEETS: "The strictest of the three holds."
#[tokio::test(flavor = "multi_thread")]
async fn the_strictest_approval_of_three_holds() {
    let at = Running::start().await;
    for (of_token, of_policy, setting) in [
        ("require", "off", "off"),
        ("off", "require", "off"),
        ("warn", "off", "require"),
        ("warn", "warn", "off"),
    ] {
        let name = format!("{of_token} {of_policy} {setting}");
        let policy = policy(&at, json!({ "name": name, "roles": ["proxy"], "approval": of_policy })).await;
        let setting = at.admin().patch("/api/v1/settings", &json!({ "approval": setting })).await;
        assert_eq!(setting.status, 200, "{}", setting.text);
        let order = json!({ "policy": policy["id"], "roles": ["proxy"], "approval": of_token });
        let said = Host::new().redeem(&at, &token_of(&at.mint(order).await)).await;
        let expected = if name.contains("require") { 202 } else { 200 };
        assert_eq!(said.status, expected, "{name}: {}", said.text);
    }
    at.stop().await;
}

/// "Approving admits the host and makes the certificate in the same transaction."
#[tokio::test(flavor = "multi_thread")]
async fn an_approved_host_gets_the_policy_of_its_token() {
    let at = Running::start().await;
    let terms =
        json!({ "name": "edge", "roles": ["proxy"], "approval": "require", "certificate_lifetime": "3d" });
    let policy = policy(&at, terms).await;
    let host = Host::new();
    let waiting = host.redeem(&at, &first_token(&policy)).await;
    assert_eq!(waiting.status, 202, "{}", waiting.text);
    let enrollment = format!("/api/v1/enrollments/{}", waiting.json["enrollment_id"].as_str().unwrap());
    assert_eq!(at.admin().get(&enrollment).await.json["policy"], policy["id"]);
    let beyond = at.admin().post(&format!("{enrollment}/approve"), &json!({ "roles": ["director"] })).await;
    is_refused(&beyond, 409, "roles_not_in_policy");
    let approved = at.admin().post(&format!("{enrollment}/approve"), &json!({})).await;
    assert_eq!(approved.status, 200, "{}", approved.text);
    let enrolled = host.redeem(&at, &first_token(&policy)).await;
    assert_eq!((enrolled.status, after_now(&at, &enrolled.json, "expires_at")), (200, DAY * 3));
    assert_eq!(shown(&at, &enrolled.json).await["policy"], policy["id"]);
    at.stop().await;
}

/// "A host keeps a role that its policy lost until an operator takes it."
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_role_stays_on_enrolled_hosts_only() {
    let at = Running::start().await;
    let policy = policy(&at, json!({ "name": "edge", "roles": ["proxy", "director"] })).await;
    let token = first_token(&policy);
    let (host, before) = enroll(&at, &token).await;
    let path = format!("{POLICIES}/{}", policy["id"].as_str().unwrap());
    assert_eq!(at.admin().patch(&path, &json!({ "roles": ["proxy"] })).await.status, 200);
    assert_eq!(renew(&at, &host, &before).await["roles"], json!(["proxy", "director"]));
    let (_, after) = enroll(&at, &token).await;
    assert_eq!(after["roles"], json!(["proxy"]), "the policy caps the token");
    is_refused(
        &change(&at, &after, json!({ "roles": ["proxy", "director"] })).await,
        409,
        "roles_not_in_policy",
    );
    let kept = change(&at, &before, json!({ "roles": ["director"] })).await;
    assert_eq!(kept.status, 200, "a role is taken, none is added: {}", kept.text);
    at.stop().await;
}

/// Deleting a policy revokes its tokens, and a host's policy cannot be deleted.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_a_deleted_policy_is_refused() {
    let at = Running::start().await;
    let policy = proxies(&at, "edge").await;
    let path = format!("{POLICIES}/{}", policy["id"].as_str().unwrap());
    let (_, enrolled) = enroll(&at, &first_token(&policy)).await;
    assert_eq!(at.admin().delete(&path).await.status, 409, "a host has it");
    assert_eq!(change(&at, &enrolled, json!({ "policy": null })).await.status, 200);
    assert_eq!(at.admin().delete(&path).await.status, 200);
    is_refused(&Host::new().redeem(&at, &first_token(&policy)).await, 410, "token_revoked");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_listed_by_their_policy() {
    let at = Running::start().await;
    let (one, other) = (proxies(&at, "one").await, proxies(&at, "other, too").await);
    let (_, enrolled) = enroll(&at, &first_token(&one)).await;
    enroll(&at, &first_token(&other)).await;
    let id = one["id"].as_str().unwrap();
    let listed = at.admin().get(&format!("{HOSTS}?policy={id}")).await.json;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["id"], enrolled["host_id"]);
    let csv = at.admin().get(&format!("{HOSTS}?format=csv")).await.text;
    let header = csv.lines().next().unwrap();
    assert!(header.contains(",policy,") || header.contains("POLICY"), "{header}");
    assert!(csv.contains(",\"other, too\","), "{csv}");
    is_refused(&at.admin().get(&format!("{HOSTS}?policy=one")).await, 400, "invalid_request");
    at.stop().await;
}
