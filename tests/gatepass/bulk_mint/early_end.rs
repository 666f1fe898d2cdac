//! Bulk mints during which something changes: the client leaves, its rights change, a key rotates, the clock jumps.

use std::time::Duration;

use gatepass::service::tokens::mint::first_roles_order;
use gatepass::service::{Caller, ServiceError};
use http::HeaderName;
use serde_json::{Value, json};

use super::{TOKENS, bulk, listed};
use crate::support::authority::PASSWORD;
use crate::support::{Host, Process, Running, eventually};

/// More than the buffers of a connection hold.
const MANY: u32 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_stops_its_mint() {
    let at = Running::start().await;
    let admin = at.admin().header(HeaderName::from_static("idempotency-key"), "k");
    let request = json!({ "roles": ["proxy"], "count": MANY });
    let mut answer = admin.open(TOKENS, &request).await;
    assert_eq!(answer.status, 201);
    let first = answer.part().await.unwrap().unwrap();
    let line = first.split(|byte| *byte == b'\n').next().unwrap();
    let line: Value = serde_json::from_slice(line).unwrap();
    drop(answer);

    // The caller's turn is free when the server has noticed.
    eventually("the caller may mint again", async || {
        let said = at.admin().post(TOKENS, &json!({ "count": 1 })).await;
        (said.status == 201).then_some(())
    })
    .await;
    let minted = listed(&at, &line["batch"]).await;
    assert!(minted >= 1000 && minted.is_multiple_of(1000) && minted < MANY as usize, "{minted}");
    let again = admin.post(TOKENS, &request).await;
    assert_eq!((again.status, &again.json["complete"]), (200, &json!(false)), "{}", again.text);
    assert_eq!(again.json["count"], json!(minted));
    at.stop().await;
}

/// FLEETS 1, Bulk: the last line is a problem if minting failed midway.
#[tokio::test(flavor = "multi_thread")]
async fn i5_a_disabled_minter_gets_no_further_token() {
    let at = Running::start().await;
    at.user("anna", PASSWORD, "operator").await;
    let anna = at.stranger().basic("anna", PASSWORD);
    let mut answer = anna.open(TOKENS, &json!({ "count": MANY })).await;
    let mut text = answer.part().await.unwrap().unwrap().to_vec();
    let disabled = at.admin().patch("/api/v1/users/anna", &json!({ "disabled": true })).await;
    assert_eq!(disabled.status, 200, "{}", disabled.text);
    while let Some(part) = answer.part().await.unwrap() {
        text.extend_from_slice(&part);
    }
    let text = String::from_utf8(text).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let last = lines.pop().unwrap();
    assert_eq!((&last["status"], &last["code"]), (&json!(401), &json!("unauthenticated")), "{last}");
    assert!(lines.iter().all(|line| line["token"].is_string()) && lines.len() < MANY as usize);
    assert_eq!((&last["count"], &last["batch"]), (&json!(lines.len()), &lines[0]["batch"]));
    assert_eq!(listed(&at, &last["batch"]).await, lines.len(), "each token was sent");
    bulk(&at.admin(), json!({ "count": 1 })).await;
    at.stop().await;
}

/// A slow reader lets a signed piece wait. Its tokens count from their commit, and are signed again after a minute.
#[tokio::test(flavor = "multi_thread")]
async fn i8_a_waiting_piece_counts_from_its_commit() {
    let at = Running::start().await;
    let mut batch = at.authority.minting.bulk(&Caller::SYSTEM, first_roles_order(), 3000, None).unwrap();
    let first = batch.next().await.unwrap().unwrap();
    for (waits, is_signed_again) in [(30, false), (11 * 60, true)] {
        at.clock.advance(Duration::from_secs(waits));
        let now = at.clock_reading();
        let tokens = batch.next().await.unwrap().unwrap();
        assert_eq!(tokens.len(), 1000);
        let age = now.since(tokens[0].grant().issued_at).as_secs();
        assert_eq!(age < 2, is_signed_again, "{age} s");
        let listed = at.store.token(tokens[999].grant().token.id).await.unwrap().unwrap();
        assert!(listed.mint.created_at >= now, "{} before {now}", listed.mint.created_at);
        let id = tokens[999].grant().token.id;
        let entry =
            at.ledger().await.into_iter().find(|entry| entry["subjects"]["token"] == json!(id)).unwrap();
        let entered = gatepass::clock::Timestamp::parse_rfc3339(entry["at"].as_str().unwrap()).unwrap();
        assert!(entered >= now.whole_second(), "{entry}");
        assert_ne!(tokens[0].grant().token.id, first[0].grant().token.id);
    }
    at.stop().await;
}

