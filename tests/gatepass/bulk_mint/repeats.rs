//! Mints that are sent again with their `Idempotency-Key`.

use std::collections::BTreeSet;
use std::time::Duration;

use http::HeaderName;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{TOKENS, bulk, listed};
use crate::support::authority::PASSWORD;
use crate::support::client::Client;
use crate::support::{Host, Running, Said};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

fn with(client: Client, key: &str) -> Client {
    client.header(KEY, key)
}

fn repeated(said: &Said) -> (usize, bool, BTreeSet<&str>) {
    assert_eq!(said.status, 200, "{}", said.text);
    assert!(!said.text.contains("eyJ"), "a token is shown once: {}", said.text);
    let ids = said.json["token_ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap());
    let count = usize::try_from(said.json["count"].as_u64().unwrap()).unwrap();
    (count, said.json["complete"].as_bool().unwrap(), ids.collect())
}

/// FLEETS 1, Bulk: a second request with the same key mints nothing and answers 200 with ids, never with tokens.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_bulk_mint_answers_with_ids() {
    let at = Running::start().await;
    let admin = with(at.admin(), "rollout-1");
    let request = json!({ "roles": ["proxy"], "count": 1001 });
    let (lines, last) = bulk(&admin, request.clone()).await;
    let entries = at.ledger().await.len();
    for client in [admin, with(at.admin(), "\"rollout-1\"")] {
        let said = client.post(TOKENS, &request).await;
        let ids = lines.iter().map(|line| line["token_id"].as_str().unwrap()).collect();
        assert_eq!((repeated(&said), &said.json["batch"]), ((1001, true, ids), &last["batch"]));
    }
    assert_eq!(at.ledger().await.len(), entries, "a repeat leaves no entry");
    let (others, other) = bulk(&with(at.admin(), "rollout-2"), request).await;
    assert_eq!(others.len(), 1001);
    assert_ne!(other["batch"], last["batch"]);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_single_mint_answers_with_its_id() {
    let at = Running::start().await;
    let admin = with(at.admin(), "k");
    let minted = admin.post(TOKENS, &json!({ "label": "one" })).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    let said = admin.post(TOKENS, &json!({ "label": "one" })).await;
    let id = minted.json["token_id"].as_str().unwrap();
    assert_eq!((repeated(&said), &said.json["batch"]), ((1, true, [id].into()), &minted.json["batch"]));
    assert_eq!(listed(&at, &minted.json["batch"]).await, 1);
    let plain = [at.mint(json!({})).await, at.mint(json!({})).await];
    assert_ne!(plain[0]["token_id"], plain[1]["token_id"], "without a key each request mints");
    assert_eq!(Host::new().redeem(&at, minted.json["token"].as_str().unwrap()).await.status, 200);
    at.stop().await;
}

/// The same key with another body: 409 `idempotency_conflict`.
#[tokio::test(flavor = "multi_thread")]
async fn another_body_under_an_idempotency_key_is_409() {
    let at = Running::start().await;
    let admin = with(at.admin(), "k");
    bulk(&admin, json!({ "count": 2 })).await;
    let before = at.entries("token_created").await;
    for body in [json!({ "count": 3 }), json!({}), json!({ "count": 2, "roles": ["proxy"] })] {
        let said = admin.post(TOKENS, &body).await;
        assert_eq!((said.status, said.code()), (409, "idempotency_conflict"), "{body}: {}", said.text);
    }
    assert_eq!(at.entries("token_created").await, before);
    at.user("anna", PASSWORD, "operator").await;
    bulk(&with(at.stranger().basic("anna", PASSWORD), "k"), json!({ "count": 3 })).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i10_an_idempotency_key_is_free_after_a_day() {
    let at = Running::start().await;
    let admin = with(at.admin(), "k");
    bulk(&admin, json!({ "count": 2 })).await;
    at.clock.advance(Duration::from_secs(24 * 3600 - 1));
    assert_eq!(admin.post(TOKENS, &json!({ "count": 2 })).await.status, 200);
    at.clock.advance(Duration::from_secs(1));
    bulk(&admin, json!({ "count": 3 })).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_idempotency_key_is_400() {
    let at = Running::start().await;
    for key in ["", "\"\"", "two words", &"k".repeat(256), "k\u{e4}"] {
        let said = with(at.admin(), key).post(TOKENS, &json!({})).await;
        let field = &said.json["fields"][0]["field"];
        assert_eq!((said.status, field), (400, &json!("Idempotency-Key")), "{key}: {}", said.text);
    }
    assert_eq!(with(at.admin(), &"k".repeat(255)).post(TOKENS, &json!({})).await.status, 201);
    at.stop().await;
}

/// Sends as many requests at once, each with the body of its number.
async fn raced(at: &Running, count: usize, body: impl Fn(usize) -> Value) -> Vec<(Value, Said)> {
    let mut racing = JoinSet::new();
    for number in 0..count {
        let (client, body) = (with(at.admin(), "k"), body(number));
        racing.spawn(async move {
            let said = client.post(TOKENS, &body).await;
            (body, said)
        });
    }
    racing.join_all().await
}

/// I1 of mints: requests with one key race, and one of them mints.
#[tokio::test(flavor = "multi_thread")]
async fn i1_twenty_requests_with_one_idempotency_key_mint_once() {
    let at = Running::start().await;
    let before = at.entries("token_created").await;
    let said = raced(&at, 20, |_| json!({ "label": "raced" })).await;
    let minted = said.iter().filter(|(_, said)| said.status == 201).collect::<Vec<_>>();
    assert_eq!(minted.len(), 1);
    for (_, said) in said.iter().filter(|(_, said)| said.status != 201) {
        assert_eq!((said.status, &said.json["token_ids"]), (200, &json!([minted[0].1.json["token_id"]])));
    }
    assert_eq!(at.entries("token_created").await, before + 1);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bodies_racing_for_an_idempotency_key_conflict() {
    let at = Running::start().await;
    let before = at.entries("token_created").await;
    let said = raced(&at, 20, |number| json!({ "label": format!("body {}", number % 2) })).await;
    let minted = said.iter().filter(|(_, said)| said.status == 201).collect::<Vec<_>>();
    assert_eq!(minted.len(), 1);
    for (body, said) in said.iter().filter(|(_, said)| said.status != 201) {
        match *body == minted[0].0 {
            true => assert_eq!((said.status, &said.json["batch"]), (200, &minted[0].1.json["batch"])),
            false => assert_eq!((said.status, said.code()), (409, "idempotency_conflict"), "{}", said.text),
        }
    }
    assert_eq!(at.entries("token_created").await, before + 1);
    at.stop().await;
}
