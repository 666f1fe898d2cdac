//! The node limit: shown, set, warned of and kept, under a race and over a kill.

mod race;

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Said;
use crate::support::{Host, Process, Running};

const CAPACITY: &str = "/api/v1/capacity";
const DAY: Duration = Duration::from_secs(86_400);

async fn capacity(at: &Running) -> Value {
    let said = at.admin().get(CAPACITY).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

async fn limit(at: &Running, node_limit: Value) -> Value {
    let said = at.admin().put(CAPACITY, &json!({ "node_limit": node_limit })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

/// A persistent token without a limit of uses.
async fn unlimited(at: &Running) -> Value {
    at.mint(json!({ "persistent": true, "max_uses": null, "roles": ["proxy"] })).await
}

fn refused(said: &Said) -> (u16, &str, &str) {
    (said.status, said.code(), said.json["title"].as_str().unwrap_or_default())
}

const FULL: (u16, &str, &str) = (403, "node_limit_exceeded", "NodeLimitExceeded");

#[tokio::test(flavor = "multi_thread")]
async fn the_capacity_is_shown_and_set() {
    let at = Running::start().await;
    let none = json!({ "node_limit": null, "enrolled": 0, "waiting": 0, "remaining": null, "capacity_warning": null });
    assert_eq!(capacity(&at).await, none);
    let token = token_of(&unlimited(&at).await);
    Host::new().redeem(&at, &token).await;
    let two =
        json!({ "node_limit": 2, "enrolled": 1, "waiting": 0, "remaining": 1, "capacity_warning": null });
    assert_eq!(limit(&at, json!(2)).await, two);
    assert_eq!(limit(&at, json!(2)).await, two);
    assert_eq!(at.entries("settings_changed").await, 1, "the same limit again has no entry");
    assert_eq!(at.ledger().await[0]["detail"]["before"], json!({ "node_limit": "off" }));
    let overview = at.admin().get("/api/v1/overview").await.json;
    assert_eq!(overview["capacity"], two);
    let at = at.restart().await;
    assert_eq!(capacity(&at).await, two);
    assert_eq!(limit(&at, Value::Null).await["remaining"], Value::Null);
    let at = at.restart().await;
    assert_eq!(capacity(&at).await["node_limit"], Value::Null);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_limit_is_refused_by_field() {
    let at = Running::start().await;
    limit(&at, json!(7)).await;
    for wrong in [
        json!({}),
        json!({ "node_limit": 0 }),
        json!({ "node_limit": 10_000_001 }),
        json!({ "node_limit": u64::MAX }),
        json!({ "node_limit": -1 }),
        json!({ "node_limit": 1.5 }),
        json!({ "node_limit": "7" }),
    ] {
        let said = at.admin().put(CAPACITY, &wrong).await;
        let field = &said.json["fields"][0]["field"];
        assert_eq!((said.status, field), (400, &json!("node_limit")), "{wrong}: {}", said.text);
    }
    let said = at.admin().put(CAPACITY, &json!({ "node_limit": 8, "colour": "red" })).await;
    assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("colour")));
    assert_eq!(capacity(&at).await["node_limit"], 7);
    assert_eq!(at.entries("settings_changed").await, 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_limit_is_a_setting_like_others() {
    let at = Running::start_with(&[("hosts.node_limit", "5")]).await;
    assert_eq!(capacity(&at).await["node_limit"], 5);
    let set =
        async |value: Value| at.admin().patch("/api/v1/settings", &json!({ "node_limit": value })).await;
    for (value, shown) in [(json!("9"), json!(9)), (json!("off"), Value::Null), (Value::Null, json!(5))] {
        let said = set(value).await;
        assert_eq!(
            (said.status, &said.json["node_limit"]["configured"]),
            (200, &json!("5")),
            "{}",
            said.text
        );
        assert_eq!(capacity(&at).await["node_limit"], shown);
    }
    for wrong in ["0", "10000001", "-1", "none", "5d", ""] {
        let said = set(json!(wrong)).await;
        assert_eq!((said.status, &said.json["fields"][0]["field"]), (400, &json!("node_limit")), "{wrong}");
    }
    at.stop().await;
}

/// A promise of Telovix: "the response includes a `capacity_warning` field if the fleet is at or above 90% of the license node
/// limit." "The warning text specifies how many slots are remaining."
#[tokio::test(flavor = "multi_thread")]
async fn a_mint_warns_from_nine_tenths() {
    let at = Running::start_with(&[("hosts.node_limit", "10")]).await;
    let minted = unlimited(&at).await;
    assert!(minted.get("capacity_warning").is_none(), "{minted}");
    for _ in 0..9 {
        assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
    }
    let text = "9 of 10 hosts enrolled, 1 slot left: raise node_limit before enrolling more";
    assert_eq!(at.mint(json!({})).await["capacity_warning"], text);
    assert_eq!(capacity(&at).await["capacity_warning"], text);
    let rotate = format!("/api/v1/enrollment-tokens/{}/rotate", minted["token_id"].as_str().unwrap());
    assert_eq!(at.admin().post(&rotate, &json!({})).await.json["capacity_warning"], text);
    let many = at.admin().post("/api/v1/enrollment-tokens", &json!({ "count": 2 })).await;
    let last: Value = serde_json::from_str(many.text.lines().last().unwrap()).unwrap();
    assert_eq!(last["capacity_warning"], text, "{}", many.text);
    let ece = "/api/v1/platform/configuration/security/enrollment-tokens";
    let compat = at.admin().post(ece, &json!({ "persistent": false, "roles": ["proxy"] })).await;
    assert_eq!(compat.status, 200, "{}", compat.text);
    assert!(!compat.text.contains("capacity"), "{}", compat.text);
    at.stop().await;
}

/// A promise of Telovix about a full fleet: "token creation succeeds but sensor enrollment will fail with a NodeLimitExceeded
/// error."
#[tokio::test(flavor = "multi_thread")]
async fn a_full_fleet_mints_but_does_not_enroll() {
    let at = Running::start_with(&[("hosts.node_limit", "1")]).await;
    let first = Host::new().redeem(&at, &token_of(&unlimited(&at).await)).await.json;
    let (late, minted) = (Host::new(), at.mint(json!({ "max_uses": 1 })).await);
    assert!(minted["capacity_warning"].as_str().unwrap().starts_with("1 of 1 hosts enrolled, no slot left"));
    for _ in 0..3 {
        let said = late.redeem(&at, &token_of(&minted)).await;
        assert_eq!(refused(&said), FULL);
        assert!(said.text.contains("gatepass capacity set"), "{}", said.text);
    }
    let item = at.token(minted["token_id"].as_str().unwrap()).await;
    assert_eq!((&item["used"], &item["state"]), (&json!(0), &json!("pending")), "nothing is spent");
    let path = format!("/api/v1/hosts/{}", first["host_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.status, 200);
    assert_eq!(late.redeem(&at, &token_of(&minted)).await.status, 200);
    at.authority.upkeep.write_refusals().await.unwrap();
    let entry = at.ledger().await.into_iter().find(|entry| entry["action"] == "token_refused").unwrap();
    assert_eq!(entry["reason"], "node_limit_exceeded");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn enrolled_hosts_renew_and_repeat_at_the_limit() {
    let at = Running::start().await;
    let (host, token) = (Host::new(), token_of(&unlimited(&at).await));
    let enrolled = host.redeem(&at, &token).await.json;
    limit(&at, json!(1)).await;
    assert_eq!(host.redeem(&at, &token).await.json["host_id"], enrolled["host_id"], "a repeat");
    let renewed = host.client(&at, &enrolled).post("/api/v1/renew", &json!({ "csr": host.csr() })).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    at.clock.advance(2 * DAY);
    let again = host.redeem(&at, &token).await;
    assert_eq!(
        (again.status, &again.json["host_id"]),
        (200, &enrolled["host_id"]),
        "the same key, certified again"
    );
    assert_eq!(refused(&Host::new().redeem(&at, &token).await), FULL);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_host_returns_only_to_a_free_slot() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "3d"), ("hosts.node_limit", "1")]).await;
    let (lapsed, next, token) = (Host::new(), Host::new(), token_of(&unlimited(&at).await));
    let enrolled = lapsed.redeem(&at, &token).await.json;
    at.clock.advance(3 * DAY + Duration::from_secs(1));
    assert_eq!(capacity(&at).await["enrolled"], 0);
    let other = next.redeem(&at, &token).await;
    assert_eq!(other.status, 200, "{}", other.text);
    assert_eq!(refused(&lapsed.redeem(&at, &token).await), FULL);
    limit(&at, json!(2)).await;
    let again = lapsed.redeem(&at, &token).await;
    assert_eq!((again.status, &again.json["host_id"]), (200, &enrolled["host_id"]), "{}", again.text);
    assert_eq!(refused(&Host::new().redeem(&at, &token).await), FULL);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_emergency_token_is_exempt_from_the_limit() {
    let at = Running::start_with(&[("hosts.node_limit", "1")]).await;
    let token = token_of(&unlimited(&at).await);
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    let emergency = at.emergency_token.clone().unwrap();
    assert_eq!(Host::new().redeem(&at, &emergency).await.status, 200);
    let over = capacity(&at).await;
    assert_eq!((&over["enrolled"], &over["remaining"]), (&json!(2), &json!(0)));
    assert_eq!(refused(&Host::new().redeem(&at, &token).await), FULL);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_set_the_limit() {
    let at = Running::start().await;
    at.user("vera", "staple battery horse correct", "operator").await;
    let operator = at.stranger().basic("vera", "staple battery horse correct");
    assert_eq!(operator.get(CAPACITY).await.status, 200);
    assert_eq!(operator.put(CAPACITY, &json!({ "node_limit": 5 })).await.status, 403);
    assert_eq!(at.stranger().get(CAPACITY).await.status, 401);
    assert_eq!(at.stranger().put(CAPACITY, &json!({ "node_limit": 5 })).await.status, 401);
    assert_eq!(capacity(&at).await["node_limit"], Value::Null);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_capacity_is_shown_and_set_by_command() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &["--set", "hosts.node_limit=1"]).await;
    let shown = server.told(&["capacity", "show"]);
    assert!(shown.contains("node limit  1\n") && shown.contains("slots left  1\n"), "{shown}");
    let minted = server.json(&["token", "create", "--role", "proxy"]);
    let bearer = server.stranger().bearer(minted["token"].as_str().unwrap());
    assert_eq!(bearer.post("/api/v1/bootstrap", &json!({ "csr": Host::new().csr() })).await.status, 200);
    for command in [&["capacity", "show"][..], &["token", "create", "--role", "proxy"], &["overview"]] {
        let output = server.command(command).output().unwrap();
        let noted = String::from_utf8(output.stderr).unwrap();
        assert!(noted.contains("warning: 1 of 1 hosts enrolled, no slot left"), "{command:?}: {noted}");
    }
    assert!(server.told(&["overview"]).contains("1 of 1 hosts enrolled\n"));
    assert_eq!(server.json(&["capacity", "set", "25"])["remaining"], 24);
    assert!(server.told(&["capacity", "set", "--unlimited"]).contains("node limit  unlimited\n"));
    assert!(server.told(&["settings", "show"]).contains("node_limit"));
    assert_eq!(server.json(&["settings", "reset", "node_limit"])["node_limit"]["value"], "1");
    for wrong in
        [&["capacity", "set"][..], &["capacity", "set", "-5"], &["capacity", "set", "5", "--unlimited"]]
    {
        assert_eq!(server.fails(wrong).0, 2, "{wrong:?}");
    }
    let (code, refused) = server.fails(&["capacity", "set", "0"]);
    assert!(code == 2 && refused.contains("N: from 1 to 10000000, or --unlimited"), "{code}: {refused}");
    server.stop().await;
}
