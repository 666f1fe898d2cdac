//! Service tokens: minted for one configured service, kept apart from enrollment tokens, taken back, and never redeemed.

use std::collections::BTreeMap;
use std::time::Duration;

use gatepass::id::{StatusRef, TokenId};
use gatepass::token::{Status, VerifyError, VerifyingKeys, verify, verify_service};
use serde_json::{Value, json};

use crate::support::authority::{AUDIENCE, token_of};
use crate::support::{Host, Running, Said, database};

mod cli;
mod refused;

const SERVICE: &str = "/api/v1/service-tokens";
const ENROLLMENT: &str = "/api/v1/enrollment-tokens";

async fn start() -> Running {
    Running::start_with(&[("tokens.audiences", AUDIENCE)]).await
}

async fn keys(at: &Running) -> VerifyingKeys {
    VerifyingKeys::parse_jwks(&at.stranger().get("/.well-known/jwks.json").await.text).unwrap()
}

fn id_of(minted: &Value) -> &str {
    minted["token_id"].as_str().unwrap()
}

/// Every row but the CRL's number and the clock's mark, which timers move.
fn kept(at: &Running) -> BTreeMap<String, Vec<Vec<rusqlite::types::Value>>> {
    let mut content = database::content(at.data_dir());
    // The sign-in of the client itself makes its address known.
    content.retain(|table, _| !["crl_numbers", "meta", "known_addresses"].contains(&table.as_str()));
    content
}

