//! A refresher against an authority over real TLS.

mod authority;

use std::time::Duration;

use self::authority::{AUDIENCE, Fake, ISSUER};
use super::*;
use crate::clock::SystemClock;
use crate::http::listener::trial::within;
use crate::token::{KeyRing, Status, StatusList, VerifyError};
use crate::verifier::Refusal;

fn verifier() -> Arc<Verifier> {
    Arc::new(Verifier::new(ISSUER, AUDIENCE))
}

fn refresh(fake: &Fake, verifier: &Arc<Verifier>) -> Refresh {
    Refresh::new(&fake.url, fake.trust(), Arc::clone(verifier)).unwrap()
}

fn verdict(verifier: &Verifier, token: &str) -> Result<(), Refusal> {
    verifier.verify(token, SystemClock::now()).map(drop)
}

/// Waits until `condition` holds.
async fn eventually(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(waiting).await;
}

fn revocation(fake: &Fake, index: u32, status: u8) -> String {
    let data =
        format!(r#"{{"list":"{}","version":1,"changes":[{{"idx":{index},"status":{status}}}]}}"#, fake.uri());
    format!("event: change\nid: a-1\ndata: {data}")
}

#[tokio::test]
async fn a_refresher_makes_its_verifier_ready() {
    let (fake, verifier) = (Fake::start().await, verifier());
    let refresher = refresh(&fake, &verifier).start();
    within(refresher.ready()).await;
    assert_eq!(verdict(&verifier, &fake.token(7)), Ok(()));
    eventually(|| refresher.health().following).await;
    let health = refresher.health();
    assert_eq!((health.ready, health.lists), (true, 1));
    assert!(health.keys_age.unwrap() < Duration::from_secs(300));
}

#[tokio::test]
async fn a_pushed_revocation_counts_before_any_list_is_fetched() {
    let (fake, verifier) = (Fake::start().await, verifier());
    let refresher = refresh(&fake, &verifier).start();
    within(refresher.ready()).await;
    eventually(|| refresher.health().following).await;
    let token = fake.token(7);
    assert_eq!(verdict(&verifier, &token), Ok(()));
    // The lists do not have it: only the push can be why.
    fake.push(&revocation(&fake, 7, 1));
    eventually(|| verdict(&verifier, &token) == Err(Refusal::Revoked)).await;
    assert_eq!(verdict(&verifier, &fake.token(8)), Ok(()));
    assert_eq!(refresher.health().pushed, 1);
}

#[tokio::test]
async fn only_a_signed_list_makes_an_entry_valid_again() {
    let (fake, verifier) = (Fake::start().await, verifier());
    fake.set(7, Status::Suspended);
    let refresher = refresh(&fake, &verifier).start();
    within(refresher.ready()).await;
    eventually(|| refresher.health().following).await;
    let token = fake.token(7);
    assert_eq!(verdict(&verifier, &token), Err(Refusal::Suspended));
    fake.push(&revocation(&fake, 7, 0));
    eventually(|| refresher.health().pushed == 1).await;
    assert_eq!(verdict(&verifier, &token), Err(Refusal::Suspended));
    fake.set(7, Status::Valid);
    fake.push(&revocation(&fake, 7, 0));
    eventually(|| verdict(&verifier, &token) == Ok(())).await;
}

#[tokio::test]
async fn a_reset_makes_it_fetch_the_lists() {
    let (fake, verifier) = (Fake::start().await, verifier());
    let refresher = refresh(&fake, &verifier).start();
    within(refresher.ready()).await;
    eventually(|| refresher.health().following).await;
    fake.set(7, Status::Revoked);
    fake.push("event: reset\ndata: {\"version\":1}");
    let token = fake.token(7);
    eventually(|| verdict(&verifier, &token) == Err(Refusal::Revoked)).await;
}

#[tokio::test]
async fn a_malformed_stream_is_reopened_and_lists_are_fetched() {
    let (fake, verifier) = (Fake::start().await, verifier());
    let refresher = refresh(&fake, &verifier).start();
    within(refresher.ready()).await;
    eventually(|| refresher.health().following).await;
    fake.set(7, Status::Revoked);
    fake.push("event: change\ndata: {\"list\":5}");
    let token = fake.token(7);
    eventually(|| verdict(&verifier, &token) == Err(Refusal::Revoked)).await;
    assert!(refresher.health().last_failure.unwrap().1.contains("change event"));
}

#[tokio::test]
async fn a_token_with_a_new_key_causes_a_fetch() {
    let (fake, verifier) = (Fake::start().await, verifier());
    let refresher = refresh(&fake, &verifier).poll_only().start();
    within(refresher.ready()).await;
    fake.documents().ring = KeyRing::generate();
    fake.documents().version += 1;
    let token = fake.token(7);
    assert_eq!(verdict(&verifier, &token), Err(Refusal::Token(VerifyError::UnknownKey)));
    eventually(|| verdict(&verifier, &token) == Ok(())).await;
    let list = crate::id::ListId::generate(SystemClock::now().plus(Duration::from_secs(1)));
    fake.documents().lists.push((list, StatusList::default()));
    let token = fake.token(7);
    assert!(matches!(verdict(&verifier, &token), Err(Refusal::UnknownList { .. })));
    eventually(|| verdict(&verifier, &token) == Ok(())).await;
}

#[tokio::test]
async fn a_failing_authority_is_asked_again() {
    let (fake, verifier) = (Fake::start().await, verifier());
    fake.documents().failing = Some(503);
    let refresher = refresh(&fake, &verifier).start();
    eventually(|| refresher.health().failures >= 3).await;
    assert!(!refresher.health().ready && !refresher.ready_within(Duration::ZERO).await);
    assert!(refresher.health().last_failure.unwrap().1.contains("503"));
    fake.documents().failing = None;
    within(refresher.ready()).await;
    assert_eq!(verdict(&verifier, &fake.token(7)), Ok(()));
}

#[tokio::test]
async fn an_unchanged_list_is_confirmed_by_304() {
    let (fake, verifier) = (Fake::start().await, verifier());
    let refresher = refresh(&fake, &verifier).start();
    within(refresher.ready()).await;
    eventually(|| refresher.health().following).await;
    fake.push("event: reset\ndata: {}");
    let path = fake.uri().replace(ISSUER, "") + " 304";
    eventually(|| fake.documents().asked.contains(&path)).await;
    assert_eq!(verdict(&verifier, &fake.token(7)), Ok(()));
}

#[tokio::test]
async fn a_service_restarts_from_its_snapshot_without_the_authority() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot.json");
    let (fake, before) = (Fake::start().await, verifier());
    let refresher = refresh(&fake, &before).snapshot(&path).start();
    within(refresher.ready()).await;
    eventually(|| refresher.health().following).await;
    fake.push(&revocation(&fake, 7, 1));
    let uri = fake.uri();
    eventually(|| {
        std::fs::read_to_string(&path).is_ok_and(|text| text.contains("[[7,1,") && text.contains(&uri))
    })
    .await;
    let (gone, good) = (fake.token(7), fake.token(8));
    let (url, trust) = (fake.url.clone(), fake.trust());
    drop((refresher, fake));

    let after = verifier();
    let refresher = Refresh::new(&url, trust, Arc::clone(&after)).unwrap().snapshot(&path).start();
    assert!(refresher.ready_within(Duration::ZERO).await, "nobody was asked");
    assert_eq!(verdict(&after, &good), Ok(()));
    assert_eq!(verdict(&after, &gone), Err(Refusal::Revoked), "what was pushed is kept too");
    let late = SystemClock::now().plus(crate::verifier::MAX_STALENESS + Duration::from_secs(20));
    assert!(after.verify(&good, late).is_err_and(|refusal| refusal.is_unavailable()), "but not for ever");
}

#[tokio::test]
async fn a_snapshot_of_another_authority_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("snapshot.json");
    let (fake, before) = (Fake::start().await, verifier());
    let refresher = refresh(&fake, &before).snapshot(&path).poll_only().start();
    within(refresher.ready()).await;
    eventually(|| path.exists()).await;
    drop(refresher);
    fake.documents().failing = Some(500);
    let other = Arc::new(Verifier::new("https://other.example.org", AUDIENCE));
    let refresher = refresh(&fake, &other).snapshot(&path).start();
    assert!(!refresher.health().ready);
    assert!(refresher.health().last_failure.unwrap().1.contains("snapshot"));
    assert_eq!(verdict(&other, &fake.token(7)), Err(Refusal::NoKeys));
}

#[tokio::test]
async fn a_dropped_refresher_stops() {
    let (fake, verifier) = (Fake::start().await, verifier());
    let refresher = refresh(&fake, &verifier).start();
    within(refresher.ready()).await;
    eventually(|| fake.followers() == 1).await;
    drop(refresher);
    fake.push(": heartbeat");
    eventually(|| {
        fake.push(": heartbeat");
        fake.followers() == 0
    })
    .await;
}
