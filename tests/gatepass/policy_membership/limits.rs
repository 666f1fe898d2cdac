//! I5: "No act leads to policies beyond its actor's own limits."

use serde_json::{Value, json};

use super::{HOSTS, POLICIES, enroll, first_token, id_of, is_refused, policy, proxies, shown};
use crate::support::authority::PASSWORD;
use crate::support::client::Client;
use crate::support::{Running, Said};

/// A key of a user who minted nothing, with these policies and without other limits.
async fn key(at: &Running, policies: Value) -> Client {
    let limits = json!({
        "roles": "any", "dns_names": "any", "max_ttl": "any", "max_uses": "any", "persistent": true,
        "clusters": "any", "policies": policies,
    });
    let scopes =
        ["tokens:write", "tokens:read", "hosts:write", "hosts:read", "policies:write", "policies:read"];
    let user = json!({ "username": "ben", "password": PASSWORD, "role": "operator" });
    at.admin().post("/api/v1/users", &user).await;
    let owner = at.stranger().basic("ben", PASSWORD);
    let made = at.api_key(&owner, json!({ "scopes": scopes, "limits": limits })).await;
    at.stranger().bearer(made["api_key"].as_str().unwrap())
}

fn is_beyond(said: &Said) {
    is_refused(said, 403, "beyond_limits");
    assert_eq!(said.json["fields"][0]["field"], "policies", "{}", said.text);
}

/// "A limited caller cannot mint for, move to or change a policy beyond `policies`."
#[tokio::test(flavor = "multi_thread")]
async fn i5_a_caller_stays_within_its_policies() {
    let at = Running::start().await;
    let (own, foreign) = (proxies(&at, "own").await, proxies(&at, "foreign").await);
    let small = key(&at, json!([own["id"]])).await;
    let (_, enrolled) = enroll(&at, &first_token(&own)).await;
    let host = format!("{HOSTS}/{}", id_of(&enrolled));
    let mint = |policy: &Value| json!({ "policy": policy["id"], "roles": ["proxy"] });
    let at_policy = |policy: &Value| format!("{POLICIES}/{}", policy["id"].as_str().unwrap());
    let tokens = "/api/v1/enrollment-tokens";
    is_beyond(&small.post(tokens, &mint(&foreign)).await);
    is_beyond(&small.patch(&host, &json!({ "policy": foreign["id"] })).await);
    is_beyond(
        &small
            .post("/api/v1/hosts/move", &json!({ "policy": foreign["id"], "all": true, "dry_run": true }))
            .await,
    );
    is_beyond(&small.post(&format!("{host}/reenrollment-token"), &json!({ "policy": foreign["id"] })).await);
    is_beyond(&small.patch(&at_policy(&foreign), &json!({ "description": "x" })).await);
    is_beyond(&small.delete(&at_policy(&foreign)).await);
    is_beyond(&small.post(POLICIES, &json!({ "name": "new", "first_token": false })).await);
    // Within its limits.
    assert_eq!(small.post(tokens, &mint(&own)).await.status, 201);
    assert_eq!(small.patch(&at_policy(&own), &json!({ "description": "x" })).await.status, 200);
    assert_eq!(small.post(&format!("{host}/reenrollment-token"), &json!({})).await.status, 201);
    assert_eq!(small.patch(&host, &json!({ "policy": null })).await.status, 200);
    assert_eq!(small.patch(&host, &json!({ "policy": own["id"] })).await.status, 200);
    at.stop().await;
}

