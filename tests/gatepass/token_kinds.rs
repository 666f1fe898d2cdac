//! Kinds of tokens: presets, filters, and the warnings about tokens that many hosts share.

use std::collections::BTreeSet;
use std::time::Duration;

use gatepass::clock::Timestamp;
use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::process::Process;
use crate::support::{Host, Running};

const TOKENS: &str = "/api/v1/enrollment-tokens";
const DAY: u64 = 86_400;

/// The token's item.
async fn item(at: &Running, minted: &Value) -> Value {
    at.token(minted["token_id"].as_str().unwrap()).await
}

/// The seconds that a token lives; `None` = until revoked.
fn life(item: &Value) -> Option<u64> {
    let at = |member: &str| Timestamp::parse_rfc3339(item[member].as_str()?);
    Some(at("expires_at")?.since(at("created_at")?).as_secs())
}

fn sorted(ids: Vec<&Value>) -> BTreeSet<String> {
    ids.into_iter().map(ToString::to_string).collect()
}

async fn faults(at: &Running, request: Value) -> Vec<String> {
    let said = at.admin().post(TOKENS, &request).await;
    assert_eq!(said.status, 400, "{request}: {}", said.text);
    let fields = said.json["fields"].as_array().unwrap().iter();
    fields.map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
}

async fn enroll(at: &Running, minted: &Value, more: Value) -> u16 {
    Host::new().redeem_with(at, &token_of(minted), more).await.status
}

