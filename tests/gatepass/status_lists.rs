//! Status lists as anyone fetches them: signed, current, served whatever the store does.

mod events;
mod renewal;

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepass::clock::Timestamp;
use gatepass::id::{ListId, StatusRef};
use gatepass::store::{ListKind, ListRecord, OpenList};
use gatepass::token::{KeyRing, KeyUse, SignedStatusList, Status, StatusListError, VerifyingKeys};
use http::header::{ACCEPT_ENCODING, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::forge::Forgery;
use crate::support::{Host, Running, database, eventually};

/// The location of a token's status: the address of its list, and its index.
fn place_of(token: &str) -> (String, u32) {
    let claims = Forgery::of(token).claims;
    let place = &claims["status"]["status_list"];
    (place["uri"].as_str().unwrap().to_owned(), u32::try_from(place["idx"].as_u64().unwrap()).unwrap())
}

fn path_of<'a>(at: &Running, uri: &'a str) -> &'a str {
    uri.strip_prefix(at.url.as_str()).unwrap()
}

/// Fetches the list `uri` and verifies it with the published keys.
async fn fetch(at: &Running, uri: &str) -> SignedStatusList {
    let said = at.stranger().get(path_of(at, uri)).await;
    assert_eq!(
        (said.status, said.headers["content-type"].to_str().unwrap()),
        (200, "application/statuslist+jwt")
    );
    let jwks = at.stranger().get("/.well-known/jwks.json").await.text;
    let keys = VerifyingKeys::parse_jwks(&jwks).unwrap();
    SignedStatusList::verify(&said.text, uri, &keys, at.authority.time.now()).unwrap()
}

async fn status(at: &Running, uri: &str, index: u32) -> Status {
    fetch(at, uri).await.list().get(index).unwrap()
}

/// Mints a persistent token; it and its id.
async fn persistent(at: &Running) -> (String, String) {
    let minted = at.mint(json!({ "persistent": true, "roles": ["proxy"] })).await;
    (token_of(&minted), minted["token_id"].as_str().unwrap().to_owned())
}

