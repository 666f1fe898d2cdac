//! Rotations of keys and CA beside a backup.

use std::time::Instant;

use gatepass::service::backups::HELD;
use serde_json::json;

use crate::support::{Running, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_waits_until_the_backup_is_recorded() {
    let at = Running::start().await;
    at.settled().await;
    let began = Instant::now();
    let held = at.admin().post("/api/v1/backup/hold", &json!({})).await;
    assert_eq!((held.status, &held.json["seconds"]), (200, &json!(10)), "{}", held.text);
    let (keys, ca) = (at.admin(), at.admin());
    let rotations = [
        tokio::spawn(async move {
            keys.post("/api/v1/signing-keys/rotate", &json!({ "use": "enrollment" })).await
        }),
        tokio::spawn(async move { ca.post("/api/v1/ca/rotate", &json!({})).await }),
    ];
    // A mint asks for no turn.
    at.mint_once().await;
    let made =
        json!({ "hold": held.json["hold"], "seq": 1, "hash": "0".repeat(64), "bytes": 1, "with_keys": true });
    let recorded = at.admin().post("/api/v1/backup/made", &made).await;
    assert_eq!(recorded.status, 200, "{}", recorded.text);
    let in_time = began.elapsed() < HELD;
    for rotation in rotations {
        let rotated = rotation.await.unwrap();
        assert_eq!(rotated.status, 200, "{}", rotated.text);
    }
    let actions = at.ledger().await.into_iter().map(|entry| entry["action"].clone());
    let newest = actions.take(3).collect::<Vec<_>>();
    // A machine that stood still for the whole hold has shown nothing.
    assert!(!in_time || newest[2] == "backup_made", "{newest:?}");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hold_waits_for_the_first() {
    let at = Running::start().await;
    let first = at.admin().post("/api/v1/backup/hold", &json!({})).await;
    let other = at.admin();
    let second = tokio::spawn(async move { other.post("/api/v1/backup/hold", &json!({})).await });
    let made = json!({ "hold": first.json["hold"], "seq": 1, "hash": "0".repeat(64), "bytes": 1, "with_keys": false });
    assert_eq!(at.admin().post("/api/v1/backup/made", &made).await.status, 200);
    let second = second.await.unwrap();
    assert_ne!(second.json["hold"], first.json["hold"]);
    // A hold that nobody ends does.
    eventually("a rotation comes through", async || {
        let rotated = at.admin().post("/api/v1/ca/rotate", &json!({})).await;
        (rotated.status == 200).then_some(())
    })
    .await;
    at.stop().await;
}