/// A host of a foreign policy is not moved away, re-enrolled, approved, revoked or released either.
#[tokio::test(flavor = "multi_thread")]
async fn i5_a_host_of_a_foreign_policy_stays() {
    let at = Running::start().await;
    let own = proxies(&at, "own").await;
    let foreign = policy(&at, json!({ "name": "foreign", "roles": ["proxy"] })).await;
    let (_, enrolled) = enroll(&at, &first_token(&foreign)).await;
    let small = key(&at, json!([own["id"]])).await;
    let host = format!("{HOSTS}/{}", id_of(&enrolled));
    is_beyond(&small.patch(&host, &json!({ "policy": own["id"] })).await);
    is_beyond(&small.patch(&host, &json!({ "policy": null })).await);
    is_beyond(&small.patch(&host, &json!({ "label": "mine" })).await);
    is_beyond(&small.post(&format!("{host}/reenrollment-token"), &json!({})).await);
    is_beyond(&small.post(&format!("{host}/reenrollment-token"), &json!({ "policy": own["id"] })).await);
    is_beyond(&small.delete(&host).await);
    let ids = json!({ "policy": own["id"], "ids": [enrolled["host_id"]] });
    is_beyond(&small.post("/api/v1/hosts/move", &ids).await);
    let all = json!({ "policy": own["id"], "all": true, "dry_run": true });
    assert_eq!(small.post("/api/v1/hosts/move", &all).await.json["count"], 0, "a filter does not match it");
    assert_eq!(shown(&at, &enrolled).await["policy"], foreign["id"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_an_approver_stays_within_its_policies() {
    let at = Running::start().await;
    let terms = json!({ "name": "foreign", "roles": ["proxy"], "approval": "require" });
    let foreign = policy(&at, terms).await;
    let waiting = crate::support::Host::new().redeem(&at, &first_token(&foreign)).await;
    let enrollment = format!("/api/v1/enrollments/{}", waiting.json["enrollment_id"].as_str().unwrap());
    let small = key(&at, json!([])).await;
    is_beyond(&small.post(&format!("{enrollment}/approve"), &json!({})).await);
    is_beyond(&small.post(&format!("{enrollment}/deny"), &json!({ "reason": "no" })).await);
    let whole = key(&at, json!([foreign["id"]])).await;
    assert_eq!(whole.post(&format!("{enrollment}/approve"), &json!({})).await.status, 200);
    at.stop().await;
}

/// A caller gives a user or a key no policy that it has not itself.
#[tokio::test(flavor = "multi_thread")]
async fn i5_a_key_gives_no_other_policies() {
    let at = Running::start().await;
    let own = proxies(&at, "own").await;
    let limits = json!({ "policies": [own["id"]] });
    let user = json!({ "username": "anna", "password": "staple battery horse", "role": "operator", "limits": limits });
    assert_eq!(at.admin().post("/api/v1/users", &user).await.status, 201);
    let anna = at.stranger().basic("anna", "staple battery horse");
    let shown = anna.get("/api/v1/session").await.json;
    assert_eq!(shown["limits"]["policies"], json!([own["id"]]));
    let keys = "/api/v1/api-keys";
    let order = |policies: Value| json!({ "scopes": ["tokens:write"], "limits": { "policies": policies } });
    is_beyond(&anna.post(keys, &order(json!("any"))).await);
    is_beyond(&anna.post(keys, &order(json!(["0198c0de-e1e2-7f50-9162-738495a6b7c8"]))).await);
    assert_eq!(anna.post(keys, &order(json!([own["id"]]))).await.status, 201);
    at.stop().await;
}

/// A rule of a caller admits no host whose token the caller may not mint.
#[tokio::test(flavor = "multi_thread")]
async fn i5_a_rule_admits_policies_of_its_author_only() {
    let at = Running::start().await;
    let terms = |name: &str| json!({ "name": name, "roles": ["proxy"], "approval": "require" });
    let (own, foreign) = (policy(&at, terms("own")).await, policy(&at, terms("foreign")).await);
    let rules = "/api/v1/auto-approve-rules";
    let rule = json!({ "cluster_id": "*", "label": "all" });
    let small = key(&at, json!([own["id"]])).await;
    let made = small.post(rules, &rule).await;
    assert_eq!((made.status, &made.json["policies"]), (201, &json!([own["id"]])), "{}", made.text);
    let redeem =
        async |policy: &Value| crate::support::Host::new().redeem(&at, &first_token(policy)).await.status;
    assert_eq!((redeem(&own).await, redeem(&foreign).await), (200, 202));
    let dry_run = async |policy: Value| {
        let said = at.admin().post(&format!("{rules}/test"), &json!({ "policy": policy })).await;
        assert_eq!(said.status, 200, "{}", said.text);
        said.json
    };
    for judged in [&own["id"], &Value::Null] {
        assert_eq!(dry_run(judged.clone()).await["rule"]["id"], made.json["id"]);
    }
    let refused = dry_run(foreign["id"].clone()).await;
    assert_eq!(refused["rule"], Value::Null);
    let reason = refused["others"][0]["reasons"][0].as_str().unwrap();
    assert!(reason.contains(foreign["id"].as_str().unwrap()), "{reason}");
    let unknown = at.admin().post(&format!("{rules}/test"), &json!({ "policy": "foreign" })).await;
    is_refused(&unknown, 400, "invalid_request");
    let whole = at.admin().post(rules, &rule).await;
    assert_eq!((whole.status, &whole.json["policies"]), (201, &Value::Null), "{}", whole.text);
    assert_eq!(redeem(&foreign).await, 200);
    let path = format!("{rules}/{}", whole.json["id"].as_str().unwrap());
    is_beyond(&small.patch(&path, &json!({ "label": "mine" })).await);
    is_beyond(&small.delete(&path).await);
    at.stop().await;
}