async fn revoke(at: &Running, id: &str) {
    assert_eq!(at.admin().delete(&format!("/api/v1/enrollment-tokens/{id}")).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_reaches_the_signed_list() {
    let at = Running::start().await;
    let mut took = Vec::new();
    for _ in 0..5 {
        let (token, id) = persistent(&at).await;
        let (uri, index) = place_of(&token);
        assert_eq!(status(&at, &uri, index).await, Status::Valid);
        revoke(&at, &id).await;
        let answered = Instant::now();
        eventually("the list says so", async || {
            (status(&at, &uri, index).await == Status::Revoked).then_some(())
        })
        .await;
        took.push(answered.elapsed());
    }
    // The time depends on the machine, which other tests share.
    println!("revocation, answered -> on the signed list: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_is_used_up_on_the_list() {
    let at = Running::start().await;
    let token = at.mint_once().await;
    let (uri, index) = place_of(&token);
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    eventually("the list says so", async || (status(&at, &uri, index).await == Status::UsedUp).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_token_is_on_a_published_list() {
    let at = Running::start().await;
    for token in [at.mint_once().await, persistent(&at).await.0] {
        let (uri, index) = place_of(&token);
        let list = fetch(&at, &uri).await;
        assert_eq!(list.list().get(index), Some(Status::Valid));
        assert_eq!(list.list().get(1 << 20), None, "beyond the end is a refusal");
        assert_eq!(list.expires_at().since(list.issued_at()), Duration::from_secs(600));
        assert_eq!(list.ttl(), Duration::from_secs(30));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_names_every_list() {
    let at = Running::start().await;
    let said = at.stranger().get("/status").await;
    assert_eq!((said.status, &said.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    let lists = said.json["status_lists"].as_array().unwrap().clone();
    assert_eq!(lists.len(), 2, "one of ephemeral and one of persistent tokens");
    for uri in lists {
        let path = path_of(&at, uri.as_str().unwrap());
        let plain = at.stranger().get(path).await;
        assert!(plain.bytes.len() < 2048, "{} bytes", plain.bytes.len());
        assert_eq!(plain.headers["cache-control"], "public, max-age=30");
        let tag = plain.headers["etag"].to_str().unwrap();
        let again = at.stranger().header(IF_NONE_MATCH, tag).get(path).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0));
        let gzip = at.stranger().header(ACCEPT_ENCODING, "gzip").get(path).await;
        assert_eq!(gzip.headers["content-encoding"], "gzip");
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&gzip.bytes[..]), &mut text).unwrap();
        assert_eq!(text, plain.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_status_list_key_signs_a_list() {
    let at = Running::start().await;
    let (uri, _) = place_of(&at.mint_once().await);
    let text = at.stranger().get(path_of(&at, &uri)).await.text;
    let header = Forgery::of(&text).header;
    let ring = at.authority.trust.ring();
    assert_eq!(header["kid"], ring.current(KeyUse::StatusList).key_id().to_string());
    assert_eq!((&header["typ"], &header["alg"]), (&json!("statuslist+jwt"), &json!("EdDSA")));
    let now = at.authority.time.now();
    let verify = |text: &str, keys: &VerifyingKeys| SignedStatusList::verify(text, &uri, keys, now);
    assert!(verify(&text, ring.verifying()).is_ok());
    assert_eq!(verify(&text, KeyRing::generate().verifying()), Err(StatusListError::UnknownKey));
    for other in [KeyUse::Enrollment, KeyUse::Service] {
        let key = ring.current(other);
        let forged = Forgery::of(&text).header("kid", key.key_id().to_string());
        let (head, claims) = (forged.header_text(), forged.claims_text());
        let signed = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = URL_SAFE_NO_PAD.encode(key.sign(signed.as_bytes()).unwrap());
        let refused = verify(&format!("{signed}.{signature}"), ring.verifying());
        assert_eq!(refused, Err(StatusListError::UnknownKey), "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_published_until_collected() {
    let at = Running::start().await;
    let id = ListId::generate(at.authority.time.now());
    let path = format!("/status/{id}");
    assert_eq!(at.stranger().get(&path).await.status, 404);
    let list = ListRecord { id, kind: ListKind::Ephemeral, next: 0 };
    at.store.open_list(OpenList { list }).await.unwrap();
    eventually("it is published", async || (at.stranger().get(&path).await.status == 200).then_some(()))
        .await;
    assert!(at.stranger().get("/status").await.text.contains(&path));
    at.clock.advance(Duration::from_secs(10 * 86_400));
    assert_eq!(at.authority.upkeep.collect().await.unwrap().lists, 1);
    eventually("it is gone", async || (at.stranger().get(&path).await.status == 404).then_some(())).await;
    assert!(!at.stranger().get("/status").await.text.contains(&path));
    for unknown in ["/status/nothing", "/status/nothing/events", &format!("{path}/events")] {
        let said = at.stranger().get(unknown).await;
        assert_eq!((said.status, said.code()), (404, "not_found"), "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_signed_while_the_store_fails() {
    let at = Running::start().await;
    let (uri, index) = place_of(&at.mint_once().await);
    let before = fetch(&at, &uri).await;
    let held = database::hold(at.data_dir());
    assert_eq!(at.admin().post("/api/v1/enrollment-tokens", &json!({})).await.status, 503);
    at.clock.advance(Duration::from_secs(200));
    let signed = eventually("it is signed again", async || {
        Some(fetch(&at, &uri).await).filter(|list| list.issued_at() > before.issued_at())
    });
    assert_eq!(signed.await.list().get(index), Some(Status::Valid));
    drop(held);
}

/// Ten full-size lists, most of them empty, are little to keep and little to fetch.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_in_doubt_serves_the_lists_of_before() {
    let at = Running::start().await;
    let (token, id) = persistent(&at).await;
    let (uri, index) = place_of(&token);
    revoke(&at, &id).await;
    eventually("the revocation is published", async || {
        (status(&at, &uri, index).await == Status::Revoked).then_some(())
    })
    .await;
    let path = path_of(&at, &uri).to_owned();
    let before = at.stranger().get(&path).await.text;
    let (data, clock, _own) = at.stop().await;
    let now = gatepass::clock::Clock::read(clock.as_ref()).wall;
    clock.step_to(now.minus(Duration::from_secs(3600)));

    let at = Running::open(&data, clock.clone(), &[]).await.unwrap();
    let after = at.stranger().get(&path).await;
    assert_eq!((after.status, after.text), (200, before));
    let index = at.stranger().get("/status").await.json;
    assert!(index["status_lists"].as_array().unwrap().contains(&json!(uri)), "{index}");
    // With a clock that is right again they are signed for the URL of this process too.
    clock.step_to(now.plus(Duration::from_secs(60)));
    eventually("the lists are signed again", async || {
        let index = at.stranger().get("/status").await.text;
        index.contains(&at.url).then_some(())
    })
    .await;
    let files = std::fs::read_dir(data.join("status-lists")).unwrap().count();
    assert!(files >= 2, "{files}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_lists_are_many_small_documents() {
    let at = Running::start().await;
    for _ in 0..10 {
        let list = ListRecord {
            id: ListId::generate(at.authority.time.now()),
            kind: ListKind::Ephemeral,
            next: 1 << 20,
        };
        at.store.open_list(OpenList { list }).await.unwrap();
    }
    let lists = eventually("all are published", async || {
        let said = at.stranger().get("/status").await.json;
        Some(said["status_lists"].as_array()?.clone()).filter(|lists: &Vec<Value>| lists.len() == 12)
    });
    for uri in lists.await {
        assert!(at.stranger().get(path_of(&at, uri.as_str().unwrap())).await.bytes.len() < 2048);
    }
    let place = StatusRef { list: ListId::generate(Timestamp::from_secs(1)), index: 0 };
    assert_eq!(at.store.revocations().status(place), Status::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_drawn_at_random_from_a_block() {
    let mut at = Running::start().await;
    let mut given = Vec::new();
    for block in 0..3_u32 {
        let mut drawn = Vec::new();
        for _ in 0..12 {
            let (uri, index) = place_of(&at.mint_once().await);
            assert_eq!(index / 1024, block, "a restart begins the next block");
            drawn.push((uri.rsplit('/').next().unwrap().to_owned(), index));
        }
        // Twelve of 1024 are in order once in 479 million runs.
        assert!(!drawn.is_sorted() && !drawn.iter().rev().is_sorted(), "{drawn:?}");
        given.append(&mut drawn);
        at = at.restart().await;
    }
    let all = given.len();
    given.sort();
    given.dedup();
    assert_eq!(given.len(), all, "no index is given twice");
    at.stop().await;
}
