//! Other roles for many hosts: "`host set-roles` takes filters with the selection hash, as revoking does."

use serde_json::{Value, json};

use super::{HOSTS, enroll, first_token, is_refused, proxies, shown};
use crate::support::authority::token_of;
use crate::support::{Running, Said};

async fn set_roles(at: &Running, body: Value) -> Said {
    at.admin().post("/api/v1/hosts/set-roles", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_roles_of_many_hosts_change_as_counted() {
    let at = Running::start().await;
    let token = token_of(&at.mint(json!({ "roles": ["proxy"], "persistent": true, "max_uses": null })).await);
    let (_, first) = enroll(&at, &token).await;
    enroll(&at, &token).await;
    let filter = json!({ "role": "proxy" });
    let counted =
        set_roles(&at, json!({ "roles": ["director"], "filter": filter, "dry_run": true })).await.json;
    assert_eq!(counted["count"], 2);
    let order = json!({ "roles": ["director"], "filter": filter, "expect": counted["selection"] });
    let (_, third) = enroll(&at, &token).await;
    is_refused(&set_roles(&at, order.clone()).await, 409, "count_changed");
    assert_eq!(
        at.admin().delete(&format!("{HOSTS}/{}", third["host_id"].as_str().unwrap())).await.status,
        200
    );
    let done = set_roles(&at, order.clone()).await;
    assert_eq!((done.status, &done.json["changed"]), (200, &json!(2)), "{}", done.text);
    assert_eq!(at.entries("host_roles_changed").await, 2);
    assert_eq!(shown(&at, &first).await["roles"], json!(["director"]));
    let ids =
        json!({ "roles": ["director"], "ids": [first["host_id"], "0198c0de-e1e2-7f50-9162-738495a6b7c8"] });
    let again = set_roles(&at, ids).await.json;
    assert_eq!((&again["changed"], &again["unknown"]), (&json!(0), &json!(1)));
    for wrong in [
        json!({ "ids": [] }),
        json!({ "roles": ["no-such-role"], "ids": [] }),
        json!({ "roles": [], "all": true }),
    ] {
        is_refused(&set_roles(&at, wrong).await, 400, "invalid_request");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_host_changes_if_one_policy_forbids_it() {
    let at = Running::start().await;
    let policy = proxies(&at, "edge").await;
    let (_, member) = enroll(&at, &first_token(&policy)).await;
    let (_, free) = enroll(&at, &at.mint_once().await).await;
    let ids = [&free["host_id"], &member["host_id"]];
    is_refused(
        &set_roles(&at, json!({ "roles": ["director"], "ids": ids })).await,
        409,
        "roles_not_in_policy",
    );
    assert_eq!(at.entries("host_roles_changed").await, 0);
    let limits = json!({ "roles": ["proxy"] });
    let key =
        at.api_key(&at.admin(), json!({ "scopes": ["hosts:write", "hosts:read"], "limits": limits })).await;
    let small = at.stranger().bearer(key["api_key"].as_str().unwrap());
    let order = |roles: Value| json!({ "roles": roles, "all": true, "dry_run": true });
    is_refused(
        &small.post("/api/v1/hosts/set-roles", &order(json!(["director"]))).await,
        403,
        "beyond_limits",
    );
    let within = small.post("/api/v1/hosts/set-roles", &order(json!([]))).await.json;
    assert_eq!(within["count"], 1, "the other host has a role beyond the limits");
    at.stop().await;
}
