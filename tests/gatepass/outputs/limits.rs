//! I5: a caller that may change policies, within limits, gains nothing through outputs.

use super::*;
use crate::support::authority::PASSWORD;
use crate::support::client::Client;

/// An operator with these limits.
async fn limited(at: &Running, name: &str, limits: &Value) -> Client {
    let user = json!({ "username": name, "password": PASSWORD, "role": "operator", "limits": limits });
    assert_eq!(at.admin().post("/api/v1/users", &user).await.status, 201);
    at.stranger().basic(name, PASSWORD)
}

fn beyond(said: &Said) -> Vec<&str> {
    assert_eq!((said.status, said.code()), (403, "beyond_limits"), "{}", said.text);
    said.json["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect()
}

async fn policy(at: &Running, name: &str, outputs: &[&Value]) -> Value {
    let ids = outputs.iter().map(|output| &output["id"]).collect::<Vec<_>>();
    let terms = json!({ "name": name, "outputs": ids, "first_token": false });
    let said = at.admin().post("/api/v1/policies", &terms).await;
    assert_eq!(said.status, 201, "{}", said.text);
    said.json
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_small_limits_reach_no_output() {
    let at = Running::start().await;
    let events = create(&at, &kafka("events", "hunter2")).await;
    let other = create(&at, &kafka("other", "hunter2")).await;
    let edge = policy(&at, "edge", &[&events]).await;
    let path = format!("/api/v1/policies/{}", edge["id"].as_str().unwrap());
    // A revision without the output, and one with it again.
    for outputs in [json!([]), json!([events["id"]])] {
        assert_eq!(at.admin().patch(&path, &json!({ "outputs": outputs })).await.status, 200);
    }
    let anna = limited(&at, "anna", &json!({ "policies": [edge["id"]], "roles": "any" })).await;
    let entries = at.ledger().await.len();
    for said in [
        anna.post(OUTPUTS, &kafka("mine", "x")).await,
        anna.patch(&at_id(&events), &json!({ "password": "mine" })).await,
        anna.patch(&at_id(&events), &json!({ "hosts": ["evil.example.org:9092"], "password": "x" })).await,
        anna.delete(&at_id(&other)).await,
        anna.patch(&path, &json!({ "outputs": [] })).await,
        anna.patch(&path, &json!({ "outputs": [events["id"], other["id"]] })).await,
        anna.patch(&path, &json!({ "outputs": [other["id"]] })).await,
        anna.post(&format!("{path}/revisions/2/restore"), &json!({})).await,
        anna.post(
            "/api/v1/policies",
            &json!({ "name": "x", "outputs": [events["id"]], "first_token": false }),
        )
        .await,
    ] {
        assert_eq!(beyond(&said), ["policies"], "{}", said.text);
    }
    assert_eq!(at.ledger().await.len(), entries, "nothing happened");
    assert_eq!(at.admin().get(&at_id(&events)).await.json["revision"], 1);
    // The rest of the policy is hers.
    let said = anna.patch(&path, &json!({ "description": "x", "outputs": [events["id"]] })).await;
    assert_eq!((said.status, &said.json["outputs"]), (200, &json!([events["id"]])), "{}", said.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i5_reading_outputs_takes_the_scope_of_policies() {
    let at = Running::start().await;
    let events = create(&at, &kafka("events", "hunter2")).await;
    let key = async |scopes: Value, limits: Value| {
        let order = json!({ "scopes": scopes, "label": "outputs", "limits": limits });
        let key = at.api_key(&at.admin(), order).await;
        at.stranger().bearer(key["api_key"].as_str().unwrap())
    };
    let reader = key(json!(["policies:read"]), json!("any")).await;
    let said = reader.get(&at_id(&events)).await;
    assert_eq!((said.status, &said.json["password"]), (200, &json!({ "set": true })));
    assert_eq!(reader.patch(&at_id(&events), &json!({ "password": "x" })).await.status, 403);
    let tokens = key(json!(["tokens:write", "hosts:write"]), json!("any")).await;
    assert_eq!(tokens.get(OUTPUTS).await.status, 403);
    let small = key(json!(["policies:write"]), json!({})).await;
    assert_eq!(beyond(&small.post(OUTPUTS, &kafka("mine", "x")).await), ["policies"]);
    at.stop().await;
}
