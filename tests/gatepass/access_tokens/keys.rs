//! The keys of access tokens: rotated and retired like their siblings.

use serde_json::{Value, json};

use super::{introspect, part, refused};
use crate::support::Running;
use crate::support::fleet::{Member, policy, start};

async fn keys(at: &Running, state: &str) -> Vec<Value> {
    let keys = at.admin().get("/api/v1/signing-keys").await.json["items"].clone();
    let of_access = |key: &&Value| key["use"] == "access" && key["state"] == state;
    keys.as_array().unwrap().iter().filter(of_access).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn access_keys_rotate_and_retire() {
    let at = start().await;
    let member = Member::of(&at, &policy(&at, "edge", json!({})).await).await;
    let before = member.access_token().await;
    let (current, prepared) = (keys(&at, "current").await, keys(&at, "prepared").await);
    assert_eq!(part(&before, 0)["kid"], current[0]["id"]);
    let rotated = at.admin().post("/api/v1/signing-keys/rotate", &json!({ "use": "access" })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let after = member.access_token().await;
    assert_eq!(part(&after, 0)["kid"], prepared[0]["id"], "the prepared key signs");
    for token in [&before, &after] {
        assert_eq!(introspect(&at, token).await["active"], true);
    }
    let path = |key: &Value| format!("/api/v1/signing-keys/{}/retire", key["id"].as_str().unwrap());
    refused(&at.admin().post(&path(&prepared[0]), &json!({})).await, 409, "key_in_use");
    let retired = at.admin().post(&path(&current[0]), &json!({})).await;
    assert_eq!(retired.status, 200, "{}", retired.text);
    assert_eq!(introspect(&at, &before).await, json!({ "active": false }));
    assert_eq!(introspect(&at, &after).await["active"], true);
}
