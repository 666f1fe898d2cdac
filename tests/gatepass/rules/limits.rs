//! I5: a rule admits no host whose token its creator may not mint.

use super::*;
use crate::support::authority::PASSWORD;
use crate::support::client::Client;

/// An operator with these limits.
async fn limited(at: &Running, name: &str, limits: &Value) -> Client {
    let user = json!({ "username": name, "password": PASSWORD, "role": "operator", "limits": limits });
    assert_eq!(at.admin().post("/api/v1/users", &user).await.status, 201);
    at.stranger().basic(name, PASSWORD)
}

/// The limits that the request goes beyond.
fn beyond(said: &Said) -> Vec<&str> {
    assert_eq!((said.status, said.code()), (403, "beyond_limits"), "{}", said.text);
    said.json["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect()
}

fn limits() -> Value {
    json!({ "roles": ["proxy"], "dns_names": ["*.east.example"], "max_ttl": "30m", "max_uses": 10, "clusters": ["east"] })
}

/// A rule that uses the limits to the full.
fn within() -> Value {
    json!({ "cluster_id": "east", "label": "east", "allowed_roles": ["proxy"], "names": ["*.east.example"], "max_nodes": 10 })
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_rule_beyond_limits_names_each() {
    let at = Running::start().await;
    let user = limited(&at, "anna", &limits()).await;
    assert_eq!(
        beyond(&user.post(RULES, &rule(&json!({}))).await),
        ["roles", "dns_names", "clusters", "max_uses"]
    );
    assert_eq!(user.post(RULES, &within()).await.status, 201);
    for (field, value, limit) in [
        ("allowed_roles", json!([]), "roles"),
        ("allowed_roles", json!(["proxy", "director"]), "roles"),
        ("names", json!([]), "dns_names"),
        ("names", json!(["*.west.example"]), "dns_names"),
        ("cluster_id", json!("*"), "clusters"),
        ("cluster_id", json!("west"), "clusters"),
        ("max_nodes", Value::Null, "max_uses"),
        ("max_nodes", json!(11), "max_uses"),
    ] {
        let mut wider = within();
        wider[field] = value;
        assert_eq!(beyond(&user.post(RULES, &wider).await), [limit], "{wider}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_change_is_judged_whole() {
    let at = Running::start().await;
    let user = limited(&at, "anna", &limits()).await;
    let own = user.post(RULES, &within()).await.json;
    let patch = async |rule: &Value, body: Value| user.patch(&at_id(rule), &body).await;
    assert_eq!(patch(&own, json!({ "max_nodes": 5, "label": "smaller" })).await.status, 200);
    assert_eq!(beyond(&patch(&own, json!({ "max_nodes": 11 })).await), ["max_uses"]);
    // The label alone does not keep the reach of another's rule.
    let wide = create(&at, json!({ "cluster_id": "east" })).await;
    let every = ["roles", "dns_names", "max_uses", "policies"];
    assert_eq!(beyond(&patch(&wide, json!({ "label": "mine" })).await), every);
    assert_eq!(beyond(&patch(&wide, within()).await), every, "somebody else's rule is not cut");
    assert_eq!(beyond(&user.delete(&at_id(&wide)).await), every);
    // An own rule can be made smaller or deleted, also when the limits have become smaller.
    let fewer = json!({ "limits": { "roles": ["proxy"], "dns_names": ["*.east.example"], "max_uses": 2, "clusters": ["east"] } });
    assert_eq!(at.admin().patch("/api/v1/users/anna", &fewer).await.status, 200);
    assert_eq!(beyond(&patch(&own, json!({ "label": "mine" })).await), ["max_uses"]);
    assert_eq!(patch(&own, json!({ "max_nodes": 2 })).await.status, 200);
    assert_eq!(user.delete(&at_id(&own)).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_limited_caller_shares_rules_within_limits() {
    let at = Running::start().await;
    let (anna, ben) = (limited(&at, "anna", &limits()).await, limited(&at, "ben", &limits()).await);
    let rule = anna.post(RULES, &within()).await.json;
    assert_eq!(ben.patch(&at_id(&rule), &json!({ "max_nodes": 3 })).await.status, 200);
    assert_eq!(ben.delete(&at_id(&rule)).await.status, 200);
    let key = json!({ "scopes": ["policies:write"], "label": "rules" });
    let key = at.api_key(&at.admin(), key).await;
    let least = at.stranger().bearer(key["api_key"].as_str().unwrap());
    let said = least.post(RULES, &within()).await;
    assert_eq!(
        beyond(&said),
        ["roles", "dns_names", "clusters", "max_uses"],
        "a key without limits may nothing"
    );
    assert_eq!(least.get(RULES).await.status, 403, "reading takes its own scope");
    at.stop().await;
}
