//! Check-ins: hosts report their state, and learn what to do.

mod daemon;
mod moved;

use std::time::Duration;

use http::header::{ETAG, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::support::fleet::{CHECKIN, Member, POLICY, change, policy, start};
use crate::support::{Host, Running, Said, database};

/// A report of a healthy host.
fn healthy() -> Value {
    json!({ "version": "1.2.3", "status": "healthy" })
}

/// The same of a host that has this policy.
fn having(policy: &Value) -> Value {
    let mut report = healthy();
    report["policy"] = policy["id"].clone();
    report["policy_revision"] = policy["revision"].clone();
    report
}

async fn checked(member: &Member, report: &Value) -> Value {
    let said = member.check_in(report).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

fn fields(said: &Said) -> Vec<&str> {
    assert_eq!((said.status, said.code()), (400, "invalid_request"), "{}", said.text);
    said.json["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect()
}

/// "The enrollment token enrolls the Elastic Agent in a specific agent policy that defines the data to be collected by the agent"
/// …. A host that checks in learns whether it has the current revision.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_fetches_its_policy_when_it_changes() {
    let at = start().await;
    let edge = policy(&at, "edge", json!({ "log": "info" })).await;
    let member = Member::of(&at, &edge).await;
    let first = checked(&member, &healthy()).await;
    assert_eq!((&first["policy"], &first["policy_revision"]), (&edge["id"], &json!(1)));
    assert_eq!(
        (&first["fetch_policy"], &first["renew"], &first["server"]),
        (&json!(true), &json!(false), &json!(null))
    );
    let said = member.client.get(POLICY).await;
    assert_eq!((&said.json["id"], &said.json["revision"]), (&edge["id"], &json!(1)), "{}", said.text);
    assert_eq!((&said.json["settings"], &said.json["name"]), (&json!({ "log": "info" }), &json!("edge")));
    assert_eq!(checked(&member, &having(&edge)).await["fetch_policy"], false);
    let changed = change(&at, &edge, json!({ "settings": { "log": "debug" } })).await;
    let next = checked(&member, &having(&edge)).await;
    assert_eq!((&next["fetch_policy"], &next["policy_revision"]), (&json!(true), &json!(2)));
    assert_eq!(member.client.get(POLICY).await.json["settings"], json!({ "log": "debug" }));
    assert_eq!(checked(&member, &having(&changed)).await["fetch_policy"], false);
}

/// "All Elastic Agents enrolled through this token will use the selected policy unless you assign or enroll them in a different
/// policy." The move arrives with the next check-in, also between policies of the same revision.
#[tokio::test(flavor = "multi_thread")]
async fn a_moved_host_fetches_the_other_policy() {
    let at = start().await;
    let (edge, core) = (policy(&at, "edge", json!({})).await, policy(&at, "core", json!({})).await);
    let member = Member::of(&at, &edge).await;
    assert_eq!(checked(&member, &having(&edge)).await["fetch_policy"], false);
    let path = format!("/api/v1/hosts/{}", member.id());
    let moved = at.admin().patch(&path, &json!({ "policy": core["id"] })).await;
    assert_eq!(moved.status, 200, "{}", moved.text);
    let next = checked(&member, &having(&edge)).await;
    assert_eq!((&next["policy"], &next["fetch_policy"]), (&core["id"], &json!(true)));
    assert_eq!(member.client.get(POLICY).await.json["id"], core["id"]);
    assert_eq!(checked(&member, &having(&core)).await["fetch_policy"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_policy_is_304() {
    let at = start().await;
    let edge = policy(&at, "edge", json!({})).await;
    let member = Member::of(&at, &edge).await;
    let etag = |said: &Said| said.headers[ETAG].to_str().unwrap().to_owned();
    let known = etag(&member.client.get(POLICY).await);
    assert_eq!(known, format!("\"{}.1\"", edge["id"].as_str().unwrap()));
    let knowing = member.host.client(&at, &member.enrolled).header(IF_NONE_MATCH, &known);
    let said = knowing.get(POLICY).await;
    assert_eq!((said.status, said.text.as_str(), etag(&said)), (304, "", known.clone()));
    change(&at, &edge, json!({ "settings": { "a": 1 } })).await;
    let said = knowing.get(POLICY).await;
    assert_eq!(said.status, 200);
    assert_ne!(etag(&said), known);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_a_policy_checks_in_too() {
    let at = start().await;
    let member = Member::with(&at, &at.mint_once().await).await;
    let next = checked(&member, &healthy()).await;
    assert_eq!(
        (&next["policy"], &next["policy_revision"], &next["fetch_policy"]),
        (&json!(null), &json!(null), &json!(false))
    );
    let said = member.client.get(POLICY).await;
    assert_eq!((said.status, said.code()), (404, "not_found"), "{}", said.text);
}

/// "Records last seen, version and policy revision (written together once a minute)."
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_check_in_is_shown_with_the_host() {
    let at = start().await;
    let edge = policy(&at, "edge", json!({})).await;
    let (member, silent) = (Member::of(&at, &edge).await, Member::of(&at, &edge).await);
    at.clock.advance(Duration::from_secs(100));
    checked(&member, &healthy()).await;
    at.clock.advance(Duration::from_secs(1));
    let mut report = having(&edge);
    report["status"] = json!("degraded");
    report["message"] = json!("the disk is nearly full");
    report["labels"] = json!({ "site": "eu-1" });
    checked(&member, &report).await;
    let rows = || database::counts(at.data_dir())["checkins"];
    let entries = at.ledger().await.len();
    assert_eq!(rows(), 0, "they are written together");
    let shown = member.shown(&at).await;
    let now = at.clock_reading().to_string();
    report["at"] = json!(now);
    assert_eq!((&shown["checkin"], &shown["last_seen_at"]), (&report, &json!(now)), "{shown}");
    assert_eq!(rows(), 1, "one row per host");
    assert_eq!(silent.shown(&at).await["checkin"], json!(null));
    assert_eq!(at.ledger().await.len(), entries, "a report changes nothing");
    let listed = at.admin().get("/api/v1/hosts").await.json;
    for host in listed["items"].as_array().unwrap() {
        let expected = if host["id"] == member.id() { json!("degraded") } else { json!(null) };
        assert_eq!(host["checkin"]["status"], expected, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_ins_are_spread_around_the_interval() {
    let at = Running::start_with(&[("hosts.checkin", "10m")]).await;
    let member = Member::with(&at, &at.mint_once().await).await;
    let mut nexts = Vec::new();
    for _ in 0..20 {
        nexts.push(checked(&member, &healthy()).await["next"].as_u64().unwrap());
    }
    assert!(nexts.iter().all(|next| (540..=660).contains(next)), "{nexts:?}");
    assert!(nexts.iter().any(|next| *next != nexts[0]), "{nexts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_another_role_is_asked_to_renew() {
    let at = start().await;
    let mut member = Member::with(&at, &at.mint_once().await).await;
    assert_eq!(checked(&member, &healthy()).await["renew"], false);
    let path = format!("/api/v1/hosts/{}", member.id());
    let said = at.admin().patch(&path, &json!({ "roles": ["allocator", "proxy"] })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    assert_eq!(checked(&member, &healthy()).await["renew"], true);
    let former = member.renew(&at).await;
    assert_eq!(checked(&member, &healthy()).await["renew"], false);
    // A renewal with the former certificate would look like a copied disk.
    assert_eq!(checked(&former, &healthy()).await["renew"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_certificate_records_no_check_in() {
    let at = start().await;
    let mut member = Member::with(&at, &at.mint_once().await).await;
    let former = member.renew(&at).await;
    checked(&member, &healthy()).await;
    at.clock.advance(Duration::from_secs(60));
    checked(&former, &json!({ "version": "0", "status": "failed" })).await;
    assert_eq!(member.shown(&at).await["checkin"]["status"], "healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_check_in_names_its_fields() {
    let at = start().await;
    let member = Member::with(&at, &at.mint_once().await).await;
    let wrong = json!({
        "version": "x".repeat(129), "status": "healthy", "message": "x".repeat(257), "labels": { "a b": "x" },
        "policy_revision": 1, "uptime": 7,
    });
    assert_eq!(
        fields(&member.check_in(&wrong).await),
        ["uptime", "version", "message", "policy", "labels.a b"]
    );
    for (body, field) in [
        (json!({ "status": "healthy" }), "body"),
        (json!({ "version": "1", "status": "well" }), "status"),
        (json!({ "version": "1", "status": "healthy", "policy": "edge" }), "policy"),
        (json!({ "version": "1", "status": "healthy", "labels": ["a"] }), "labels"),
    ] {
        assert_eq!(fields(&member.check_in(&body).await), [field], "{body}");
    }
    assert_eq!(member.shown(&at).await["checkin"], json!(null));
    for caller in [at.stranger(), at.admin()] {
        assert_eq!(caller.post(CHECKIN, &healthy()).await.status, 401);
        assert_eq!(caller.get(POLICY).await.status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collected_host_leaves_no_check_in() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "1h"), ("hosts.retention", "1d")]).await;
    let member = Member::with(&at, &at.mint_once().await).await;
    checked(&member, &healthy()).await;
    at.authority.upkeep.write_uses().await.unwrap();
    assert_eq!(database::counts(at.data_dir())["checkins"], 1);
    at.clock.advance(Duration::from_secs(26 * 3600));
    assert_eq!(at.authority.upkeep.collect().await.unwrap().hosts, 1);
    assert_eq!(database::counts(at.data_dir())["checkins"], 0);
    // The last word of a host that is gone is dropped.
    let next = Host::new();
    assert_eq!(next.redeem(&at, &at.mint_once().await).await.status, 200);
}
