//! Deleting many tokens.

use serde_json::json;

use super::*;
use crate::support::authority::PASSWORD;

async fn bulk(client: &Client, body: Value) -> Said {
    client.post(&format!("{KEYS}/_bulk_delete"), &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_deactivated_or_deleted() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        at.clock.advance(std::time::Duration::from_millis(2));
        ids.push(text(&created(&at, json!({ "policy_id": policy, "name": name })).await, "id").to_owned());
    }
    let asked = json!([ids[0], ids[1], "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081", "x"]);
    let said = bulk(&kibana(at.admin()), json!({ "tokenIds": asked })).await;
    let expected = r#"{"action":"deactivated","count":4,"successCount":2,"errorCount":2}"#;
    assert_eq!((said.status, said.text.as_str()), (200, expected));
    let page = listed(&at.admin(), "?kuery=active:false").await;
    assert_eq!(names(&page), ["b", "a"]);
    let said = bulk(&kibana(at.admin()), json!({ "tokenIds": ids, "forceDelete": true })).await;
    assert_eq!(said.text, r#"{"action":"deleted","count":2,"successCount":2,"errorCount":0}"#);
    assert_eq!(listed(&at.admin(), "?kuery=active:false").await["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kuery_selects_the_tokens() {
    let at = Running::start().await;
    let (one, other) = (policy(&at, "one", &[]).await, policy(&at, "other", &[]).await);
    created(&at, json!({ "policy_id": one })).await;
    let said = bulk(&kibana(at.admin()), json!({ "kuery": format!("policy_id:{one}") })).await;
    assert_eq!(said.text, r#"{"action":"deactivated","count":2,"successCount":2,"errorCount":0}"#);
    let live = listed(&at.admin(), "?kuery=active:true").await;
    assert_eq!((&live["total"], &live["items"][0]["policy_id"]), (&json!(1), &json!(other)));
    let none = bulk(&kibana(at.admin()), json!({ "kuery": "policy_id:unknown" })).await;
    assert_eq!(none.text, r#"{"action":"deactivated","count":0,"successCount":0,"errorCount":0}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vague_selection_is_refused() {
    let at = Running::start().await;
    policy(&at, "edge", &[]).await;
    for body in [
        json!({}),
        json!({ "tokenIds": [], "kuery": "active:true" }),
        json!({ "kuery": "" }),
        json!({ "kuery": "everything" }),
        json!({ "tokenIds": "x" }),
        json!({ "tokenIds": [7] }),
    ] {
        let said = bulk(&kibana(at.admin()), body.clone()).await;
        assert_eq!(said.status, 400, "{body}: {}", said.text);
    }
    assert_eq!(listed(&at.admin(), "?kuery=active:true").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_caller_deletes_only_within_its_limits() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &["director"]).await;
    let item = created(&at, json!({ "policy_id": policy, "name": "rack" })).await;
    let id = text(&item, "id");
    at.user("owner", PASSWORD, "operator").await;
    let request = json!({ "label": "ci", "scopes": ["tokens:read", "tokens:write"], "limits": { "roles": ["proxy"], "persistent": true } });
    let key = at.api_key(&at.stranger().basic("owner", PASSWORD), request).await;
    let limited = kibana(at.stranger().bearer(text(&key, "api_key")));
    let said = bulk(&limited, json!({ "tokenIds": [id] })).await;
    assert_eq!(said.text, r#"{"action":"deactivated","count":1,"successCount":0,"errorCount":1}"#);
    assert_eq!(limited.delete(&format!("{KEYS}/{id}")).await.status, 403);
    assert_eq!(limited.post(KEYS, &json!({ "policy_id": policy })).await.status, 403);
    assert_eq!(limited.get(&format!("{KEYS}/{id}")).await.status, 403);
    let hidden = listed(&limited, "?kuery=name:rack").await;
    assert_eq!((&hidden["items"][0]["api_key"], &hidden["items"][0]["active"]), (&json!(""), &json!(true)));
}
