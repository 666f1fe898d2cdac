//! A host's roles change with its next certificate, or at once.

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::{Host, Running};

/// A host with the roles allocator and proxy: its client and the path of its row.
async fn host(at: &Running) -> (Client, String) {
    let minted = at.mint(json!({ "roles": ["allocator", "proxy"] })).await;
    let host = Host::new();
    let answer = host.redeem(at, &token_of(&minted)).await.json;
    (host.client(at, &answer), format!("/api/v1/hosts/{}", answer["host_id"].as_str().unwrap()))
}

async fn renewed(at: &Running, client: &Client) -> (Client, Value) {
    let next = Host::new();
    let answer = client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    (next.client(at, &answer.json), answer.json)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_given_comes_with_the_next_certificate() {
    let at = Running::start().await;
    let (client, path) = host(&at).await;
    let roles = json!(["allocator", "proxy", "director"]);
    assert_eq!(at.admin().patch(&path, &json!({ "roles": roles })).await.json["roles"], roles);
    assert_eq!(client.get("/api/v1/whoami").await.json["roles"], json!(["allocator", "proxy"]));
    let (next, answer) = renewed(&at, &client).await;
    assert_eq!(answer["roles"], roles);
    assert_eq!(next.get("/api/v1/whoami").await.json["roles"], roles);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_role_revokes_older_certificates() {
    let at = Running::start().await;
    let (client, path) = host(&at).await;
    at.admin().patch(&path, &json!({ "roles": ["proxy"] })).await;
    assert_eq!(client.get("/api/v1/whoami").await.status, 200, "until then it is good");
    let (next, answer) = renewed(&at, &client).await;
    assert_eq!(answer["roles"], json!(["proxy"]));
    let refused = client.get("/api/v1/whoami").await;
    assert_eq!((refused.status, refused.code()), (403, "certificate_revoked"));
    assert_eq!(next.get("/api/v1/whoami").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_taken_away_now_revokes_at_once() {
    let at = Running::start().await;
    let (client, path) = host(&at).await;
    at.admin().patch(&path, &json!({ "roles": ["proxy"], "now": true })).await;
    let refused = client.get("/api/v1/whoami").await;
    assert_eq!((refused.status, refused.code()), (403, "certificate_revoked"));
    assert_eq!(at.admin().get(&path).await.json["state"], "active", "the host is not revoked");
    assert_eq!(at.entries("host_roles_changed").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_roles_change_nothing() {
    let at = Running::start().await;
    let (client, path) = host(&at).await;
    let same = at.admin().patch(&path, &json!({ "roles": ["allocator", "proxy"], "now": true })).await;
    assert_eq!(same.status, 200);
    assert_eq!(at.entries("host_roles_changed").await, 0);
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let refused = at.admin().patch(&path, &json!({ "roles": ["boss", "proxy", "chief"] })).await;
    let fields = refused.json["fields"].as_array().unwrap().iter().map(|fault| fault["field"].clone());
    assert_eq!(fields.collect::<Vec<_>>(), [json!("roles[0]"), json!("roles[2]")]);
    assert_eq!(at.admin().patch(&path, &json!({ "now": true })).await.status, 400, "absent is not empty");
    at.admin().delete(&path).await;
    let late = at.admin().patch(&path, &json!({ "roles": [] })).await;
    assert_eq!((late.status, late.code()), (403, "host_revoked"));
}
