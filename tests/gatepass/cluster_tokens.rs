//! Tokens that are bound to a cluster, in our words and in Telovix'.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::{Host, Running};

const TOKENS: &str = "/api/v1/enrollment-tokens";

/// The fields that are wrong with this mint.
async fn faults(at: &Running, request: Value) -> Vec<(String, String)> {
    let said = at.admin().post(TOKENS, &request).await;
    assert_eq!(said.status, 400, "{}", said.text);
    let faults = said.json["fields"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    faults.map(|fault| (text(&fault["field"]), text(&fault["message"]))).collect()
}

async fn redeem(at: &Running, minted: &Value, cluster: Option<&str>) -> (u16, String) {
    let more = cluster.map_or_else(|| json!({}), |cluster| json!({ "cluster": cluster }));
    let said = Host::new().redeem_with(at, &token_of(minted), more).await;
    (said.status, said.code().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_of_another_cluster_takes_no_use() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "bind": { "cluster": "ran-zone-a" }, "max_uses": 2 })).await;
    let refused = (403, "binding_mismatch".to_owned());
    for other in [None, Some("ran-zone-b"), Some("RAN-ZONE-A"), Some("ran-zone-a.")] {
        assert_eq!(redeem(&at, &minted, other).await, refused, "{other:?}");
    }
    let id = minted["token_id"].as_str().unwrap();
    let item = at.token(id).await;
    assert_eq!(
        (&item["cluster"], &item["used"], &item["uses_left"]),
        (&json!("ran-zone-a"), &json!(0), &json!(2))
    );
    for _ in 0..2 {
        assert_eq!(redeem(&at, &minted, Some("ran-zone-a")).await.0, 200);
    }
    assert_eq!(redeem(&at, &minted, Some("ran-zone-a")).await, (410, "token_exhausted".to_owned()));
    let entry = at.ledger().await.into_iter().find(|entry| entry["action"] == "token_created").unwrap();
    assert_eq!(entry["detail"]["cluster"], "ran-zone-a");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telovix_names_mean_the_same() {
    let at = Running::start().await;
    let request = json!({ "persistent": true, "cluster_id": "edge/1", "expires_days": 730, "max_nodes": 1 });
    let minted = at.mint(request).await;
    assert_eq!((&minted["cluster"], &minted["max_uses"]), (&json!("edge/1"), &json!(1)));
    assert_eq!(redeem(&at, &minted, Some("edge/1")).await.0, 200);
    assert_eq!(redeem(&at, &minted, Some("edge/1")).await, (410, "token_used".to_owned()));
    let short = at.mint(json!({ "persistent": true, "cluster_id": "edge/1", "expires_days": 1 })).await;
    assert_eq!(redeem(&at, &short, Some("edge/1")).await.0, 200);
    at.clock.advance(Duration::from_secs(86_400 + 61));
    assert_eq!(redeem(&at, &short, Some("edge/1")).await, (410, "token_expired".to_owned()));
    let unlimited = at.mint(json!({ "cluster_id": "edge/1", "max_nodes": null })).await;
    assert_eq!(unlimited["max_uses"], Value::Null);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_words_for_one_thing_are_refused_naming_both() {
    let at = Running::start().await;
    for (request, field, other) in [
        (json!({ "bind": { "cluster": "a" }, "cluster_id": "a" }), "cluster_id", "bind.cluster"),
        (json!({ "max_uses": 3, "max_nodes": 3 }), "max_nodes", "max_uses"),
        (json!({ "max_uses": null, "max_nodes": null }), "max_nodes", "max_uses"),
        (json!({ "persistent": true, "ttl": "1d", "expires_days": 1 }), "expires_days", "ttl"),
        (
            json!({ "persistent": true, "expires_at": "2999-01-01T00:00:00Z", "expires_days": 1 }),
            "expires_days",
            "expires_at",
        ),
    ] {
        let faults = faults(&at, request.clone()).await;
        assert_eq!((faults.len(), faults[0].0.as_str()), (1, field), "{request}: {faults:?}");
        assert!(faults[0].1.contains(field) && faults[0].1.contains(other), "{faults:?}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_and_days_out_of_bounds_are_refused() {
    let at = Running::start().await;
    for (request, field) in [
        (json!({ "bind": { "cluster": "" } }), "bind.cluster"),
        (json!({ "bind": { "cluster": "two words" } }), "bind.cluster"),
        (json!({ "cluster_id": "" }), "cluster_id"),
        (json!({ "bind": { "rack": "7" } }), "bind.rack"),
        (json!({ "persistent": true, "expires_days": 0 }), "expires_days"),
        (json!({ "persistent": true, "expires_days": 731 }), "expires_days"),
        (json!({ "persistent": true, "expires_days": -1 }), "expires_days"),
        (json!({ "persistent": true, "cluster_id": "a", "ttl": "731d" }), "ttl"),
        (json!({ "cluster_id": "a", "expires_days": 2 }), "expires_days"),
        (json!({ "cluster_id": "a", "max_nodes": 0 }), "max_nodes"),
    ] {
        let faults = faults(&at, request.clone()).await;
        assert_eq!((faults.len(), faults[0].0.as_str()), (1, field), "{request}: {faults:?}");
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_token_is_bound_to_the_same_cluster() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true, "bind": { "cluster": "ran-zone-a" } })).await;
    let path = format!("{TOKENS}/{}/rotate", minted["token_id"].as_str().unwrap());
    let rotated = at.admin().post(&path, &json!({})).await;
    assert_eq!((rotated.status, &rotated.json["cluster"]), (201, &json!("ran-zone-a")), "{}", rotated.text);
    assert_eq!(redeem(&at, &rotated.json, None).await.0, 403);
    assert_eq!(redeem(&at, &rotated.json, Some("ran-zone-a")).await.0, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_install_command_names_the_cluster() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "bind": { "cluster": "edge/1" } })).await;
    let line = minted["install_command"].as_str().unwrap();
    assert!(line.ends_with("gatepass enroll --cluster edge/1"), "{line}");
    let refused = Host::new().redeem_with(&at, &token_of(&minted), json!({})).await;
    assert!(
        refused.text.contains("bound to a cluster") && refused.text.contains("--cluster"),
        "{}",
        refused.text
    );
    at.stop().await;
}
