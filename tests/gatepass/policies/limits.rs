//! I5: a policy and its first token lead to nothing beyond their creator's limits.

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

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_first_token_is_judged_as_a_mint() {
    let at = Running::start().await;
    let limits = json!({ "roles": ["proxy"], "max_uses": 10, "persistent": false, "policies": "any" });
    let anna = limited(&at, "anna", &limits).await;
    let said = anna.post(POLICIES, &policy("edge", &json!({ "roles": ["proxy"] }))).await;
    assert_eq!(beyond(&said), ["max_ttl", "max_uses", "persistent"]);
    let without = json!({ "roles": ["proxy"], "first_token": false });
    let said = anna.post(POLICIES, &policy("edge", &without)).await;
    assert_eq!((said.status, said.json.get("first_token")), (201, None), "{}", said.text);
    let wide = json!({ "roles": ["proxy", "director"], "first_token": false });
    assert_eq!(beyond(&anna.post(POLICIES, &policy("core", &wide)).await), ["roles"]);
    assert_eq!(
        (at.entries("policy_created").await, at.entries("token_created").await),
        (1, 2),
        "two of the start"
    );
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_policies_are_changed_within_limits() {
    let at = Running::start().await;
    let (edge, core) = (create(&at, "edge", json!({})).await, create(&at, "core", json!({})).await);
    let anna = limited(&at, "anna", &json!({ "policies": [edge["id"]] })).await;
    let said = anna.post(POLICIES, &policy("new", &json!({ "first_token": false }))).await;
    assert_eq!(beyond(&said), ["policies"]);
    let change = json!({ "description": "x" });
    assert_eq!(anna.patch(&at_id(&edge), &change).await.status, 200);
    assert_eq!(beyond(&anna.patch(&at_id(&core), &change).await), ["policies"]);
    let restore = format!("{}/revisions/1/restore", at_id(&core));
    assert_eq!(beyond(&anna.post(&restore, &json!({})).await), ["policies"]);
    let ephemeral = json!({ "ephemeral_hosts": true });
    assert_eq!(beyond(&anna.patch(&at_id(&edge), &ephemeral).await), ["policies"], "it deletes lapsed hosts");
    for none in ["99", "9223372036854775808", "18446744073709551615"] {
        let restore = format!("{}/revisions/{none}/restore", at_id(&edge));
        assert_eq!(anna.post(&restore, &json!({})).await.status, 404, "{none}");
    }
    assert_eq!(beyond(&anna.delete(&at_id(&core)).await), ["policies"]);
    assert_eq!(anna.delete(&at_id(&edge)).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_change_of_roles_is_within_limits() {
    let at = Running::start().await;
    let anna = limited(&at, "anna", &json!({ "roles": ["proxy"], "policies": "any" })).await;
    let edge = create(&at, "edge", json!({ "roles": ["director"] })).await;
    let patch = async |body: Value| anna.patch(&at_id(&edge), &body).await;
    assert_eq!(patch(json!({ "description": "x" })).await.status, 200);
    assert_eq!(beyond(&patch(json!({ "roles": ["director", "allocator"] })).await), ["roles"]);
    assert_eq!(
        beyond(&patch(json!({ "roles": [] })).await),
        ["roles"],
        "roles are taken within the limits too"
    );
    assert_eq!(beyond(&anna.delete(&at_id(&edge)).await), ["roles"], "its tokens give these roles");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_only_an_admin_gives_longer_certificates() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "10d")]).await;
    let anna = limited(&at, "anna", &json!("any")).await;
    let of = |lifetime: &str| policy(lifetime, &json!({ "certificate_lifetime": lifetime }));
    assert_eq!(anna.post(POLICIES, &of("10d")).await.status, 201);
    assert_eq!(beyond(&anna.post(POLICIES, &of("11d")).await), ["certificate_lifetime"]);
    let long = create(&at, "long", json!({ "certificate_lifetime": "90d" })).await;
    let patch = async |body: Value| anna.patch(&at_id(&long), &body).await;
    assert_eq!(patch(json!({ "description": "x" })).await.status, 200, "the lifetime stays");
    assert_eq!(beyond(&patch(json!({ "certificate_lifetime": "91d" })).await), ["certificate_lifetime"]);
    assert_eq!(patch(json!({ "certificate_lifetime": "20d" })).await.status, 200, "shorter than before");
    // An earlier revision is judged as a change to its terms.
    let restore = format!("{}/revisions/1/restore", at_id(&long));
    assert_eq!(beyond(&anna.post(&restore, &json!({})).await), ["certificate_lifetime"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_a_key_without_tokens_makes_no_first_token() {
    let at = Running::start().await;
    let key = json!({ "scopes": ["policies:write"], "label": "policies", "limits": "any" });
    let key = at.api_key(&at.admin(), key).await;
    let key = at.stranger().bearer(key["api_key"].as_str().unwrap());
    let said = key.post(POLICIES, &policy("edge", &json!({}))).await;
    assert_eq!(beyond(&said), ["permissions"]);
    let said = key.post(POLICIES, &policy("edge", &json!({ "first_token": false }))).await;
    assert_eq!(said.status, 201, "{}", said.text);
    assert_eq!(key.get(POLICIES).await.status, 403, "reading takes its own scope");
    at.stop().await;
}