async fn status_of(at: &Running, minted: &Value) -> Status {
    let token = at.authority.tokens.show_service_token(TokenId::parse(id_of(minted)).unwrap()).await.unwrap();
    let StatusRef { list, index } = token.mint.token.status;
    assert_eq!(minted["status_list"], json!({ "idx": index, "uri": format!("{}/status/{list}", at.url) }));
    at.store.revocations().status(token.mint.token.status)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_verifies_its_token_by_key_set() {
    let at = start().await;
    let request =
        json!({ "audience": AUDIENCE, "roles": ["proxy", "director"], "ttl": "10m", "label": "nightly" });
    let said = at.admin().post(SERVICE, &request).await;
    let minted = said.json;
    assert_eq!(said.status, 201, "{}", said.text);
    assert_eq!(said.headers["cache-control"], "no-store");
    assert_eq!(said.headers["location"], format!("{SERVICE}/{}", id_of(&minted)));
    let (token, now) = (token_of(&minted), at.authority.time.now());
    let (issuers, audiences) = ([at.url.clone()], [AUDIENCE.to_owned()]);
    let grant = verify_service(&token, &keys(&at).await, &issuers, &audiences, now).unwrap();
    assert_eq!(grant.token.id.to_string(), id_of(&minted));
    assert_eq!(grant.expires_at, now.plus(Duration::from_secs(600)).whole_second());
    assert!(grant.has_role("proxy") && grant.has_role("director") && grant.roles.len() == 2);
    let expected = json!({ "audience": AUDIENCE, "roles": ["proxy", "director"], "label": "nightly",
        "expires_at": grant.expires_at });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(minted[name], *value, "{name}");
    }
    assert_eq!(status_of(&at, &minted).await, Status::Valid);
    let elsewhere = verify_service(&token, &keys(&at).await, &issuers, &["https://other".to_owned()], now);
    assert_eq!(elsewhere.unwrap_err(), VerifyError::WrongAudience);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_kind_of_token_passes_for_the_other() {
    let at = start().await;
    let (service, enrollment) = (at.mint_service(json!({})).await, at.mint(json!({})).await);
    let (keys, now) = (keys(&at).await, at.authority.time.now());
    let (issuers, audiences) = ([at.url.clone()], [AUDIENCE.to_owned(), format!("{}/enroll", at.url)]);
    let taken = verify_service(&token_of(&enrollment), &keys, &issuers, &audiences, now);
    assert_eq!(taken.unwrap_err(), VerifyError::WrongType);
    let taken = verify(&token_of(&service), &keys, &issuers, now);
    assert_eq!(taken.unwrap_err(), VerifyError::WrongType);
    for (id, path, other) in
        [(id_of(&service), SERVICE, ENROLLMENT), (id_of(&enrollment), ENROLLMENT, SERVICE)]
    {
        assert_eq!(at.admin().get(&format!("{path}/{id}")).await.json["id"], json!(id));
        for wrong in [
            at.admin().get(&format!("{other}/{id}")).await,
            at.admin().delete(&format!("{other}/{id}?")).await,
        ] {
            assert_eq!((wrong.status, wrong.code()), (404, "not_found"), "{}", wrong.text);
        }
        let listed = at.admin().get(&format!("{path}?ended=true&limit=1000")).await.json;
        let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
        assert!(ids.contains(&&json!(id)));
        let listed = at.admin().get(&format!("{other}?ended=true&limit=1000")).await.json;
        assert!(listed["items"].as_array().unwrap().iter().all(|item| item["id"] != json!(id)));
    }
    let ece = "/api/v1/platform/configuration/security/enrollment-tokens";
    assert_eq!(at.admin().delete(&format!("{ece}/{}", id_of(&service))).await.status, 404);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i4_a_service_token_redeems_nothing_and_writes_nothing() {
    let at = start().await;
    let token = token_of(&at.mint_service(json!({ "roles": ["allocator"] })).await);
    at.authority.upkeep.write_refusals().await.unwrap();
    let before = kept(&at);
    let in_body = json!({ "token": token, "csr": Host::new().csr() });
    for said in [
        Host::new().redeem(&at, &token).await,
        at.stranger().post("/api/v1/bootstrap", &in_body).await,
        at.stranger().bearer(&token).get(SERVICE).await,
    ] {
        assert_eq!(said.status, 401, "{}", said.text);
    }
    assert_eq!(Host::new().redeem(&at, &token).await.code(), "invalid_token");
    at.authority.upkeep.write_refusals().await.unwrap();
    assert!(kept(&at) == before, "a row changed");
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i6_a_revoked_service_tokens_bit_survives_a_restart() {
    let mut at = start().await;
    let (taken, kept) = (at.mint_service(json!({})).await, at.mint_service(json!({})).await);
    let path = format!("{SERVICE}/{}", id_of(&taken));
    let revoke = async |at: &Running| -> Said { at.admin().delete(&path).await };
    let answer = |changed| json!({ "id": id_of(&taken), "state": "revoked", "changed": changed });
    assert_eq!(revoke(&at).await.json, answer(true));
    assert_eq!(status_of(&at, &taken).await, Status::Revoked);
    assert_eq!(status_of(&at, &kept).await, Status::Valid);
    assert_eq!(revoke(&at).await.json, answer(false));
    let url = at.url.clone();
    at = at.restart().await;
    // The lists are named by the URL of the token's mint, which stays.
    at.url = url;
    assert_eq!(status_of(&at, &taken).await, Status::Revoked);
    assert_eq!(status_of(&at, &kept).await, Status::Valid);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn service_tokens_are_listed_until_collected() {
    let at = start().await;
    let mut minted = Vec::new();
    for (label, ttl) in [("first", "24h"), ("second", "15m"), ("third", "15m")] {
        minted.push(at.mint_service(json!({ "label": label, "ttl": ttl })).await);
        // Ids of one moment have no order.
        at.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(at.admin().delete(&format!("{SERVICE}/{}", id_of(&minted[2]))).await.status, 200);
    at.clock.advance(Duration::from_secs(3600));
    let page = at.admin().get(&format!("{SERVICE}?limit=2")).await.json;
    let rest = at.admin().get(&format!("{SERVICE}?cursor={}", page["next"].as_str().unwrap())).await.json;
    assert_eq!(rest["next"], Value::Null);
    let items = [page["items"].as_array().unwrap().clone(), rest["items"].as_array().unwrap().clone()];
    let items = items.concat();
    let states: Vec<_> = items.iter().map(|item| (&item["label"], &item["state"])).collect();
    let expected = [("third", "revoked"), ("second", "expired"), ("first", "active")];
    let expected = expected.map(|(label, state)| (json!(label), json!(state)));
    assert!(states.iter().copied().eq(expected.iter().map(|(label, state)| (label, state))), "{states:?}");
    for (item, minted) in items.iter().rev().zip(&minted) {
        assert_eq!((&item["audience"], &item["minter"]), (&json!(AUDIENCE), &json!("user:admin")));
        for name in ["roles", "label", "expires_at", "status_list"] {
            assert_eq!(item[name], minted[name], "{name}");
        }
    }
    // The default retention is seven days.
    at.clock.advance(Duration::from_secs(9 * 86_400));
    let lately = at.admin().get(SERVICE).await.json;
    assert_eq!(lately["items"], json!([]));
    assert_eq!(
        at.admin().get(&format!("{SERVICE}?ended=true")).await.json["items"].as_array().unwrap().len(),
        3
    );
    assert!(at.authority.upkeep.collect().await.unwrap().tokens >= 3);
    assert_eq!(at.admin().get(&format!("{SERVICE}?ended=true")).await.json["items"], json!([]));
    assert_eq!(at.admin().get(&format!("{SERVICE}/{}", id_of(&minted[0]))).await.status, 404);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_and_retiring_service_keys_leaves_enrollment_tokens_alone() {
    let at = start().await;
    let (before, enrollment) = (at.mint_service(json!({})).await, at.mint_once().await);
    let rotated = at.admin().post("/api/v1/signing-keys/rotate", &json!({ "use": "service" })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let after = at.mint_service(json!({})).await;
    let (issuers, audiences, now) = ([at.url.clone()], [AUDIENCE.to_owned()], at.authority.time.now());
    let known = keys(&at).await;
    let [first, second] = [&before, &after].map(|minted| {
        verify_service(&token_of(minted), &known, &issuers, &audiences, now).unwrap().signing_key()
    });
    assert_ne!(first, second);
    let retired = at.admin().post(&format!("/api/v1/signing-keys/{first}/retire"), &json!({})).await;
    assert_eq!(retired.status, 200, "{}", retired.text);
    let gone = verify_service(&token_of(&before), &keys(&at).await, &issuers, &audiences, now);
    assert_eq!(gone.unwrap_err(), VerifyError::UnknownKey);
    let item = at.admin().get(&format!("{SERVICE}/{}", id_of(&before))).await.json;
    assert_eq!(item["state"], json!("revoked"), "no service can verify it");
    assert_eq!(Host::new().redeem(&at, &enrollment).await.status, 200);
    at.stop().await;
}
