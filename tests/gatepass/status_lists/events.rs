//! Pushed events: changes, as soon as a list with them is signed.

use std::time::Duration;

use gatepass::id::TokenId;
use gatepass::service::Caller;
use gatepass::service::tokens::HowToRevoke;
use gatepass::token::Status;
use serde_json::json;

use super::{path_of, persistent, place_of, revoke, status};
use crate::support::{Follower, Host, Running, eventually};

const EVENTS: &str = "/status/events";

/// The parts of the event id `id`: the run and the number.
fn numbered(id: &str) -> (&str, u64) {
    let (run, n) = id.split_once('-').unwrap();
    assert!(run.len() == 16 && run.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    (run, n.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_revocation_is_already_in_the_list() {
    let at = Running::start().await;
    let (token, id) = persistent(&at).await;
    let (uri, index) = place_of(&token);
    let mut follower = Follower::open(&at, EVENTS, None).await;
    let mut of_list = Follower::open(&at, &format!("{}/events", path_of(&at, &uri)), None).await;
    let hello = follower.event().await.unwrap();
    let (run, first) = numbered(&hello.id);
    assert_eq!((hello.name.as_str(), &hello.data), ("hello", &json!({ "version": first })));
    assert_eq!(of_list.event().await.unwrap().name, "hello");
    revoke(&at, &id).await;
    for follower in [&mut follower, &mut of_list] {
        let change = follower.event().await.unwrap();
        assert_eq!(numbered(&change.id), (run, first + 1));
        let expected =
            json!({ "list": uri, "version": first + 1, "changes": [{ "idx": index, "status": 1 }] });
        assert_eq!((change.name.as_str(), change.data), ("change", expected));
    }
    assert_eq!(status(&at, &uri, index).await, Status::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_did_not_change_has_no_events() {
    let at = Running::start().await;
    let (once, (kept, id)) = (at.mint_once().await, persistent(&at).await);
    let (uri, index) = place_of(&once);
    assert_ne!(place_of(&kept).0, uri);
    let mut follower = Follower::open(&at, &format!("{}/events", path_of(&at, &uri)), None).await;
    let mut all = Follower::open(&at, EVENTS, None).await;
    assert_eq!(follower.event().await.unwrap().name, "hello");
    revoke(&at, &id).await;
    all.event().await.unwrap();
    assert_eq!(all.event().await.unwrap().data["list"], place_of(&kept).0);
    assert_eq!(Host::new().redeem(&at, &once).await.status, 200);
    let change = follower.event().await.unwrap();
    assert_eq!(change.data["changes"], json!([{ "idx": index, "status": 3 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_revocations_are_few_signings() {
    let at = Running::start().await;
    let mut tokens = Vec::new();
    for _ in 0..100 {
        let minted =
            crate::support::inside::mint(&at.authority, json!({ "persistent": true })).await.unwrap();
        tokens.push(minted.grant().token.id);
    }
    let mut follower = Follower::open(&at, EVENTS, None).await;
    let hello = follower.event().await.unwrap();
    let mut revoking = tokio::task::JoinSet::new();
    for token in tokens {
        let authority = at.authority.clone();
        revoking.spawn(async move { revoke_inside(&authority, token).await });
    }
    revoking.join_all().await;
    let (mut told, mut events, mut last) = (0, 0, hello.id.clone());
    while told < 100 {
        let event = follower.event().await.unwrap();
        told += event.data["changes"].as_array().unwrap().len();
        events += 1;
        last = event.id;
    }
    // A round is a tenth of a second apart from the next.
    assert!(told == 100 && events < 100, "{told} in {events} events");
    assert_eq!(numbered(&last).1, numbered(&hello.id).1 + 100);
}

async fn revoke_inside(authority: &gatepass::service::Authority, token: TokenId) {
    authority.tokens.revoke_token(&Caller::SYSTEM, token, HowToRevoke::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_returning_client_gets_the_missed_events() {
    let at = Running::start().await;
    let (first, second) = (persistent(&at).await, persistent(&at).await);
    let mut follower = Follower::open(&at, EVENTS, None).await;
    let hello = follower.event().await.unwrap();
    drop(follower);
    let mut watching = Follower::open(&at, EVENTS, None).await;
    watching.event().await.unwrap();
    for (_, id) in [&first, &second] {
        revoke(&at, id).await;
        watching.event().await.unwrap();
    }
    let mut again = Follower::open(&at, EVENTS, Some(&hello.id)).await;
    let event = again.event().await.unwrap();
    let mut indexes = [&first, &second].map(|(token, _)| place_of(token).1);
    indexes.sort_unstable();
    let changes = indexes.map(|index| json!({ "idx": index, "status": 1 }));
    assert_eq!((event.name.as_str(), &event.data["changes"]), ("change", &json!(changes)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_event_id_gets_a_reset() {
    let at = Running::start().await;
    let run = numbered(&Follower::open(&at, EVENTS, None).await.event().await.unwrap().id).0.to_owned();
    for last in [format!("{run}-9"), format!("{run}-x"), "0123456789abcdef-0".to_owned(), String::new()] {
        let reset = Follower::open(&at, EVENTS, Some(&last)).await.event().await.unwrap();
        assert_eq!((reset.name.as_str(), reset.data), ("reset", json!({ "version": 0 })), "{last}");
        assert_eq!(numbered(&reset.id), (run.as_str(), 0));
    }
    let before = format!("{run}-0");
    let at = at.restart().await;
    let reset = Follower::open(&at, EVENTS, Some(&before)).await.event().await.unwrap();
    assert_eq!(reset.name, "reset", "another run has other numbers");
    assert_ne!(numbered(&reset.id).0, run);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_stream_without_changes_gets_a_heartbeat() {
    let at = Running::start().await;
    let hello = Follower::open(&at, EVENTS, None).await.event().await.unwrap();
    let mut follower = Follower::open(&at, EVENTS, Some(&hello.id)).await;
    assert_eq!(follower.block().await.unwrap(), ": heartbeat");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_over_the_limit_is_503() {
    let at = Running::start_with(&[("http.max_event_streams", "2")]).await;
    let _kept = Follower::open(&at, EVENTS, None).await;
    let ended = Follower::open(&at, EVENTS, None).await;
    let refused = at.stranger().get(EVENTS).await;
    assert_eq!((refused.status, refused.code()), (503, "too_many_streams"), "{}", refused.text);
    assert_eq!(refused.headers["retry-after"], "30");
    drop(ended);
    eventually("a stream can be opened", async || Follower::try_open(&at, EVENTS, None).await.ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_ends_its_streams() {
    let at = Running::start_with(&[("http.drain_timeout", "1h")]).await;
    let mut follower = Follower::open(&at, EVENTS, None).await;
    follower.event().await.unwrap();
    let both = async { tokio::join!(at.stop(), follower.event()) };
    let ended = tokio::time::timeout(Duration::from_secs(300), both).await;
    let (_, event) = ended.expect("it waits for its streams, which may take an hour");
    assert!(event.is_none());
}
