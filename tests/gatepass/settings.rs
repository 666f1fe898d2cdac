//! Settings that an admin changes while the server runs.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::process::gatepass;
use crate::support::{Host, Process, Running};

const SETTINGS: &str = "/api/v1/settings";
const DAY: Duration = Duration::from_secs(86_400);

async fn settings(at: &Running) -> Value {
    let said = at.admin().get(SETTINGS).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

/// Changes what must be changeable; the answer.
async fn change(at: &Running, changes: Value) -> Value {
    let said = at.admin().patch(SETTINGS, &changes).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

/// The life, in seconds, of a token minted with `request`.
async fn life(at: &Running, request: Value) -> i64 {
    let minted = at.mint(request).await;
    let item = at.token(minted["token_id"].as_str().unwrap()).await;
    let at = |member: &str| {
        gatepass::clock::Timestamp::parse_rfc3339(item[member].as_str().unwrap()).unwrap().secs()
    };
    at("expires_at") - at("created_at")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_counts_for_the_next_mint() {
    let at = Running::start().await;
    let none = json!({ "value": "15m", "configured": "15m", "changed_at": null });
    assert_eq!(settings(&at).await["default_ttl"], none);
    assert_eq!(life(&at, json!({})).await, 900);
    let answer = change(&at, json!({ "default_ttl": "30m", "max_ephemeral_ttl": "12h" })).await;
    assert_eq!(
        (&answer["default_ttl"]["value"], &answer["default_ttl"]["configured"]),
        (&json!("30m"), &json!("15m"))
    );
    assert!(answer["default_ttl"]["changed_at"].is_string() && answer["retention"]["changed_at"].is_null());
    assert_eq!(settings(&at).await, answer);
    assert_eq!(life(&at, json!({})).await, 1800);
    let longer = at.admin().post("/api/v1/enrollment-tokens", &json!({ "ttl": "13h" })).await;
    assert_eq!((longer.status, &longer.json["fields"][0]["field"]), (400, &json!("ttl")));
    let entry = at.ledger().await.into_iter().find(|entry| entry["action"] == "settings_changed").unwrap();
    assert_eq!(entry["detail"]["before"], json!({ "default_ttl": "15m", "max_ephemeral_ttl": "24h" }));
    assert_eq!(entry["detail"]["after"], json!({ "default_ttl": "30m", "max_ephemeral_ttl": "12h" }));
    assert_eq!(entry["actor"], "user:admin");
    for again in [
        json!({ "default_ttl": "30m" }),
        json!({ "default_ttl": "1800s" }),
        json!({ "retention": null }),
        json!({}),
    ] {
        assert_eq!(change(&at, again).await, answer);
    }
    assert_eq!(at.entries("settings_changed").await, 1, "what changes nothing has no entry");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_survives_a_restart_until_reset() {
    let at = Running::start().await;
    change(&at, json!({ "default_ttl": "30m", "cluster_ttl": "90d", "retention": "14d" })).await;
    let before = settings(&at).await;
    let at = at.restart().await;
    assert_eq!(settings(&at).await, before);
    assert_eq!(life(&at, json!({})).await, 1800);
    let answer = change(&at, json!({ "default_ttl": null })).await;
    assert_eq!(answer["default_ttl"], json!({ "value": "15m", "configured": "15m", "changed_at": null }));
    assert_eq!(answer["cluster_ttl"]["value"], "90d");
    assert_eq!(at.ledger().await[0]["detail"]["as_configured"], json!(["default_ttl"]));
    let at = at.restart().await;
    assert_eq!(life(&at, json!({})).await, 900);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_is_reported_and_nothing_changes() {
    let at = Running::start().await;
    let before = settings(&at).await;
    let wrong = json!({
        "default_ttl": "soon", "max_ephemeral_ttl": "25h", "cluster_ttl": "731d", "retention": "59s", "colour": "red",
    });
    let said = at.admin().patch(SETTINGS, &wrong).await;
    let mut fields: Vec<_> = said.json["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| fault["field"].as_str().unwrap())
        .collect();
    fields.sort_unstable();
    assert_eq!(said.status, 400);
    assert_eq!(fields, ["cluster_ttl", "colour", "default_ttl", "max_ephemeral_ttl", "retention"]);
    for contradiction in
        [json!({ "max_ephemeral_ttl": "10m" }), json!({ "default_ttl": "2h", "max_ephemeral_ttl": "1h" })]
    {
        let said = at.admin().patch(SETTINGS, &contradiction).await;
        assert_eq!(
            (said.status, &said.json["fields"][0]["field"]),
            (400, &json!("default_ttl")),
            "{}",
            said.text
        );
        assert!(said.text.contains("max_ephemeral_ttl"), "{}", said.text);
    }
    for unreadable in [json!({ "default_ttl": 30 }), json!([])] {
        assert_eq!(at.admin().patch(SETTINGS, &unreadable).await.status, 400);
    }
    assert_eq!(at.stranger().patch(SETTINGS, &json!({ "retention": "1d" })).await.status, 401);
    assert_eq!((settings(&at).await, at.entries("settings_changed").await), (before, 0));
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_changes_are_made_in_turn() {
    let at = Running::start().await;
    // A user who has signed in is not hashed again.
    let before = settings(&at).await;
    assert!(before["default_ttl"]["changed_at"].is_null());
    let writers = (1..=20).map(|minutes| {
        let client = at.admin();
        tokio::spawn(async move {
            // A pair fits together, and not beside half of another one.
            let pair =
                json!({ "default_ttl": format!("{minutes}m"), "max_ephemeral_ttl": format!("{minutes}m") });
            client.patch(SETTINGS, &pair).await.status
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        assert_eq!(writer.await.unwrap(), 200);
    }
    let now = settings(&at).await;
    assert_eq!(now["default_ttl"]["value"], now["max_ephemeral_ttl"]["value"]);
    assert_eq!(at.entries("settings_changed").await, 20);
    let entries = at.ledger().await;
    let mut changes = entries.iter().filter(|entry| entry["action"] == "settings_changed").peekable();
    while let Some(later) = changes.next() {
        if let Some(earlier) = changes.peek() {
            assert_eq!(later["detail"]["before"], earlier["detail"]["after"]);
        }
    }
    let at = at.restart().await;
    assert_eq!(settings(&at).await, now);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_collection_go_by_the_new_retention() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "ttl": "1m" })).await;
    let id = minted["token_id"].as_str().unwrap().to_owned();
    at.clock.advance(3 * DAY);
    let listed = async || {
        let list = at.admin().get("/api/v1/enrollment-tokens?limit=1000").await.json;
        list["items"].as_array().unwrap().iter().any(|item| item["id"] == id.as_str())
    };
    at.authority.upkeep.collect().await.unwrap();
    assert!(listed().await, "within seven days");
    change(&at, json!({ "retention": "2d" })).await;
    assert!(!listed().await);
    assert!(at.authority.upkeep.collect().await.unwrap().tokens > 0);
    assert_eq!(at.admin().get(&format!("/api/v1/enrollment-tokens/{id}")).await.status, 404);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ece_routes_keep_to_the_longest_life() {
    let at = Running::start().await;
    change(&at, json!({ "max_ephemeral_ttl": "20m" })).await;
    let said = at
        .admin()
        .post("/api/v1/platform/configuration/security/enrollment-tokens", &json!({ "persistent": false }))
        .await;
    assert_eq!(said.status, 200, "{}", said.text);
    let token = said.json["token"].as_str().unwrap().to_owned();
    at.clock.advance(Duration::from_secs(19 * 60));
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    at.clock.advance(Duration::from_secs(3 * 60));
    assert_eq!(Host::new().redeem(&at, &token).await.status, 410);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persistent_cluster_token_lives_cluster_ttl() {
    let at = Running::start().await;
    let bound = || json!({ "persistent": true, "bind": { "cluster": "ran-zone-a" } });
    assert_eq!(life(&at, bound()).await, 365 * 86_400);
    change(&at, json!({ "cluster_ttl": "90d" })).await;
    assert_eq!(life(&at, bound()).await, 90 * 86_400);
    let minted = at.mint(bound()).await;
    assert_eq!(minted["cluster"], "ran-zone-a");
    let enrolled = Host::new().redeem_with(&at, &token_of(&minted), json!({ "cluster": "ran-zone-a" })).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_shown_changed_and_reset_by_command() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let run = |args: &[&str]| {
        let mut command = gatepass();
        let output =
            command.arg("settings").args(args).arg("--data-dir").arg(&server.data_dir).output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, shown, _) = run(&["show"]);
    assert_eq!(code, Some(0));
    assert!(shown.contains("cluster_ttl") && shown.contains("365d"), "{shown}");
    let (code, shown, said) = run(&["set", "default_ttl=20m", "retention=3d", "--yes", "-o", "json"]);
    assert_eq!(code, Some(0), "{said}");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&shown["default_ttl"]["value"], &shown["retention"]["value"]), (&json!("20m"), &json!("3d")));
    let (code, _, said) = run(&["set", "retention=2d"]);
    assert_eq!(code, Some(2), "records go sooner");
    assert!(said.contains("from 3d to 2d") && said.contains("--yes"), "{said}");
    assert_eq!(run(&["set", "retention=4d"]).0, Some(0), "records stay longer");
    let (code, _, said) = run(&["set", "retention=1s", "--yes"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("retention"), "{said}");
    let (code, _, said) = run(&["set", "nothing=3d"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("nothing") && said.contains("cluster_ttl"), "{said}");
    assert_eq!(run(&["set", "retention"]).0, Some(2));
    let (code, shown, _) = run(&["reset", "default_ttl", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, &shown["default_ttl"]["value"]), (Some(0), &json!("15m")));
    server.stop().await;
}
