//! Hosts that wait for approval get their key with the approval's answer, by the rule of repeats.

use serde_json::{Value, json};

use super::{ask, create, key_of};
use crate::support::authority::token_of;
use crate::support::fleet::change;
use crate::support::{Host, Running};

const ENROLLMENTS: &str = "/api/v1/enrollments";

/// A policy with keys whose hosts wait, and a host that waits.
async fn waiting(at: &Running) -> (Value, Host, String) {
    let terms = json!({ "roles": ["proxy"], "api_key_credential": true, "approval": "require" });
    let policy = create(at, "edge", terms).await;
    let (host, token) = (Host::new(), token_of(&policy["first_token"]));
    let said = ask(at, &host, &token).await;
    assert_eq!((said.status, said.json.get("access_api_key")), (202, None), "{}", said.text);
    (policy, host, token)
}

async fn approve(at: &Running) {
    let listed = at.admin().get(ENROLLMENTS).await.json;
    let id = listed["items"][0]["id"].as_str().unwrap();
    let said = at.admin().post(&format!("{ENROLLMENTS}/{id}/approve"), &json!({})).await;
    assert_eq!(said.status, 200, "{}", said.text);
}

/// "A host that waits for approval gets its key with the approval's answer by the same rule."
#[tokio::test(flavor = "multi_thread")]
async fn an_approved_host_gets_its_key_with_the_answer() {
    let at = Running::start().await;
    let (_, host, token) = waiting(&at).await;
    let listed = at.admin().get(ENROLLMENTS).await.json;
    assert_eq!(listed["items"][0]["credential"], "api_key");
    let said = host.redeem(&at, &token).await;
    assert_eq!((said.status, said.code()), (403, "enrollment_changed"), "{}", said.text);
    assert_eq!(ask(&at, &host, &token).await.status, 202);
    approve(&at).await;
    let (lost, said) = (key_of(&ask(&at, &host, &token).await), ask(&at, &host, &token).await);
    let key = key_of(&said).expect("no key was used");
    let whoami = async |key: &str| at.stranger().bearer(key).get("/api/v1/whoami").await;
    assert_eq!(whoami(&lost.unwrap()).await.status, 401);
    assert_eq!(whoami(&key).await.json["host_id"], said.json["host_id"]);
    assert_eq!(key_of(&ask(&at, &host, &token).await), None);
    let ledger = at.ledger().await;
    let credential_of = |action: &str| {
        let entries = ledger.iter().filter(|entry| entry["action"] == action);
        entries.map(|entry| entry["detail"]["credential"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(credential_of("enrollment_waiting"), [json!("api_key")]);
    assert_eq!(credential_of("host_enrolled"), [json!("api_key")]);
    assert_eq!(at.entries("opaque_key_replaced").await, 2);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_follows_the_policy_of_its_moment() {
    let at = Running::start().await;
    let (policy, host, token) = waiting(&at).await;
    change(&at, &policy, json!({ "api_key_credential": false })).await;
    approve(&at).await;
    assert_eq!(key_of(&ask(&at, &host, &token).await), None, "the certificate alone");
    change(&at, &policy, json!({ "api_key_credential": true })).await;
    assert_eq!(key_of(&ask(&at, &host, &token).await), None);
    at.stop().await;
}