/// FLEETS: "A request field overrides its preset."
#[tokio::test(flavor = "multi_thread")]
async fn a_preset_gives_terms_that_fields_override() {
    let at = Running::start().await;
    let cluster = json!({ "cluster": "ran-zone-a" });
    for (request, kind, persistent, life_of, uses) in [
        (json!({}), "one-time", false, Some(900), json!(1)),
        (json!({ "preset": "one-time", "ttl": "1h" }), "one-time", false, Some(3600), json!(1)),
        (json!({ "preset": "one-time", "max_uses": 5 }), "custom", false, Some(900), json!(5)),
        (json!({ "preset": "one-time", "persistent": true }), "custom", true, None, json!(1)),
        (json!({ "preset": "cluster", "bind": cluster }), "cluster", true, Some(365 * DAY), json!(null)),
        (
            json!({ "preset": "cluster", "cluster_id": "a", "max_nodes": 3, "expires_days": 730 }),
            "cluster",
            true,
            Some(730 * DAY),
            json!(3),
        ),
        (json!({ "persistent": true, "bind": cluster }), "cluster", true, Some(365 * DAY), json!(null)),
        (json!({ "preset": "rollout", "label": "June" }), "rollout", true, None, json!(null)),
        (
            json!({ "preset": "rollout", "label": "June", "max_uses": 9, "ttl": "40d" }),
            "rollout",
            true,
            Some(40 * DAY),
            json!(9),
        ),
        (json!({ "preset": "roles", "roles": ["proxy"] }), "roles", false, Some(3600), json!(null)),
        (json!({ "preset": "roles", "persistent": true }), "roles", true, None, json!(null)),
        (json!({ "persistent": true }), "custom", true, None, json!(null)),
        (json!({ "max_uses": null }), "custom", false, Some(900), json!(null)),
    ] {
        let minted = at.mint(request.clone()).await;
        assert_eq!(minted["kind"], kind, "{request}");
        let shown = item(&at, &minted).await;
        assert_eq!(
            (&shown["kind"], &shown["persistent"], life(&shown), &shown["max_uses"]),
            (&json!(kind), &json!(persistent), life_of, &uses),
            "{request}"
        );
        let entry = at.ledger().await.into_iter().find(|entry| entry["action"] == "token_created").unwrap();
        assert_eq!(entry["detail"]["kind"], kind, "{request}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preset_demands_its_fields() {
    let at = Running::start().await;
    for (request, field) in [
        (json!({ "preset": "emergency" }), "preset"),
        (json!({ "preset": "" }), "preset"),
        (json!({ "preset": "cluster" }), "bind.cluster"),
        (json!({ "preset": "cluster", "cluster_id": "" }), "cluster_id"),
        (json!({ "preset": "cluster", "cluster_id": "a", "ttl": "731d" }), "ttl"),
        (json!({ "preset": "cluster", "cluster_id": "a", "max_nodes": 0 }), "max_nodes"),
        (json!({ "preset": "rollout" }), "label"),
        (json!({ "preset": "rollout", "label": "a", "expected_hosts": 0 }), "expected_hosts"),
        (json!({ "preset": "rollout", "label": "a", "max_uses": 2, "expected_hosts": 3 }), "expected_hosts"),
        (json!({ "label": "a", "expected_hosts": 3 }), "expected_hosts"),
        (json!({ "preset": "roles", "ttl": "25h" }), "ttl"),
    ] {
        assert_eq!(faults(&at, request.clone()).await, [field], "{request}");
    }
    at.stop().await;
}

/// I5: "No act leads to roles, names, clusters, policies, uses or lifetimes beyond its actor's own limits."
#[tokio::test(flavor = "multi_thread")]
async fn i5_the_least_limits_mint_with_no_preset() {
    let at = Running::start().await;
    let least = at.api_key(&at.admin(), json!({ "scopes": ["tokens:write"], "limits": {} })).await;
    let caller = at.stranger().bearer(least["api_key"].as_str().unwrap());
    for request in [
        json!({ "preset": "cluster", "cluster_id": "a" }),
        json!({ "preset": "rollout", "label": "June" }),
        json!({ "preset": "rollout", "label": "June", "max_uses": 1, "ttl": "5m" }),
        json!({ "preset": "roles" }),
        json!({ "preset": "roles", "max_uses": 1, "ttl": "5m", "roles": ["proxy"] }),
    ] {
        let said = caller.post(TOKENS, &request).await;
        assert_eq!((said.status, said.code()), (403, "beyond_limits"), "{request}: {}", said.text);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_listed_by_kind() {
    let at = Running::start().await;
    let once = at.mint(json!({})).await;
    let cluster = at.mint(json!({ "preset": "cluster", "cluster_id": "a" })).await;
    let rollout = at.mint(json!({ "preset": "rollout", "label": "June" })).await;
    for (kinds, expected) in [
        ("one-time", vec![&once]),
        ("cluster,rollout", vec![&rollout, &cluster]),
        ("rollout", vec![&rollout]),
        ("policy", vec![]),
    ] {
        let said = at.admin().get(&format!("{TOKENS}?kind={kinds}")).await;
        let ids = sorted(said.json["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect());
        let expected = sorted(expected.into_iter().map(|minted| &minted["token_id"]).collect());
        assert_eq!(ids, expected, "{kinds}: {}", said.text);
    }
    let said = at.admin().get(&format!("{TOKENS}?kind=fleet")).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("kind")), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_keeps_its_kind() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "preset": "rollout", "label": "June", "expected_hosts": 7 })).await;
    let path = format!("{TOKENS}/{}/rotate", minted["token_id"].as_str().unwrap());
    let rotated = at.admin().post(&path, &json!({})).await.json;
    let shown = item(&at, &rotated).await;
    assert_eq!((&shown["kind"], &shown["expected_hosts"]), (&json!("rollout"), &json!(7)));
    at.stop().await;
}

/// Sielum: "Once all endpoints are enrolled, revoke the token to prevent further use."
#[tokio::test(flavor = "multi_thread")]
async fn a_complete_rollout_is_reported_while_uses_are_left() {
    let at = Running::start().await;
    let rollout = json!({ "preset": "rollout", "label": "June", "expected_hosts": 2 });
    let mut capped = rollout.clone();
    capped["max_uses"] = json!(2);
    let (open, capped) = (at.mint(rollout).await, at.mint(capped).await);
    for minted in [&open, &capped] {
        assert_eq!(enroll(&at, minted, json!({})).await, 200);
        assert_eq!(item(&at, minted).await["warning"], json!(null));
        assert_eq!(enroll(&at, minted, json!({})).await, 200);
    }
    assert_eq!(item(&at, &open).await["warning"], "rollout_complete");
    let exhausted = item(&at, &capped).await;
    assert_eq!((&exhausted["state"], &exhausted["warning"]), (&json!("exhausted"), &json!(null)));
    at.admin().delete(&format!("{TOKENS}/{}", open["token_id"].as_str().unwrap())).await;
    assert_eq!(item(&at, &open).await["warning"], json!(null), "it was revoked");
    at.stop().await;
}

/// Telovix: "Rotate tokens on a schedule for long-lived DaemonSet deployments."
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_token_in_use_warns_before_it_expires() {
    let at = Running::start().await;
    let request = json!({ "preset": "cluster", "cluster_id": "a", "ttl": "40d" });
    let (used, unused) = (at.mint(request.clone()).await, at.mint(request).await);
    assert_eq!(enroll(&at, &used, json!({ "cluster": "a" })).await, 200);
    assert_eq!(item(&at, &used).await["warning"], json!(null), "40 days are left");
    at.clock.advance(Duration::from_secs(10 * DAY));
    assert_eq!(item(&at, &used).await["warning"], "expires_soon");
    assert_eq!(item(&at, &unused).await["warning"], json!(null), "no host needs it");
    let overview = at.admin().get("/api/v1/overview").await;
    assert_eq!(overview.json["tokens_expiring_soon"], 1, "{}", overview.text);
    let path = format!("{TOKENS}/{}/rotate", used["token_id"].as_str().unwrap());
    assert_eq!(at.admin().post(&path, &json!({})).await.status, 201);
    assert_eq!(item(&at, &used).await["warning"], json!(null), "its successor is there");
    at.clock.advance(Duration::from_secs(1));
    let overview = at.admin().get("/api/v1/overview").await;
    assert_eq!(overview.json["tokens_expiring_soon"], 0, "{}", overview.text);
    at.stop().await;
}

/// FLEETS: "ECE routes and the first roles token make `roles`."
#[tokio::test(flavor = "multi_thread")]
async fn elastics_route_makes_roles_tokens() {
    let at = Running::start().await;
    let path = "/api/v1/platform/configuration/security/enrollment-tokens";
    for persistent in [true, false] {
        let request = json!({ "persistent": persistent, "roles": ["allocator"] });
        assert_eq!(at.admin().post(path, &request).await.status, 200);
    }
    let said = at.admin().get(&format!("{TOKENS}?kind=roles")).await;
    let items = said.json["items"].as_array().unwrap().iter();
    let mut made: Vec<_> = items.map(|item| &item["roles"][0]).collect();
    made.retain(|role| !role.is_null());
    assert_eq!(made, [&json!("allocator"), &json!("allocator")], "the first roles token has no role");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_mints_lists_and_shows_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(dir.path(), &[]).await;
    let kinds = server.json(&["token", "list"]);
    let mut kinds: Vec<_> =
        kinds.as_array().unwrap().iter().map(|item| item["kind"].as_str().unwrap()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["emergency", "roles"], "the first tokens");
    let create = ["token", "create", "--preset", "rollout", "--label", "June", "--expected-hosts", "9"];
    let minted = server.json(&create);
    assert_eq!((&minted["kind"], &minted["persistent"]), (&json!("rollout"), &json!(true)));
    let table = server.told(&["token", "list", "--kind", "rollout", "--wide"]);
    assert!(table.contains("KIND") && table.contains("rollout") && !table.contains("emergency"), "{table}");
    let shown = server.told(&["token", "show", minted["token_id"].as_str().unwrap()]);
    assert!(shown.contains("rollout") && shown.contains("expected hosts"), "{shown}");
    let (code, why) = server.fails(&["token", "create", "--preset", "rollout"]);
    assert!(code == 2 && why.contains("--label"), "{why}");
    let (code, why) = server.fails(&["token", "create", "--preset", "fleet"]);
    assert!(code == 2 && why.contains("one-time, cluster, rollout, roles"), "{why}");
    server.stop().await;
}
