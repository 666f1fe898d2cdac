//! I5: nobody gives what they have not, by whatever way.

use serde_json::{Value, json};

use super::{KEYS, PASSWORD, TOKENS, USERS};
use crate::support::client::Client;
use crate::support::{Running, Said};

/// Which limits an act was beyond.
fn beyond(said: &Said) -> Vec<&str> {
    assert_eq!((said.status, said.code()), (403, "beyond_limits"), "{}", said.text);
    said.json["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect()
}

async fn limited(at: &Running, role: &str, limits: Value) -> Client {
    let user = json!({ "username": "limited", "password": PASSWORD, "role": role, "limits": limits });
    assert_eq!(at.admin().post(USERS, &user).await.status, 201);
    at.stranger().basic("limited", PASSWORD)
}

fn some() -> Value {
    json!({ "roles": ["proxy"], "dns_names": ["*.east.example"], "max_ttl": "30m", "max_uses": 2, "clusters": ["east"] })
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_mint_beyond_limits_names_each() {
    let at = Running::start().await;
    let user = limited(&at, "operator", some()).await;
    let asked = json!({ "roles": ["proxy", "allocator"], "dns_names": ["*.corp.example"], "persistent": true, "bind": { "cluster": "west" } });
    let said = user.post(TOKENS, &asked).await;
    assert_eq!(beyond(&said), ["roles", "dns_names", "max_ttl", "max_uses", "persistent", "clusters"]);
    let within = json!({ "roles": ["proxy"], "dns_names": ["*.east.example", "n7.east.example"], "ttl": "30m", "max_uses": 2, "bind": { "cluster": "east" } });
    assert_eq!(user.post(TOKENS, &within).await.status, 201);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_limited_admin_gives_no_more_than_theirs() {
    let at = Running::start().await;
    let boss = limited(&at, "admin", some()).await;
    let every = ["roles", "dns_names", "max_ttl", "max_uses", "persistent", "clusters", "policies"];
    let user = |limits: Value| json!({ "username": "new", "password": PASSWORD, "role": "viewer", "limits": limits });
    assert_eq!(beyond(&boss.post(USERS, &user(json!("any"))).await), every);
    let absent = json!({ "username": "new", "password": PASSWORD, "role": "viewer" });
    assert_eq!(beyond(&boss.post(USERS, &absent).await), every, "absent means without limits");
    assert_eq!(beyond(&boss.post(KEYS, &json!({ "scopes": ["admin"], "limits": "any" })).await), every);
    let change = boss.patch(&format!("{USERS}/limited"), &json!({ "limits": "any" })).await;
    assert_eq!(beyond(&change), every);
    // Setting the admin's password gives the admin's rights.
    let reset = boss.put(&format!("{USERS}/admin/password"), &json!({ "password": PASSWORD })).await;
    assert_eq!(beyond(&reset), every);
    assert_eq!(boss.post(USERS, &user(some())).await.status, 201);
    assert_eq!(boss.patch(&format!("{USERS}/new"), &json!({ "role": "operator" })).await.status, 200);
    at.user("free", PASSWORD, "viewer").await;
    let free = format!("{USERS}/free");
    assert_eq!(beyond(&boss.patch(&free, &json!({ "role": "operator" })).await), every);
    // Taking away is not giving; giving back is.
    assert_eq!(boss.patch(&free, &json!({ "disabled": true })).await.status, 200);
    assert_eq!(beyond(&boss.patch(&free, &json!({ "disabled": false })).await), every);
    assert_eq!(boss.delete(&free).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_key_mints_up_to_its_limits() {
    let at = Running::start().await;
    let least = at.api_key(&at.admin(), json!({ "scopes": ["tokens:write"] })).await;
    let least = at.stranger().bearer(least["api_key"].as_str().unwrap());
    assert_eq!(least.post(TOKENS, &json!({ "ttl": "1h" })).await.status, 201);
    let more = json!({ "roles": ["proxy"], "dns_names": ["n7.east.example"], "ttl": "61m", "max_uses": 2, "bind": { "cluster": "east" } });
    assert_eq!(
        beyond(&least.post(TOKENS, &more).await),
        ["roles", "dns_names", "max_ttl", "max_uses", "clusters"]
    );
    let ece = "/api/v1/platform/configuration/security/enrollment-tokens";
    let said = least.post(ece, &json!({ "persistent": true, "roles": ["director"] })).await;
    assert_eq!(said.status, 403, "{}", said.text);
    assert!(said.text.contains("roles") && said.text.contains("persistent"), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_limited_admin_sets_no_longer_life() {
    let at = Running::start().await;
    let boss = limited(&at, "admin", some()).await;
    let settings = "/api/v1/settings";
    for (change, limits) in [
        (json!({ "default_ttl": "31m" }), &["max_ttl"][..]),
        (json!({ "max_ephemeral_ttl": "24h" }), &["max_ttl"]),
        (json!({ "cluster_ttl": "30m" }), &["persistent"]),
        (json!({ "cluster_ttl": "1h", "default_ttl": "20m" }), &["max_ttl", "persistent"]),
    ] {
        let said = boss.patch(settings, &change).await;
        assert_eq!(beyond(&said), limits, "{change}");
    }
    assert_eq!(at.entries("settings_changed").await, 0);
    let within = json!({ "default_ttl": "30m", "retention": "2d" });
    assert_eq!(boss.patch(settings, &within).await.status, 200);
    // Back to the configuration is a change like another.
    let admin = at.admin();
    assert_eq!(admin.patch(settings, &json!({ "max_ephemeral_ttl": "30m" })).await.status, 200);
    let back = boss.patch(settings, &json!({ "max_ephemeral_ttl": null })).await;
    assert_eq!(beyond(&back), ["max_ttl"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_life_is_within_the_limits() {
    let at = Running::start().await;
    let limits = json!({ "max_ttl": "5m", "clusters": "any" });
    let user = limited(&at, "operator", limits).await;
    let minted = user.post(TOKENS, &json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    let expected = at.clock_reading().plus(std::time::Duration::from_secs(300));
    assert_eq!(minted.json["expires_at"], json!(expected.to_string()));
    assert_eq!(beyond(&user.post(TOKENS, &json!({ "ttl": "6m" })).await), ["max_ttl"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_settings_beyond_limits_are_each_named() {
    let at = Running::start().await;
    let boss = limited(&at, "admin", json!({ "max_ttl": "30m" })).await;
    let asked =
        json!({ "default_ttl": "20m", "max_ephemeral_ttl": "2h", "cluster_ttl": "40d", "retention": "90d" });
    let said = boss.patch("/api/v1/settings", &asked).await;
    assert_eq!(beyond(&said), ["max_ttl", "max_ttl", "persistent"]);
    let messages = said.json["fields"].as_array().unwrap().iter();
    let named: Vec<_> =
        messages.map(|field| field["message"].as_str().unwrap().split(':').next().unwrap()).collect();
    assert_eq!(named, ["max_ephemeral_ttl", "cluster_ttl", "cluster_ttl"]);
    let within = boss.patch("/api/v1/settings", &json!({ "default_ttl": "20m" })).await;
    assert_eq!(within.status, 200, "{}", within.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_user_manages_its_own_account() {
    let at = Running::start().await;
    let key = at.api_key(&at.admin(), json!({ "scopes": ["admin"], "limits": "any" })).await;
    let key = at.stranger().bearer(key["api_key"].as_str().unwrap());
    let said = key.post("/api/v1/password", &json!({ "current": PASSWORD, "new": PASSWORD })).await;
    assert_eq!((said.status, said.code()), (403, "forbidden"));
    assert!(said.json["detail"].as_str().unwrap().contains("a user's password or session"), "{}", said.text);
    at.stop().await;
}
