//! Moving hosts: one, many, and by a re-enrollment token.

use serde_json::{Value, json};

use super::{HOSTS, WHOAMI, change, enroll, first_token, id_of, is_refused, policy, proxies, renew, shown};
use crate::support::authority::token_of;
use crate::support::{Host, Running, Said};

const MOVE: &str = "/api/v1/hosts/move";

async fn move_hosts(at: &Running, body: Value) -> Said {
    at.admin().post(MOVE, &body).await
}

/// "Moving hosts to another policy takes effect at the next check-in." A host that is moved renews at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_moved_host_renews_under_its_next_policy() {
    let at = Running::start().await;
    let (from, to) = (proxies(&at, "from").await, proxies(&at, "to").await);
    let (host, enrolled) = enroll(&at, &first_token(&from)).await;
    at.clock.advance(std::time::Duration::from_secs(60));
    let said = change(&at, &enrolled, json!({ "policy": to["id"] })).await;
    assert_eq!((said.status, &said.json["policy"]), (200, &to["id"]), "{}", said.text);
    let client = host.client(&at, &enrolled);
    let due = client.get(WHOAMI).await.json["renew_after"].as_str().unwrap().to_owned();
    assert!(due <= at.clock_reading().to_string(), "{due}");
    let renewed = renew(&at, &host, &enrolled).await;
    let later = host.client(&at, &renewed).get(WHOAMI).await.json;
    assert_eq!(later["renew_after"], renewed["renew_after"]);
    let entries = at.ledger().await;
    let moved: Vec<_> = entries.iter().filter(|entry| entry["action"] == "host_moved").collect();
    assert_eq!(moved.len(), 1);
    let detail = moved[0].to_string();
    for id in [&from["id"], &to["id"], &enrolled["host_id"]] {
        assert!(detail.contains(id.as_str().unwrap()), "{detail}");
    }
    let again = change(&at, &enrolled, json!({ "policy": to["id"] })).await;
    assert_eq!((again.status, at.entries("host_moved").await), (200, 1), "it has the policy already");
    at.stop().await;
}

