//! Lists are signed again before they get old, and at once when keys or external URLs change.

use std::time::Duration;

use gatepass::token::{KeyUse, SignedStatusList};
use serde_json::{Value, json};

use super::{fetch, path_of, persistent, place_of};
use crate::support::forge::Forgery;
use crate::support::wire::Wire;
use crate::support::{Running, eventually};

async fn claims(at: &Running, uri: &str) -> serde_json::Map<String, Value> {
    Forgery::of(&at.stranger().get(path_of(at, uri)).await.text).claims
}

async fn signed_by(at: &Running, uri: &str) -> String {
    let text = at.stranger().get(path_of(at, uri)).await.text;
    Forgery::of(&text).header["kid"].as_str().unwrap().to_owned()
}

fn current(at: &Running) -> String {
    at.authority.trust.ring().current(KeyUse::StatusList).key_id().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_signed_again_long_before_it_expires() {
    let at = Running::start().await;
    let (uri, _) = place_of(&at.mint_once().await);
    for _ in 0..3 {
        let before = claims(&at, &uri).await["iat"].as_i64().unwrap();
        // Three minutes at most: a third of its life.
        at.clock.advance(Duration::from_secs(181));
        let renewed = eventually("it is signed again", async || {
            claims(&at, &uri).await["iat"].as_i64().filter(|iat| *iat > before)
        });
        assert_eq!(renewed.await, before + 181);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn new_keys_sign_every_list_at_once() {
    let at = Running::start().await;
    let (uri, _) = place_of(&at.mint_once().await);
    let first = current(&at);
    assert_eq!(signed_by(&at, &uri).await, first);
    let rotated = at.admin().post("/api/v1/signing-keys/rotate", &json!({ "use": "status_list" })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let second = current(&at);
    assert_ne!(first, second);
    let signed = async |key: &str| (signed_by(&at, &uri).await == key).then_some(());
    eventually("the prepared key signs", async || signed(&second).await).await;
    let path = format!("/api/v1/signing-keys/{second}/retire");
    assert_eq!(at.admin().post(&path, &json!({ "compromised": true })).await.status, 200);
    let third = current(&at);
    assert!(third != second && third != first);
    eventually("a fresh key signs", async || signed(&third).await).await;
    fetch(&at, &uri).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubtful_clock_serves_the_last_lists() {
    let at = Running::start().await;
    let (uri, _) = place_of(&at.mint_once().await);
    let before = claims(&at, &uri).await;
    at.clock.step_to(at.clock_reading().minus(Duration::from_secs(3600)));
    assert!(at.authority.status_lists.sign().await.unwrap_err().to_string().contains("the clock says"));
    assert_eq!(claims(&at, &uri).await, before);
    assert_eq!(at.admin().post("/api/v1/clock/accept", &json!({})).await.status, 200);
    let key = current(&at);
    eventually("the new key signs", async || (signed_by(&at, &uri).await == key).then_some(())).await;
    assert!(claims(&at, &uri).await["iat"].as_i64() < before["iat"].as_i64());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_url_serves_its_lists_until_retired() {
    let at = Running::start().await;
    let (token, _) = persistent(&at).await;
    let (uri, index) = place_of(&token);
    let old = at.url.clone();
    // At another port it has another URL.
    let at = at.restart().await;
    let path = uri.strip_prefix(&old).unwrap();
    let host = old.strip_prefix("https://").unwrap();
    let ask = async |host: &str| {
        let mut wire = Wire::open(&at).await;
        wire.write(&format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        wire.hear(false).await.body
    };
    let text = ask(host).await;
    let keys = at.authority.trust.ring();
    let list = SignedStatusList::verify(&text, &uri, keys.verifying(), at.authority.time.now()).unwrap();
    assert!(list.list().get(index).is_some());
    let here = format!("{}{path}", at.url);
    assert_eq!(Forgery::of(&ask("elsewhere.example.org").await).claims["sub"], here);
    let retired = at.admin().post("/api/v1/issuers/retire", &json!({ "issuer": old, "confirm": true })).await;
    assert_eq!(retired.status, 200, "{}", retired.text);
    eventually("the former URL has no list", async || {
        (Forgery::of(&ask(host).await).claims["sub"] == here).then_some(())
    })
    .await;
}
