//! The document, sentence by sentence.

use std::time::Duration;

use serde_json::json;

use super::*;

/// "You can use the token as many times as needed. It will remain valid until you revoke it."
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_valid_until_it_is_revoked() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &["proxy"]).await;
    let item = created(&at, json!({ "policy_id": policy, "name": "rack" })).await;
    let (id, api_key) = (text(&item, "id"), text(&item, "api_key"));
    let mut hosts = std::collections::BTreeSet::new();
    for _ in 0..5 {
        // Nearly as far as TLS lets this clock go, in all.
        at.clock.advance(Duration::from_secs(3 * 86_400));
        let enrolled = redeem(&at, &Host::new(), api_key).await;
        assert_eq!(enrolled.status, 200, "{}", enrolled.text);
        hosts.insert(text(&enrolled.json, "host_id").to_owned());
    }
    assert_eq!(hosts.len(), 5);
    assert_eq!(delete(&at, id, "").await.status, 200);
    let late = redeem(&at, &Host::new(), api_key).await;
    assert_eq!((late.status, late.code()), (410, "token_revoked"));
}

/// The document: "When you use the Fleet UI to add an agent or create a new policy, Fleet creates an enrollment token for you
/// automatically."
#[tokio::test(flavor = "multi_thread")]
async fn a_new_policy_has_a_token() {
    let at = Running::start().await;
    let body = json!({ "name": "edge", "namespace": "default" });
    let made = kibana(at.admin()).post(POLICIES, &body).await;
    let policy = text(&made.json["item"], "id");
    let page = listed(&at.admin(), &format!("?kuery=policy_id:{policy}")).await;
    assert_eq!(names(&page), ["Default"]);
    assert_eq!(redeem(&at, &Host::new(), text(&page["items"][0], "api_key")).await.status, 200);
}

/// "Note that the token name you specify must be unique so as to avoid conflict with any existing API keys."
/// "The token name may not be re-used when you create an enrollment token."
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_token_keeps_its_name() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let body = json!({ "policy_id": policy, "name": "rack" });
    let item = created(&at, body.clone()).await;
    delete(&at, text(&item, "id"), "").await;
    let refused = kibana(at.admin()).post(KEYS, &body).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    // The retention of ended tokens is seven days.
    at.clock.advance(Duration::from_secs(8 * 86_400));
    at.authority.upkeep.collect().await.unwrap();
    created(&at, body).await;
}

/// "In the list of tokens, click the Show token icon to see the token secret."
#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_shown_again() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    for _ in 0..2 {
        let shown = at.admin().get(&format!("{KEYS}/{}", text(&item, "id"))).await;
        assert_eq!(shown.json["item"], item);
    }
    let at = at.restart().await;
    let shown = at.admin().get(&format!("{KEYS}/{}", text(&item, "id"))).await;
    assert_eq!(shown.json["item"]["api_key"], item["api_key"], "nothing secret is in the store");
    at.stop().await;
}

/// "You can revoke an enrollment token that you no longer wish to use to enroll Elastic Agents in an agent policy in Fleet."
/// "You can no longer use this token to enroll Elastic Agents. However, the currently enrolled agents will continue to function."
#[tokio::test(flavor = "multi_thread")]
async fn enrolled_hosts_outlive_their_token() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let host = Host::new();
    let enrolled = redeem(&at, &host, text(&item, "api_key")).await.json;
    delete(&at, text(&item, "id"), "?forceDelete=true").await;
    assert_eq!(host.client(&at, &enrolled).get("/api/v1/whoami").await.status, 200);
}

/// "To re-enroll your Elastic Agents, use an active enrollment token."
#[tokio::test(flavor = "multi_thread")]
async fn another_active_token_enrolls_again() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let gone = created(&at, json!({ "policy_id": policy })).await;
    delete(&at, text(&gone, "id"), "").await;
    let active = listed(&at.admin(), "?kuery=active:true").await;
    assert_eq!(redeem(&at, &Host::new(), text(&active["items"][0], "api_key")).await.status, 200);
}

/// "Note that when an enrollment token is revoked it is not immediately deleted." "Deletion occurs automatically after the duration
/// specified" …. "The token continues to be visible in the Fleet UI."
/// "The token continues to be returned by a GET /api/fleet/enrollment_api_keys API request."
/// "Revoked enrollment tokens are identified as "active": false."
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_stays_listed_as_inactive() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy, "name": "rack" })).await;
    let id = text(&item, "id");
    for _ in 0..2 {
        let deleted = delete(&at, id, "").await;
        assert_eq!((deleted.status, deleted.text.as_str()), (200, r#"{"action":"deleted"}"#));
    }
    let mut inactive = item.clone();
    inactive["active"] = json!(false);
    let shown = async || at.admin().get(&format!("{KEYS}/{id}")).await;
    assert_eq!(shown().await.json["item"], inactive);
    assert_eq!(listed(&at.admin(), "?kuery=name:rack").await["items"][0], inactive);
    at.clock.advance(Duration::from_secs(8 * 86_400));
    at.authority.upkeep.collect().await.unwrap();
    assert_eq!(shown().await.status, 404);
    assert_eq!(at.entries("token_revoked").await, 1, "the second deletion changed nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_deletion_frees_the_name_at_once() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let body = json!({ "policy_id": policy, "name": "rack" });
    let item = created(&at, body.clone()).await;
    let id = text(&item, "id");
    delete(&at, id, "").await;
    assert_eq!(delete(&at, id, "?forceDelete=true").await.text, r#"{"action":"deleted"}"#);
    assert_eq!(at.admin().get(&format!("{KEYS}/{id}")).await.status, 404);
    assert_eq!(at.token(id).await["state"], "revoked", "the native list has it until it is collected");
    created(&at, body).await;
    assert_eq!(delete(&at, id, "?forceDelete=true").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_inactive() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy, "name": "brief", "expiration": "1h" })).await;
    at.clock.advance(Duration::from_secs(3600 + 61));
    let late = redeem(&at, &Host::new(), text(&item, "api_key")).await;
    assert_eq!((late.status, late.code()), (410, "token_expired"));
    let page = listed(&at.admin(), "?kuery=active:false").await;
    assert_eq!(names(&page), ["brief"]);
}