/// The line of such a request has its 201, so that the log needs another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_midway_is_logged_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let user = json!({ "username": "anna", "password": PASSWORD, "role": "operator" });
    assert_eq!(server.admin().post("/api/v1/users", &user).await.status, 201);
    let series = |outcome: &str| format!("gatepass_mints_total{{outcome=\"{outcome}\"}} ");
    let measured = async |outcome: &str| {
        let metrics = server.stranger().get("/metrics").await.text;
        let value =
            metrics.lines().find_map(|line| line.strip_prefix(&series(outcome))?.parse::<usize>().ok());
        value.unwrap_or(0)
    };
    let before = measured("done").await;
    let mut answer = server.stranger().basic("anna", PASSWORD).open(TOKENS, &json!({ "count": MANY })).await;
    let request = answer.headers["x-request-id"].to_str().unwrap().to_owned();
    let mut text = answer.part().await.unwrap().unwrap().to_vec();
    server.admin().patch("/api/v1/users/anna", &json!({ "disabled": true })).await;
    while let Some(part) = answer.part().await.unwrap() {
        text.extend_from_slice(&part);
    }
    let last: Value = serde_json::from_str(String::from_utf8(text).unwrap().lines().last().unwrap()).unwrap();
    let (count, batch) = (last["count"].as_u64().unwrap() as usize, last["batch"].as_str().unwrap());
    // A scrape within a second of another one gets the same text.
    let counts = eventually("the failure is counted", async || {
        let failed = measured("unauthenticated").await;
        (failed > 0).then_some((measured("done").await, failed))
    });
    assert_eq!(counts.await, (before + count, 1));
    let line = server.logs("a bulk mint ended before its last token").await;
    for fact in [format!("request={request}"), format!("batch={batch}"), format!("minted={count}")] {
        assert!(line.contains(&fact) && line.contains("WARN"), "{fact}: {line}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_signs_the_rest() {
    let at = Running::start().await;
    let mut batch = at.authority.minting.bulk(&Caller::SYSTEM, first_roles_order(), 2500, None).unwrap();
    let first = batch.next().await.unwrap().unwrap();
    let rotated = at.admin().post("/api/v1/signing-keys/rotate", &json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let mut rest = Vec::new();
    while let Some(tokens) = batch.next().await.unwrap() {
        rest.extend(tokens);
    }
    assert_eq!((first.len(), rest.len(), batch.minted()), (1000, 1500, 2500));
    assert!(rest.iter().all(|token| token.signing_key() != first[0].signing_key()));
    for token in [&first[999], &rest[0], &rest[1499]] {
        assert_eq!(Host::new().redeem(&at, token.text().expose()).await.status, 200);
    }
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubtful_clock_stops_a_bulk_mint() {
    let at = Running::start().await;
    let mut batch = at.authority.minting.bulk(&Caller::SYSTEM, first_roles_order(), 2500, None).unwrap();
    assert_eq!(batch.next().await.unwrap().unwrap().len(), 1000);
    at.clock.step_to(at.clock_reading().minus(Duration::from_secs(3600)));
    assert!(matches!(batch.next().await, Err(ServiceError::Clock(_))));
    let minted = at.store.tokens_of_batch(batch.id()).await.unwrap();
    assert_eq!((minted.len(), batch.minted()), (1000, 1000), "the signed piece is not recorded");
}
