//! The document, sentence by sentence.
//!
//! Of a later issue: assigning roles through the Cloud UI; here a host's roles change over the API.

use std::time::Duration;

use serde_json::json;

use super::{PLAIN, is_listed, listed, made, members};
use crate::support::authority::token_of;
use crate::support::{Host, Running, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn at_the_end_of_the_installation_you_are_provided_with_a_roles_token_without_any_role_permissions() {
    let at = Running::start().await;
    let token = at.roles_token.clone().unwrap();
    let empty = listed(&at).await.into_iter().filter(|listed| listed["roles"] == json!([])).count();
    assert_eq!(empty, 1, "the first roles token is listed");
    for _ in 0..3 {
        let enrolled = Host::new().redeem(&at, &token).await;
        assert_eq!((enrolled.status, &enrolled.json["roles"]), (200, &json!([])), "{}", enrolled.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn you_can_assign_roles_to_the_additional_hosts_later_on() {
    let at = Running::start().await;
    let enrolled = Host::new().redeem(&at, at.roles_token.as_ref().unwrap()).await.json;
    let path = format!("/api/v1/hosts/{}", enrolled["host_id"].as_str().unwrap());
    let changed = at.admin().patch(&path, &json!({ "roles": ["allocator"] })).await;
    assert_eq!((changed.status, &changed.json["roles"]), (200, &json!(["allocator"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_token_is_available_for_one_hour_before_it_is_revoked_automatically() {
    let at = Running::start().await;
    let made = made(&at, r#"{ "persistent": false, "roles": [ "allocator"] }"#).await;
    let token = made["token"].as_str().unwrap();
    for _ in 0..4 {
        let enrolled = Host::new().redeem(&at, token).await;
        assert_eq!((enrolled.status, &enrolled.json["roles"]), (200, &json!(["allocator"])));
    }
    at.clock.advance(Duration::from_secs(3600));
    assert_eq!(Host::new().redeem(&at, token).await.status, 200, "within the leeway");
    at.clock.advance(Duration::from_secs(61));
    let late = Host::new().redeem(&at, token).await;
    assert_eq!((late.status, late.code()), (410, "token_expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_token_cannot_be_revoked_manually() {
    let at = Running::start().await;
    let made = made(&at, r#"{"persistent":false,"roles":["allocator"]}"#).await;
    let token = made["token"].as_str().unwrap();
    let deleted = at.admin().delete(&format!("{PLAIN}/{token}")).await;
    assert_eq!(deleted.status, 404, "{}", deleted.text);
    assert_eq!(deleted.json["errors"][0]["code"], "enrollment_tokens.invalid_token_id");
    assert_eq!(Host::new().redeem(&at, token).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persistent_token_is_available_indefinitely() {
    let at = Running::start().await;
    let made = made(&at, r#"{"persistent":true,"roles":["proxy"],"validity_in_seconds":60}"#).await;
    // Nearly as far as TLS lets this clock go: validity is for ephemeral tokens only.
    at.clock.advance(Duration::from_secs(19 * 86_400));
    assert!(is_listed(&at, &made["token_id"]).await);
    let enrolled = Host::new().redeem(&at, made["token"].as_str().unwrap()).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    let shown = at.token(made["token_id"].as_str().unwrap()).await;
    assert_eq!((&shown["expires_at"], &shown["max_uses"]), (&json!(null), &json!(null)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persistent_token_can_be_revoked_at_any_time() {
    let at = Running::start().await;
    let made = made(&at, r#"{"persistent":true,"roles":["proxy"]}"#).await;
    let token = made["token"].as_str().unwrap();
    assert_eq!(Host::new().redeem(&at, token).await.status, 200);
    let path = format!("{PLAIN}/{}", made["token_id"].as_str().unwrap());
    let deleted = at.admin().delete(&path).await;
    assert_eq!((deleted.status, deleted.json), (200, json!({})));
    let late = Host::new().redeem(&at, token).await;
    assert_eq!((late.status, late.code()), (410, "token_revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_permitted_roles_are_allocator_coordinator_proxy_and_director() {
    let at = Running::start().await;
    let roles = at.admin().get("/api/v1/roles").await.json;
    let names = roles["items"].as_array().unwrap().iter().map(|role| role["id"].as_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), ["allocator", "coordinator", "director", "proxy"]);
    let all = r#"{"persistent":false,"roles":["allocator","coordinator","proxy","director"]}"#;
    let enrolled = Host::new().redeem(&at, made(&at, all).await["token"].as_str().unwrap()).await;
    assert_eq!(enrolled.json["roles"], json!(["allocator", "coordinator", "proxy", "director"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn you_can_generate_a_new_token_after_deleting_all() {
    let at = Running::start().await;
    let admin = at.admin();
    for token in listed(&at).await {
        let path = format!("{PLAIN}/{}?confirm=emergency", token["token_id"].as_str().unwrap());
        assert_eq!(admin.delete(&path).await.status, 200);
    }
    assert!(listed(&at).await.is_empty());
    let made = made(&at, r#"{"persistent":true,"roles":[]}"#).await;
    assert_eq!(Host::new().redeem(&at, made["token"].as_str().unwrap()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_emergency_token_installs_hosts_with_all_roles_except_the_allocator_role() {
    let at = Running::start().await;
    let enrolled = Host::new().redeem(&at, at.emergency_token.as_ref().unwrap()).await;
    assert_eq!(enrolled.json["roles"], json!(["coordinator", "director", "proxy"]), "{}", enrolled.text);
    let native = at.admin().get("/api/v1/enrollment-tokens").await.json;
    let marked = native["items"].as_array().unwrap().iter().filter(|token| token["emergency"] == true);
    assert_eq!(marked.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn you_should_not_delete_the_emergency_token() {
    let at = Running::start().await;
    let native = at.admin().get("/api/v1/enrollment-tokens").await.json;
    let emergency = native["items"].as_array().unwrap().iter().find(|token| token["emergency"] == true);
    let path = format!("{PLAIN}/{}", emergency.unwrap()["id"].as_str().unwrap());
    let refused = at.admin().delete(&path).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert_eq!(members(&refused.json), ["errors"]);
    let token = at.emergency_token.clone().unwrap();
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    assert_eq!(at.admin().delete(&format!("{path}?confirm=yes")).await.status, 409);
    assert_eq!(at.admin().delete(&format!("{path}?confirm=emergency")).await.status, 200);
    assert_eq!(Host::new().redeem(&at, &token).await.status, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn retrieve_the_list_and_use_the_token_id_to_delete_the_tokens_you_no_longer_need() {
    let at = Running::start().await;
    let made = made(&at, r#"{"persistent":true,"roles":["proxy","allocator"]}"#).await;
    let item = json!({ "token_id": made["token_id"], "roles": ["proxy", "allocator"] });
    assert!(listed(&at).await.contains(&item));
    let path = format!("{PLAIN}/{}", made["token_id"].as_str().unwrap());
    assert_eq!(at.admin().delete(&path).await.json, json!({}));
    assert!(!is_listed(&at, &made["token_id"]).await, "repeat step 1: it is no longer listed");
    assert_eq!(at.admin().delete(&path).await.status, 404, "and cannot be deleted twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_use_of_the_emergency_token_is_an_alarm_in_the_ledger_and_the_metrics() {
    let at = Running::start().await;
    let uses = async || {
        let text = at.admin().get("/metrics").await.text;
        let line = text.lines().find(|line| line.starts_with("gatepass_emergency_token_uses_total"));
        line.and_then(|line| line.split(' ').nth(1)?.parse::<u64>().ok()).unwrap_or(0)
    };
    let token = at.emergency_token.clone().unwrap();
    let (before, host) = (uses().await, Host::new());
    assert_eq!(host.redeem(&at, &token).await.status, 200);
    // A day later the same host gets a new certificate, which is an alarm too; a repeat is not.
    at.clock.advance(Duration::from_secs(2 * 86_400));
    assert_eq!(host.redeem(&at, &token).await.status, 200);
    // Other tests in this process may count too, never down. The metrics are rendered once a second.
    eventually("both uses are counted", async || (uses().await >= before + 2).then_some(())).await;
    let alarms = at.ledger().await.into_iter().filter(|entry| entry["detail"]["alarm"] == "emergency_token");
    let actions = alarms.map(|entry| entry["action"].clone()).collect::<Vec<_>>();
    assert_eq!(actions, ["host_reenrolled", "host_enrolled"]);

    let other = at.roles_token.clone().unwrap();
    assert_eq!(Host::new().redeem(&at, &other).await.status, 200);
    let ledger = at.ledger().await;
    assert!(ledger[0]["action"] == "host_enrolled" && ledger[0]["detail"]["alarm"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persistent_token_without_uses_left_is_neither_listed_nor_deleted() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true, "max_uses": 1 })).await;
    assert!(is_listed(&at, &minted["token_id"]).await);
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
    assert!(!is_listed(&at, &minted["token_id"]).await);
    let said = at.admin().delete(&format!("{PLAIN}/{}", minted["token_id"].as_str().unwrap())).await;
    assert_eq!(said.status, 404, "{}", said.text);
    at.stop().await;
}
