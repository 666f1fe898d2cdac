//! The signing keys: rotating, retiring, and the effect on tokens and the emergency token.

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::{Host, Running, Said};

const KEYS: &str = "/api/v1/signing-keys";

/// The id of the key of enrollment tokens that is in this state.
async fn key(at: &Running, state: &str) -> String {
    let keys = at.admin().get(KEYS).await.json;
    let found = keys["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["use"] == "enrollment" && key["state"] == state)
        .unwrap();
    found["id"].as_str().unwrap().to_owned()
}

async fn rotate(at: &Running) -> Said {
    at.admin().post(&format!("{KEYS}/rotate"), &json!({})).await
}

async fn retire(at: &Running, key: &str, body: Value) -> Said {
    at.admin().post(&format!("{KEYS}/{key}/retire"), &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_keeps_old_tokens_valid() {
    let at = Running::start().await;
    let token = at.mint_once().await;
    let (current, prepared) = (key(&at, "current").await, key(&at, "prepared").await);
    let jwks = at.stranger().get("/.well-known/jwks.json").await.text;
    assert!(jwks.contains(&current) && jwks.contains(&prepared), "published before it signs");
    assert_eq!(rotate(&at).await.status, 200);
    assert_eq!((key(&at, "current").await, key(&at, "previous").await), (prepared.clone(), current.clone()));
    let file = |key: &str| at.data_dir().join("keys").join(format!("token-{key}.pem"));
    assert!(!file(&current).exists() && file(&prepared).exists());
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    let header = crate::support::forge::Forgery::of(&at.mint_once().await).header;
    assert_eq!(header["kid"], prepared);
    assert_eq!(at.entries("key_rotated").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_to_a_lost_key_is_refused() {
    let at = Running::start().await;
    let prepared = key(&at, "prepared").await;
    std::fs::remove_file(at.data_dir().join("keys").join(format!("token-{prepared}.pem"))).unwrap();
    let before = at.admin().get(KEYS).await.json;
    let refused = rotate(&at).await;
    assert_eq!((refused.status, refused.code()), (503, "keys_unavailable"), "{}", refused.text);
    assert_eq!(refused.headers["retry-after"], "10");
    assert_eq!(at.admin().get(KEYS).await.json, before);
    assert_eq!(at.entries("key_rotated").await, 0);
    let at = at.restart().await;
    at.mint_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_use_or_unknown_cannot_be_retired() {
    let at = Running::start().await;
    for state in ["current", "prepared"] {
        let refused = retire(&at, &key(&at, state).await, json!({ "confirm": true })).await;
        assert_eq!((refused.status, refused.code()), (409, "key_in_use"), "{state}");
    }
    let unknown = gatepass::token::SigningKey::generate().id().to_string();
    for id in [unknown.as_str(), "x"] {
        let refused = retire(&at, id, json!({})).await;
        assert_eq!((refused.status, refused.code()), (404, "not_found"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retiring_a_needed_key_needs_confirmation() {
    let at = Running::start().await;
    let minted = at.mint(json!({ "persistent": true })).await;
    let old = key(&at, "current").await;
    rotate(&at).await;
    let refused = retire(&at, &old, json!({})).await;
    assert_eq!((refused.status, refused.code()), (409, "key_needed"));
    // The first roles token and the emergency token are among them.
    assert!(
        refused.json["detail"].as_str().unwrap().starts_with("3 live persistent token(s)"),
        "{}",
        refused.text
    );
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
    let retired = retire(&at, &old, json!({ "confirm": true })).await;
    assert_eq!((retired.status, &retired.json["tokens_revoked"]), (200, &json!(3)), "{}", retired.text);
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 401);
    assert_eq!(at.token(minted["token_id"].as_str().unwrap()).await["state"], "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compromised_key_ends_its_tokens() {
    let at = Running::start().await;
    let (ephemeral, emergency) = (at.mint_once().await, at.emergency_token.clone().unwrap());
    let old = key(&at, "current").await;
    rotate(&at).await;
    let retired = retire(&at, &old, json!({ "compromised": true })).await;
    assert_eq!(retired.json["emergency_token_reminted"], true, "{}", retired.text);
    for token in [&ephemeral, &emergency] {
        let refused = Host::new().redeem(&at, token).await;
        assert_eq!((refused.status, refused.code()), (401, "invalid_token"));
    }
    let file = at.data_dir().join("emergency.token");
    let fresh = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    assert_ne!(fresh, emergency);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let enrolled = Host::new().redeem(&at, &fresh).await;
    assert_eq!(enrolled.json["roles"], json!(["coordinator", "director", "proxy"]), "{}", enrolled.text);
    let native = at.admin().get("/api/v1/enrollment-tokens").await.json;
    let live = |token: &&Value| token["emergency"] == true && token["state"] == "active";
    assert_eq!(native["items"].as_array().unwrap().iter().filter(live).count(), 1);
    assert!(!at.stranger().get("/.well-known/jwks.json").await.text.contains(&old));
    let at = at.restart().await;
    assert_eq!(Host::new().redeem(&at, &fresh).await.status, 200, "and after a restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_each_use_rotate_separately() {
    let at = Running::start().await;
    let signing = async || {
        let keys = at.admin().get(KEYS).await.json;
        let current = keys["items"].as_array().unwrap().iter().filter(|key| key["state"] == "current");
        current.map(|key| (key["use"].clone(), key["id"].clone())).collect::<Vec<_>>()
    };
    let before = signing().await;
    assert_eq!(before.len(), 6, "one for each use of signing keys, the Fleet key and the seal");
    let rotated = at.admin().post(&format!("{KEYS}/rotate"), &json!({ "use": "service" })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let after = signing().await;
    for (usage, id) in &before {
        assert_eq!(after.contains(&(usage.clone(), id.clone())), usage != "service", "{usage}");
    }
    let refused = at.admin().post(&format!("{KEYS}/rotate"), &json!({ "use": "tls" })).await;
    assert_eq!(
        (refused.status, refused.json["fields"][0]["field"].as_str()),
        (400, Some("use")),
        "{}",
        refused.text
    );
}
