//! A token gets a successor with the same grant, and ends after the overlap.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::database::{one, reader};
use crate::support::{Host, Running, Said, eventually};

const TOKENS: &str = "/api/v1/enrollment-tokens";

async fn rotate(at: &Running, id: &Value, body: Value) -> Said {
    at.admin().post(&format!("{TOKENS}/{}/rotate", id.as_str().unwrap()), &body).await
}

async fn shown(at: &Running, id: &Value) -> Value {
    at.token(id.as_str().unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn both_tokens_work_during_the_overlap() {
    let at = Running::start().await;
    let grant = json!({
        "persistent": true, "roles": ["proxy"], "label": "rack 7", "max_uses": 9, "dns_names": ["*.nodes.example.org"],
    });
    let minted = at.mint(grant).await;
    let id = minted["token_id"].clone();
    let enrolled = Host::new().redeem(&at, &token_of(&minted)).await;
    let rotated = rotate(&at, &id, json!({ "overlap": "1h" })).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    let next = rotated.json;
    for name in ["roles", "persistent", "label", "max_uses", "dns_names", "expires_at"] {
        assert_eq!(next[name], minted[name], "{name}");
    }
    assert_eq!(next["replaces"], id);
    assert_eq!(next["revokes_at"], json!(at.clock_reading().plus(Duration::from_secs(3600))));
    assert_eq!(next["newest_hosts"][0]["id"], enrolled.json["host_id"]);
    let item = shown(&at, &id).await;
    assert_eq!((&item["replaced_by"], &item["revokes_at"]), (&next["token_id"], &next["revokes_at"]));
    assert_eq!(item["state"], "active");
    for token in [&minted, &next] {
        assert_eq!(Host::new().redeem(&at, &token_of(token)).await.status, 200);
    }
    let again = rotate(&at, &id, json!({})).await;
    assert_eq!((again.status, again.code()), (409, "already_rotated"));
    assert!(again.text.contains(next["token_id"].as_str().unwrap()));

    at.clock.advance(Duration::from_secs(3600));
    let early = Host::new().redeem(&at, &token_of(&minted)).await;
    assert_eq!(early.code(), "token_revoked", "whether the timer has come round or not");
    let at = at.restart().await;
    assert_eq!(shown(&at, &id).await["state"], "revoked", "before anything is answered");
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.code(), "token_revoked");
    assert_eq!(Host::new().redeem(&at, &token_of(&next)).await.status, 200);
    let ledger = at.ledger().await;
    let of_old = ledger.iter().filter(|entry| entry["subjects"]["token"] == id && entry["outcome"] == "done");
    let found = of_old.map(|entry| (entry["action"].as_str().unwrap(), entry["actor"].as_str().unwrap()));
    let acts: Vec<_> = found.filter(|(action, _)| action.starts_with("token")).collect();
    assert_eq!(
        acts,
        [("token_revoked", "user:admin"), ("token_rotated", "user:admin"), ("token_created", "user:admin")]
    );
    assert_eq!(shown(&at, &id).await["revokes_at"], Value::Null);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overlap_ends_without_a_request() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "ttl": "3h" })).await;
    assert_eq!(rotate(&at, &minted["token_id"], json!({ "overlap": "1h" })).await.status, 201);
    let revoked = || one(&reader(at.data_dir()), "SELECT count(*) FROM mints WHERE revoked_at IS NOT NULL");
    assert_eq!(revoked(), 0);
    at.clock.advance(Duration::from_secs(3600));
    eventually("it is revoked", async || (revoked() == 1).then_some(())).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zero_overlap_revokes_the_old_token() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "ttl": "2h", "max_uses": null })).await;
    at.clock.advance(Duration::from_secs(3600));
    let rotated = rotate(&at, &minted["token_id"], json!({ "overlap": "0s" })).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    let until = at.clock_reading().plus(Duration::from_secs(7200));
    assert_eq!(rotated.json["expires_at"], json!(until), "the whole span again");
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.code(), "token_revoked");
    assert_eq!(Host::new().redeem(&at, &token_of(&rotated.json)).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_and_emergency_tokens_are_not_rotated() {
    let at = Running::start().await;
    let used = at.mint(json!({})).await;
    Host::new().redeem(&at, &token_of(&used)).await;
    let revoked = at.mint(json!({})).await;
    at.admin().delete(&format!("{TOKENS}/{}", revoked["token_id"].as_str().unwrap())).await;
    let expired = at.mint(json!({ "ttl": "1m" })).await;
    at.clock.advance(Duration::from_secs(100));
    let listed = at.admin().get(&format!("{TOKENS}?label=emergency*")).await;
    let before = at.ledger().await.len();
    for (id, status, code) in [
        (&used["token_id"], 410, "token_used"),
        (&revoked["token_id"], 410, "token_revoked"),
        (&expired["token_id"], 410, "token_expired"),
        (&listed.json["items"][0]["id"], 409, "emergency_token"),
        (&json!("0190a0b0-0000-7000-8000-000000000000"), 404, "not_found"),
    ] {
        let said = rotate(&at, id, json!({})).await;
        assert_eq!((said.status, said.code()), (status, code), "{}", said.text);
    }
    let wrong = rotate(&at, &used["token_id"], json!({ "overlap": "soon" })).await;
    assert_eq!((wrong.status, &wrong.json["fields"][0]["field"]), (400, &json!("overlap")));
    assert_eq!(at.ledger().await.len(), before);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_successor_is_bound_to_the_same_cluster() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "bind": { "cluster": "zone-a" }, "max_uses": null })).await;
    let rotated = rotate(&at, &minted["token_id"], json!({})).await;
    assert_eq!(rotated.status, 201, "{}", rotated.text);
    let token = token_of(&rotated.json);
    let other = Host::new().redeem_with(&at, &token, json!({ "cluster": "zone-b" })).await;
    assert_eq!((other.status, other.code()), (403, "binding_mismatch"));
    let same = Host::new().redeem_with(&at, &token, json!({ "cluster": "zone-a" })).await;
    assert_eq!(same.status, 200, "{}", same.text);
    at.stop().await;
}
