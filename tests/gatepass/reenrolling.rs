//! Re-enrollment: a token brings one host back, with its id, its name and its roles, and shuts its former certificates out.

mod killed;
mod on_the_host;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::database::{one, reader};
use crate::support::{Host, Running, Said};

const HOSTS: &str = "/api/v1/hosts";
const NAME: &str = "node-1.example.org";
const WHOAMI: &str = "/api/v1/whoami";

/// An enrolled host with [`NAME`], the role `proxy`, and the cluster `ran-a`.
async fn enrolled(at: &Running) -> (Host, Value, String) {
    let request = json!({ "roles": ["proxy"], "dns_names": ["*.example.org"], "cluster_id": "ran-a" });
    let (host, minted) = (Host::new(), at.mint(request).await);
    let claims = json!({ "name": NAME, "cluster": "ran-a" });
    let said = host.redeem_with(at, &token_of(&minted), claims).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(host.client(at, &said.json).get(WHOAMI).await.status, 200);
    let id = said.json["host_id"].as_str().unwrap().to_owned();
    (host, said.json, id)
}

async fn ask(caller: &Client, host: &str, body: Value) -> Said {
    caller.post(&format!("{HOSTS}/{host}/reenrollment-token"), &body).await
}

/// A re-enrollment token of a host: the whole answer.
async fn reenrollment(at: &Running, host: &str) -> Value {
    let said = ask(&at.admin(), host, json!({})).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

async fn host(at: &Running, id: &str) -> Value {
    at.admin().get(&format!("{HOSTS}/{id}")).await.json
}

async fn hosts(at: &Running) -> usize {
    at.admin().get(HOSTS).await.json["items"].as_array().unwrap().len()
}

async fn used(at: &Running, minted: &Value) -> Value {
    at.token(minted["token_id"].as_str().unwrap()).await["used"].clone()
}

fn is_refused(said: &Said, status: u16, code: &str) {
    assert_eq!((said.status, said.code()), (status, code), "{}", said.text);
}

/// Telovix: "Always use a re-enrollment token when updating credentials on an existing sensor."
#[tokio::test(flavor = "multi_thread")]
async fn a_re_enrolled_host_keeps_id_name_and_roles() {
    let at = Running::start().await;
    let (old, before, id) = enrolled(&at).await;
    let minted = reenrollment(&at, &id).await;
    assert_eq!((&minted["kind"], &minted["max_uses"]), (&json!("re-enrollment"), &json!(1)));
    assert_eq!((&minted["host_id"], &minted["roles"]), (&json!(id), &json!(["proxy"])));
    assert!(!minted["install_command"].as_str().unwrap().contains("--cluster"), "{minted}");
    let new = Host::new();
    let said = new.redeem_with(&at, &token_of(&minted), json!({ "host_id": id })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    for member in ["host_id", "name", "roles"] {
        assert_eq!(said.json[member], before[member], "{member}");
    }
    let shown = host(&at, &id).await;
    assert_eq!(
        (&shown["state"], &shown["cluster"], hosts(&at).await),
        (&json!("active"), &json!("ran-a"), 1)
    );
    is_refused(&old.client(&at, &before).get(WHOAMI).await, 403, "certificate_revoked");
    let client = new.client(&at, &said.json);
    assert_eq!(client.get(WHOAMI).await.json["host_id"], json!(id));
    let renewed = client.post("/api/v1/renew", &json!({ "csr": Host::new().csr() })).await;
    assert_eq!(renewed.status, 200, "the lineage goes on: {}", renewed.text);
    let entry = at.ledger().await.into_iter().find(|entry| entry["action"] == "host_reenrolled").unwrap();
    assert_eq!((&entry["subjects"]["host"], &entry["subjects"]["token"]), (&json!(id), &minted["token_id"]));
    at.stop().await;
}

/// Telovix: "Using a plain enrollment token creates a new, separate sensor record instead of updating the existing one."
#[tokio::test(flavor = "multi_thread")]
async fn a_plain_token_makes_a_second_host() {
    let at = Running::start().await;
    let (_, before, id) = enrolled(&at).await;
    let said = Host::new().redeem_with(&at, &at.mint_once().await, json!({ "host_id": id })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_ne!(said.json["host_id"], before["host_id"]);
    assert_eq!(hosts(&at).await, 2);
    at.stop().await;
}

/// Telovix: "A re-enrollment token is also a one-time token, but it is bound to a specific sensor_id so only that sensor can use it".
#[tokio::test(flavor = "multi_thread")]
async fn i3_only_the_bound_host_can_redeem_the_token() {
    let at = Running::start().await;
    let (_, _, id) = enrolled(&at).await;
    let other = Host::new().redeem(&at, &at.mint_once().await).await.json;
    let minted = reenrollment(&at, &id).await;
    let (new, token) = (Host::new(), token_of(&minted));
    for claims in [
        json!({ "host_id": other["host_id"] }),
        json!({ "host_id": id, "cluster": "ran-b" }),
        json!({ "name": "node-2.example.org" }),
    ] {
        let said = new.redeem_with(&at, &token, claims.clone()).await;
        assert_eq!((said.status, said.code()), (403, "binding_mismatch"), "{claims}: {}", said.text);
    }
    let wrong = new.redeem_with(&at, &token, json!({ "host_id": "node-1" })).await;
    assert_eq!((wrong.status, &wrong.json["fields"][0]["field"]), (400, &json!("host_id")), "{}", wrong.text);
    assert_eq!(used(&at, &minted).await, 0, "a refusal spends nothing");
    let said = new.redeem_with(&at, &token, json!({ "name": NAME, "cluster": "ran-a" })).await;
    assert_eq!((said.status, &said.json["host_id"]), (200, &json!(id)), "without the id: {}", said.text);
    is_refused(&Host::new().redeem(&at, &token).await, 410, "token_used");
    at.stop().await;
}

/// FLEETS: "if the host's roles, name or policy changed after the token was minted: 403 `binding_mismatch`, mint another."
#[tokio::test(flavor = "multi_thread")]
async fn changed_roles_refuse_the_token() {
    let at = Running::start().await;
    let (_, _, id) = enrolled(&at).await;
    let (minted, new) = (reenrollment(&at, &id).await, Host::new());
    let roles = json!({ "roles": ["proxy", "allocator"] });
    assert_eq!(at.admin().patch(&format!("{HOSTS}/{id}"), &roles).await.status, 200);
    let said = new.redeem(&at, &token_of(&minted)).await;
    is_refused(&said, 403, "binding_mismatch");
    assert!(said.text.contains("gatepass host reenroll"), "{}", said.text);
    assert_eq!(used(&at, &minted).await, 0);
    let said = new.redeem(&at, &token_of(&reenrollment(&at, &id).await)).await;
    assert_eq!((said.status, &said.json["roles"]), (200, &roles["roles"]), "{}", said.text);
    at.stop().await;
}

/// FLEETS: "a lapsed host holds its DNS name for `hosts.name_hold`; then another may take it." The token names the host as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_name_refuses_the_token() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "1h"), ("hosts.name_hold", "1h")]).await;
    let (_, _, id) = enrolled(&at).await;
    at.clock.advance(Duration::from_secs(2 * 3600 - 60));
    let minted = reenrollment(&at, &id).await;
    at.clock.advance(Duration::from_secs(120));
    let (_, _, other) = enrolled(&at).await;
    is_refused(&Host::new().redeem(&at, &token_of(&minted)).await, 403, "binding_mismatch");
    assert_eq!(used(&at, &minted).await, 0);
    let said = Host::new().redeem(&at, &token_of(&reenrollment(&at, &id).await)).await;
    assert_eq!((said.status, &said.json["host_id"]), (200, &json!(id)), "{}", said.text);
    assert_eq!((&said.json["name"], &host(&at, &other).await["name"]), (&Value::Null, &json!(NAME)));
    at.stop().await;
}

/// FLEETS: "a revoked one: 409 `host_ended`."
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_host_is_not_brought_back() {
    let at = Running::start().await;
    let (_, _, id) = enrolled(&at).await;
    let minted = reenrollment(&at, &id).await;
    assert_eq!(at.admin().delete(&format!("{HOSTS}/{id}")).await.status, 200);
    is_refused(&ask(&at.admin(), &id, json!({})).await, 409, "host_ended");
    is_refused(&Host::new().redeem(&at, &token_of(&minted)).await, 403, "host_revoked");
    assert_eq!(used(&at, &minted).await, 0);
    let unknown = ask(&at.admin(), "0198c0de-0000-7000-8000-000000000001", json!({})).await;
    is_refused(&unknown, 404, "not_found");
    let wrong = ask(&at.admin(), &id, json!({ "ttl": "25h", "policy": "x" })).await;
    assert_eq!(wrong.status, 400, "{}", wrong.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_host_is_brought_back() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "1h")]).await;
    let (_, _, id) = enrolled(&at).await;
    at.clock.advance(Duration::from_secs(2 * 3600));
    assert_eq!(host(&at, &id).await["state"], "lapsed");
    let said = Host::new().redeem(&at, &token_of(&reenrollment(&at, &id).await)).await;
    assert_eq!((said.status, &said.json["name"]), (200, &json!(NAME)), "{}", said.text);
    assert_eq!((host(&at, &id).await["state"].clone(), hosts(&at).await), (json!("active"), 1));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_of_a_re_enrollment_is_repeated() {
    let at = Running::start().await;
    let (_, _, id) = enrolled(&at).await;
    let (minted, new) = (reenrollment(&at, &id).await, Host::new());
    let first = new.redeem(&at, &token_of(&minted)).await;
    for _ in 0..2 {
        let again = new.redeem(&at, &token_of(&minted)).await;
        assert_eq!((again.status, &again.json), (200, &first.json), "{}", again.text);
    }
    assert_eq!((at.entries("host_reenrolled").await, hosts(&at).await), (1, 1));
    at.stop().await;
}

/// I1: "Successes ≤ uses, under any concurrency".
#[tokio::test(flavor = "multi_thread")]
async fn i1_one_of_fifty_keys_brings_the_host_back() {
    let at = Running::start().await;
    let (_, _, id) = enrolled(&at).await;
    let token = token_of(&reenrollment(&at, &id).await);
    let machines: Vec<_> = (0..50).map(|_| Host::new()).collect();
    let said = futures_util::future::join_all(machines.iter().map(|new| new.redeem(&at, &token))).await;
    let (good, refused): (Vec<_>, Vec<_>) = said.iter().partition(|said| said.status == 200);
    assert_eq!((good.len(), hosts(&at).await), (1, 1));
    assert!(refused.iter().all(|said| matches!(said.status, 410 | 429)), "{:?}", refused[0].text);
    let serial = host(&at, &id).await["certificate"]["serial"].clone();
    let winner = machines.iter().zip(&said).find(|(_, said)| said.status == 200).unwrap().0;
    let shown = winner.client(&at, &good[0].json).get(WHOAMI).await;
    assert_eq!((shown.status, serial.is_string()), (200, true), "{}", shown.text);
    at.stop().await;
}

/// I5: re-enrolling is judged as minting a token with the host's roles, name and cluster.
#[tokio::test(flavor = "multi_thread")]
async fn i5_a_caller_re_enrolls_hosts_within_its_limits() {
    let at = Running::start().await;
    let (_, _, id) = enrolled(&at).await;
    let key = async |scopes: Value, limits: Value| {
        let made = at.api_key(&at.admin(), json!({ "scopes": scopes, "limits": limits })).await;
        at.stranger().bearer(made["api_key"].as_str().unwrap())
    };
    let both = json!(["hosts:write", "tokens:write"]);
    let covering = json!({
        "roles": ["proxy"], "dns_names": ["*.example.org"], "max_ttl": "15m", "max_uses": 1, "clusters": ["ran-a"],
    });
    for (limit, value) in [
        ("roles", json!(["allocator"])),
        ("dns_names", json!(["*.example.com"])),
        ("clusters", json!(["ran-b"])),
        ("max_ttl", json!("1m")),
    ] {
        let mut limits = covering.clone();
        limits[limit] = value;
        let said = ask(&key(both.clone(), limits).await, &id, json!({ "ttl": "10m" })).await;
        is_refused(&said, 403, "beyond_limits");
        assert!(said.json["fields"][0]["field"].as_str().unwrap().contains(limit), "{limit}: {}", said.text);
    }
    is_refused(&ask(&key(both.clone(), json!({})).await, &id, json!({})).await, 403, "beyond_limits");
    for scopes in [json!(["hosts:write"]), json!(["tokens:write"])] {
        is_refused(&ask(&key(scopes, json!("any")).await, &id, json!({})).await, 403, "forbidden");
    }
    let said = ask(&key(both, covering).await, &id, json!({})).await;
    assert_eq!(said.status, 201, "{}", said.text);
    at.stop().await;
}

/// A copy of the former key must not take the lineage back with the token that admitted it.
#[tokio::test(flavor = "multi_thread")]
async fn i6_a_former_key_takes_nothing_back() {
    let at = Running::start().await;
    let (copied, shared) = (Host::new(), token_of(&at.mint(json!({ "persistent": true })).await));
    let before = copied.redeem(&at, &shared).await.json;
    let id = before["host_id"].as_str().unwrap();
    let (new, minted) = (Host::new(), reenrollment(&at, id).await);
    let said = new.redeem(&at, &token_of(&minted)).await;
    assert_eq!(said.status, 200, "{}", said.text);
    is_refused(&copied.redeem(&at, &shared).await, 403, "host_revoked");
    at.clock.advance(Duration::from_secs(25 * 3600));
    is_refused(&copied.redeem(&at, &shared).await, 403, "host_revoked");
    is_refused(&copied.redeem(&at, &at.mint_once().await).await, 403, "host_revoked");
    assert_eq!(new.client(&at, &said.json).get(WHOAMI).await.status, 200);
    assert_eq!(one(&reader(at.data_dir()), "SELECT count(*) FROM hosts"), 1);
    at.stop().await;
}

/// A key in hardware stays: only the certificates before it end.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_may_come_back_with_its_own_key() {
    let at = Running::start().await;
    let (old, before, id) = enrolled(&at).await;
    let said = old.redeem(&at, &token_of(&reenrollment(&at, &id).await)).await;
    assert_eq!((said.status, &said.json["host_id"]), (200, &json!(id)), "{}", said.text);
    is_refused(&old.client(&at, &before).get(WHOAMI).await, 403, "certificate_revoked");
    assert_eq!(old.client(&at, &said.json).get(WHOAMI).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_re_enrollment_replaces_no_other_host() {
    let at = Running::start().await;
    let (_, _, id) = enrolled(&at).await;
    let other = Host::new();
    let enrolled = other.redeem(&at, &at.mint_once().await).await.json;
    let client = other.client(&at, &enrolled).bearer(&token_of(&reenrollment(&at, &id).await));
    let body = json!({ "csr": Host::new().csr(), "replace": true });
    let said = client.post("/api/v1/bootstrap", &body).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("replace")), "{}", said.text);
    assert_eq!(at.entries("host_revoked").await, 0);
    at.stop().await;
}