/// "Moving such a host: 409 `roles_not_in_policy` unless `drop_roles`."
#[tokio::test(flavor = "multi_thread")]
async fn a_host_keeps_its_roles_unless_they_are_dropped() {
    let at = Running::start().await;
    let both = policy(&at, json!({ "name": "both", "roles": ["proxy", "director"] })).await;
    let one = proxies(&at, "one").await;
    let (host, enrolled) = enroll(&at, &first_token(&both)).await;
    let refused = change(&at, &enrolled, json!({ "policy": one["id"] })).await;
    is_refused(&refused, 409, "roles_not_in_policy");
    assert!(refused.text.contains("director"), "{}", refused.text);
    assert_eq!(shown(&at, &enrolled).await["policy"], both["id"]);
    let dropped = change(&at, &enrolled, json!({ "policy": one["id"], "drop_roles": true })).await;
    assert_eq!((dropped.status, &dropped.json["roles"]), (200, &json!(["proxy"])), "{}", dropped.text);
    assert_eq!(renew(&at, &host, &enrolled).await["roles"], json!(["proxy"]));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_move_is_refused() {
    let at = Running::start().await;
    let policy = proxies(&at, "edge").await;
    let (_, enrolled) = enroll(&at, &first_token(&policy)).await;
    let unknown = json!("0198c0de-e1e2-7f50-9162-738495a6b7c8");
    for body in [
        json!({ "policy": "edge" }),
        json!({ "policy": unknown }),
        json!({ "policy": 7 }),
        json!({ "policy": policy["id"], "roles": ["proxy"] }),
        json!({ "drop_roles": true }),
    ] {
        is_refused(&change(&at, &enrolled, body).await, 400, "invalid_request");
    }
    for body in [
        json!({ "all": true, "dry_run": true }),
        json!({ "policy": null, "all": true }),
        json!({ "policy": null, "dry_run": true }),
        json!({ "policy": unknown, "ids": [enrolled["host_id"]] }),
    ] {
        is_refused(&move_hosts(&at, body).await, 400, "invalid_request");
    }
    let path = format!("{HOSTS}/{}", id_of(&enrolled));
    assert_eq!(at.admin().delete(&path).await.status, 200);
    is_refused(&change(&at, &enrolled, json!({ "policy": null })).await, 403, "host_revoked");
    at.stop().await;
}

/// "`host move --policy` takes filters with the selection hash, as revoking does."
#[tokio::test(flavor = "multi_thread")]
async fn many_hosts_move_as_they_were_counted() {
    let at = Running::start().await;
    let (from, to) = (proxies(&at, "from").await, proxies(&at, "to").await);
    let token = first_token(&from);
    enroll(&at, &token).await;
    enroll(&at, &token).await;
    let order = json!({ "policy": to["id"], "filter": { "policy": from["id"] } });
    let with = |member: &str, value: Value| {
        let mut order = order.clone();
        order[member] = value;
        order
    };
    is_refused(&move_hosts(&at, order.clone()).await, 400, "invalid_request");
    let counted = move_hosts(&at, with("dry_run", json!(true))).await.json;
    assert_eq!((&counted["count"], &counted["dry_run"]), (&json!(2), &json!(true)));
    let (_, third) = enroll(&at, &token).await;
    let changed = move_hosts(&at, with("expect", counted["selection"].clone())).await;
    is_refused(&changed, 409, "count_changed");
    assert_eq!(at.entries("host_moved").await, 0);
    let counted = move_hosts(&at, with("dry_run", json!(true))).await.json;
    let moved = move_hosts(&at, with("expect", counted["selection"].clone())).await;
    assert_eq!((moved.status, &moved.json["moved"]), (200, &json!(3)), "{}", moved.text);
    assert_eq!(at.entries("host_moved").await, 3);
    let unknown = json!("0198c0de-e1e2-7f50-9162-738495a6b7c8");
    let ids = json!({ "policy": null, "ids": [third["host_id"], unknown, third["host_id"]] });
    let moved = move_hosts(&at, ids).await.json;
    assert_eq!((&moved["moved"], &moved["unknown"]), (&json!(1), &json!(1)));
    assert_eq!(shown(&at, &third).await["policy"], Value::Null);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_host_moves_if_one_has_another_role() {
    let at = Running::start().await;
    let both = policy(&at, json!({ "name": "both", "roles": ["proxy", "director"] })).await;
    let one = proxies(&at, "one").await;
    let plain = token_of(&at.mint(json!({ "policy": both["id"], "roles": ["proxy"] })).await);
    enroll(&at, &plain).await;
    enroll(&at, &first_token(&both)).await;
    let order = |drop: bool, dry: bool| json!({ "policy": one["id"], "all": true, "drop_roles": drop, "dry_run": dry });
    is_refused(&move_hosts(&at, order(false, true)).await, 409, "roles_not_in_policy");
    let counted = move_hosts(&at, order(true, true)).await.json;
    let expecting = |drop: bool| {
        let mut order = order(drop, false);
        order["expect"] = counted["selection"].clone();
        order
    };
    is_refused(&move_hosts(&at, expecting(false)).await, 409, "roles_not_in_policy");
    assert_eq!(at.entries("host_moved").await, 0);
    assert_eq!(move_hosts(&at, expecting(true)).await.json["moved"], 2);
    at.stop().await;
}

/// "`POST hosts/{id}/reenrollment-token {policy?}`."
#[tokio::test(flavor = "multi_thread")]
async fn a_re_enrollment_token_moves_its_host() {
    let at = Running::start().await;
    let (from, to) = (proxies(&at, "from").await, proxies(&at, "to").await);
    let (_, enrolled) = enroll(&at, &first_token(&from)).await;
    let path = format!("{HOSTS}/{}/reenrollment-token", id_of(&enrolled));
    let mint = async |body: Value| at.admin().post(&path, &body).await;
    let (stays, moves) = (mint(json!({})).await, mint(json!({ "policy": to["id"] })).await);
    assert_eq!([stays.status, moves.status], [201, 201], "{}{}", stays.text, moves.text);
    at.clock.advance(std::time::Duration::from_secs(1));
    let (host, again) = enroll(&at, &token_of(&moves.json)).await;
    assert_eq!((&again["host_id"], &shown(&at, &again).await["policy"]), (&enrolled["host_id"], &to["id"]));
    assert_eq!(host.client(&at, &again).get(WHOAMI).await.status, 200);
    let stale = Host::new().redeem(&at, &token_of(&stays.json)).await;
    is_refused(&stale, 403, "binding_mismatch");
    let narrow = policy(&at, json!({ "name": "narrow" })).await;
    is_refused(&mint(json!({ "policy": narrow["id"] })).await, 409, "roles_not_in_policy");
    is_refused(&mint(json!({ "policy": "narrow" })).await, 400, "invalid_request");
    at.stop().await;
}

/// "If the host's policy changed after the token was minted: 403 `binding_mismatch`."
#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_before_a_move_is_refused() {
    let at = Running::start().await;
    let (from, to) = (proxies(&at, "from").await, proxies(&at, "to").await);
    let (_, enrolled) = enroll(&at, &first_token(&from)).await;
    let path = format!("{HOSTS}/{}/reenrollment-token", id_of(&enrolled));
    let minted = at.admin().post(&path, &json!({})).await.json;
    at.clock.advance(std::time::Duration::from_secs(1));
    assert_eq!(change(&at, &enrolled, json!({ "policy": to["id"] })).await.status, 200);
    is_refused(&Host::new().redeem(&at, &token_of(&minted)).await, 403, "binding_mismatch");
    assert_eq!(shown(&at, &enrolled).await["policy"], to["id"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_follows_the_revision_that_was_seen() {
    let at = Running::start().await;
    let (from, to) = (proxies(&at, "from").await, proxies(&at, "to").await);
    let (_, enrolled) = enroll(&at, &first_token(&from)).await;
    let path = format!("{HOSTS}/{}", id_of(&enrolled));
    let tag = at.admin().get(&path).await.headers["etag"].to_str().unwrap().to_owned();
    let seen = at.admin().header(http::header::IF_MATCH, &tag);
    assert_eq!(seen.patch(&path, &json!({ "policy": to["id"], "label": "rack 7" })).await.status, 200);
    is_refused(&seen.patch(&path, &json!({ "policy": from["id"] })).await, 412, "stale");
    let item = shown(&at, &enrolled).await;
    assert_eq!((&item["policy"], &item["label"]), (&to["id"], &json!("rack 7")));
    at.stop().await;
}
