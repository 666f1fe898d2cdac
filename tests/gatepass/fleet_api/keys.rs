//! The keys of `keys/fleet-<n>.key`: rotating and retiring them, and token keys that rotate beside them.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::*;
use crate::support::authority::token_of;

const SIGNING: &str = "/api/v1/signing-keys";

/// The files of the keys.
fn files(at: &Running) -> BTreeSet<String> {
    let names = std::fs::read_dir(at.data_dir().join("keys")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("fleet-")).collect()
}

/// The keys in the list: id, state, live tokens.
async fn keys(at: &Running) -> Vec<(String, String, u64)> {
    let list = at.admin().get(SIGNING).await.json;
    let fleet = list["items"].as_array().unwrap().iter().filter(|key| key["use"] == "fleet");
    fleet
        .map(|key| {
            let live = key["live_persistent_tokens"].as_u64().unwrap();
            (text(key, "id").to_owned(), text(key, "state").to_owned(), live)
        })
        .collect()
}

fn key(id: &str, state: &str, live: u64) -> (String, String, u64) {
    (id.to_owned(), state.to_owned(), live)
}

async fn rotate(at: &Running) {
    let said = at.admin().post(&format!("{SIGNING}/rotate"), &json!({ "use": "fleet" })).await;
    assert_eq!(said.status, 200, "{}", said.text);
}

async fn retire(at: &Running, key: &str, how: Value) -> Said {
    at.admin().post(&format!("{SIGNING}/{key}/retire"), &how).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_keeps_its_tokens() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let before = created(&at, json!({ "policy_id": policy, "name": "before" })).await;
    rotate(&at).await;
    let after = created(&at, json!({ "policy_id": policy, "name": "after" })).await;
    assert_eq!(keys(&at).await, [key("fleet-1", "previous", 2), key("fleet-2", "current", 1)]);
    assert_eq!(files(&at), BTreeSet::from(["fleet-1.key".to_owned(), "fleet-2.key".to_owned()]));
    let mode = std::fs::metadata(at.data_dir().join("keys/fleet-2.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let at = at.restart().await;
    for item in [before, after] {
        let shown = at.admin().get(&format!("{KEYS}/{}", text(&item, "id"))).await;
        assert_eq!(shown.json["item"]["api_key"], item["api_key"]);
        assert_eq!(redeem(&at, &Host::new(), text(&item, "api_key")).await.status, 200);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_key_revokes_its_tokens() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let before = created(&at, json!({ "policy_id": policy })).await;
    let refused = retire(&at, "fleet-1", json!({ "confirm": true })).await;
    assert_eq!((refused.status, refused.code()), (409, "key_in_use"));
    let retired = retire(&at, "fleet-1", json!({ "compromised": true })).await;
    let expected = json!({ "id": "fleet-1", "state": "retired", "tokens_revoked": 2, "emergency_token_reminted": false });
    assert_eq!((retired.status, retired.json), (200, expected));
    assert_eq!(keys(&at).await, [key("fleet-2", "current", 0)]);
    assert_eq!(files(&at), BTreeSet::from(["fleet-2.key".to_owned()]));
    assert_eq!(redeem(&at, &Host::new(), text(&before, "api_key")).await.status, 401, "no key proves it");
    let inactive = listed(&at.admin(), "?kuery=active:false").await;
    assert_eq!(inactive["total"], 2);
    assert_eq!(inactive["items"][0]["api_key"], "", "its key is destroyed");
    let after = created(&at, json!({ "policy_id": policy })).await;
    assert_eq!(redeem(&at, &Host::new(), text(&after, "api_key")).await.status, 200);
    let again = retire(&at, "fleet-1", json!({ "compromised": true })).await;
    assert_eq!((again.status, files(&at).len()), (404, 1), "{}", again.text);
    assert_eq!(at.emergency_token.as_ref().map(String::is_empty), Some(false));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_previous_key_retires_with_its_tokens() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    rotate(&at).await;
    let kept = created(&at, json!({ "policy_id": policy })).await;
    let needed = retire(&at, "fleet-1", json!({})).await;
    assert_eq!((needed.status, needed.code()), (409, "key_needed"));
    assert_eq!(retire(&at, "fleet-1", json!({ "confirm": true })).await.json["tokens_revoked"], 1);
    assert_eq!(keys(&at).await, [key("fleet-2", "current", 1)]);
    assert_eq!(redeem(&at, &Host::new(), text(&kept, "api_key")).await.status, 200);
    for unknown in ["fleet-1", "fleet-3", "fleet-0", "fleet-02", "fleet-x"] {
        assert_eq!(retire(&at, unknown, json!({ "confirm": true })).await.status, 404, "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_signing_key_ends_the_signed_text_only() {
    for how in [json!({ "compromised": true }), json!({ "confirm": true })] {
        let at = Running::start().await;
        let made = at.admin().post("/api/v1/policies", &json!({ "name": "edge" })).await;
        let token = token_of(&made.json["first_token"]);
        let page = listed(&at.admin(), "").await;
        let api_key = text(&page["items"][0], "api_key").to_owned();
        let signer = text(&at.token(text(&page["items"][0], "id")).await, "kid").to_owned();
        assert_eq!(at.admin().post(&format!("{SIGNING}/rotate"), &json!({})).await.status, 200);
        let retired = retire(&at, &signer, how.clone()).await;
        assert_eq!(retired.status, 200, "{}", retired.text);
        assert_eq!(Host::new().redeem(&at, &token).await.status, 401, "{how}");
        let at = at.restart().await;
        assert_eq!(redeem(&at, &Host::new(), &api_key).await.status, 200, "{how}");
        let page = listed(&at.admin(), "").await;
        assert_eq!(
            (&page["items"][0]["active"], &page["items"][0]["api_key"]),
            (&json!(true), &json!(api_key))
        );
        at.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_clock_keeps_every_api_key() {
    let at = Running::start().await;
    let policy = policy(&at, "edge", &[]).await;
    let item = created(&at, json!({ "policy_id": policy })).await;
    let wall = at.authority.time.wall();
    at.clock.step_to(wall.plus(std::time::Duration::from_secs(2 * 86_400)));
    assert_eq!(at.admin().post("/api/v1/clock/accept", &json!({})).await.status, 200);
    assert_eq!(redeem(&at, &Host::new(), text(&item, "api_key")).await.status, 200);
}