/// DESIGN 10.8: "A plain token always makes a new host (unless the same key redeemed it before)." A renewal gives the host another
/// key, which counts as the same: the host names itself and proves it.
#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_host_comes_back_with_its_newest_key() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "1h")]).await;
    let minted = at.mint(json!({ "roles": ["proxy"], "max_uses": null, "persistent": true })).await;
    let token = token_of(&minted);
    let (first, newest) = (Host::new(), Host::new());
    let enrolled = first.redeem(&at, &token).await.json;
    let id = enrolled["host_id"].clone();
    at.clock.advance(Duration::from_secs(45 * 60));
    let renewed = first.client(&at, &enrolled).post("/api/v1/renew", &json!({ "csr": newest.csr() })).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    assert_eq!(newest.client(&at, &renewed.json).get(WHOAMI).await.status, 200);
    at.clock.advance(Duration::from_secs(25 * 3600));
    assert_eq!(host(&at, id.as_str().unwrap()).await["state"], "lapsed");

    let claims = json!({ "host_id": id });
    let stranger = Host::new().redeem_with(&at, &token, claims.clone()).await;
    assert_ne!(stranger.json["host_id"], id, "an id alone proves nothing: {}", stranger.text);
    let other = at.mint(json!({ "max_uses": null, "persistent": true })).await;
    let said = newest.redeem_with(&at, &token_of(&other), claims.clone()).await;
    assert_ne!(said.json["host_id"], id, "another token makes a new host: {}", said.text);
    let back = newest.redeem_with(&at, &token, claims.clone()).await;
    assert_eq!((back.status, &back.json["host_id"]), (200, &id), "{}", back.text);
    assert_eq!(host(&at, id.as_str().unwrap()).await["state"], "active");
    assert_eq!((used(&at, &minted).await, hosts(&at).await), (json!(2), 3), "coming back takes no use");

    at.clock.advance(Duration::from_secs(25 * 3600));
    let revoked = at.admin().delete(&format!("{HOSTS}/{}", id.as_str().unwrap())).await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    is_refused(&newest.redeem_with(&at, &token, claims).await, 403, "host_revoked");
    at.stop().await;
}
