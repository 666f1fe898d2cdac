//! Retiring signing keys that somebody else may have.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use gatepass::service::Caller;
use gatepass::token::{KeyUse, SigningKey};
use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::forge::Forgery;
use crate::support::{Host, Running, Said, inside};

/// The private halves in the keys directory: what somebody who copied it has.
fn copied(at: &Running) -> Vec<SigningKey> {
    let files = fs::read_dir(at.data_dir().join("keys")).unwrap().map(|entry| entry.unwrap().path());
    let keys = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("token-"));
    keys.map(|path| {
        SigningKey::from_pem(&gatepass::secret::Secret::new(fs::read_to_string(path).unwrap())).unwrap()
    })
    .collect()
}

async fn retire(at: &Running, key: &str, how: Value) -> Said {
    at.admin().post(&format!("/api/v1/signing-keys/{key}/retire"), &how).await
}

fn emergency_file(at: &Running) -> String {
    emergency_in(at.data_dir())
}

fn emergency_in(data_dir: &Path) -> String {
    fs::read_to_string(data_dir.join("emergency.token")).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_copied_key_is_accepted_after_a_compromise() {
    let at = Running::start().await;
    let stolen = copied(&at);
    assert_eq!(stolen.len(), 8, "the current key and the prepared one of each use");
    let current = at.authority.trust.ring().current(KeyUse::Enrollment).key_id().to_string();
    let persistent = token_of(&at.mint(json!({ "persistent": true })).await);
    let ephemeral = at.mint_once().await;

    let refused = retire(&at, &current, json!({ "confirm": true })).await;
    assert_eq!((refused.status, refused.code()), (409, "key_in_use"));
    let retired = retire(&at, &current, json!({ "compromised": true })).await;
    assert_eq!(retired.status, 200, "{}", retired.text);
    assert_eq!(retired.json["emergency_token_reminted"], json!(true));

    let forged = stolen.iter().map(|key| Forgery::of(&persistent).signed_with(key));
    let old = [persistent.clone(), ephemeral, at.emergency_token.clone().unwrap()];
    for token in forged.chain(old) {
        let said = Host::new().redeem(&at, &token).await;
        assert_eq!((said.status, said.code()), (401, "invalid_token"), "{}", said.text);
    }
    let signers = copied(&at);
    assert!(signers.iter().all(|key| stolen.iter().all(|stolen| stolen.id() != key.id())));
    let entry = at.ledger().await.into_iter().find(|entry| entry["action"] == "key_retired").unwrap();
    assert_eq!(entry["detail"]["compromised"], json!(true));

    let at = at.restart().await;
    assert_eq!(Host::new().redeem(&at, &emergency_file(&at)).await.status, 200);
    assert_eq!(Host::new().redeem(&at, &at.mint_once().await).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaked_key_ends_its_successors_too() {
    let at = Running::start().await;
    let stolen = copied(&at);
    let leaked = at.authority.trust.ring().current(KeyUse::Enrollment).key_id().to_string();
    let rotated = at.admin().post("/api/v1/signing-keys/rotate", &json!({})).await;
    assert_eq!(rotated.status, 200);
    let persistent = token_of(&at.mint(json!({ "persistent": true })).await);
    let ephemeral = at.mint_once().await;
    assert_eq!(retire(&at, &leaked, json!({ "compromised": true })).await.status, 200);

    assert!(
        stolen.iter().all(|key| key.id() != at.authority.trust.ring().current(KeyUse::Enrollment).key_id())
    );
    assert_eq!(Host::new().redeem(&at, &persistent).await.status, 200, "its key was not named");
    for key in &stolen {
        let said = Host::new().redeem(&at, &Forgery::of(&ephemeral).signed_with(key)).await;
        let refused = [(401, "invalid_token"), (410, "token_expired")];
        assert!(refused.contains(&(said.status, said.code())), "{}", said.text);
    }
    assert_eq!(Host::new().redeem(&at, &emergency_file(&at)).await.status, 200);
    at.stop().await;
}

/// An authority whose one key has been rotated away, so that it can be retired, and that key.
async fn rotated() -> (Running, String) {
    let at = Running::start().await;
    let former = at.authority.trust.ring().current(KeyUse::Enrollment).key_id().to_string();
    assert_eq!(at.admin().post("/api/v1/signing-keys/rotate", &json!({})).await.status, 200);
    (at, former)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unplaced_emergency_token_is_not_lost() {
    let (at, former) = rotated().await;
    let place = at.data_dir().join("emergency.token");
    fs::create_dir(&place).unwrap();
    let retired = retire(&at, &former, json!({ "confirm": true })).await;
    assert_eq!(retired.status, 200, "{}", retired.text);
    let beside = at.data_dir().join("emergency.token.new");
    assert_eq!(fs::metadata(&beside).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_dir(&place).unwrap();
    let at = at.restart().await;
    assert!(!beside.exists());
    assert_eq!(Host::new().redeem(&at, &emergency_file(&at)).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unrecorded_emergency_token_is_dropped() {
    let (at, former) = rotated().await;
    let beside = at.data_dir().join("emergency.token.new");
    let refused = retire(&at, &former, json!({})).await;
    assert_eq!((refused.status, refused.code()), (409, "key_needed"));
    assert!(!beside.exists(), "a refusal leaves nothing");
    let other = token_of(&at.mint(json!({ "persistent": true })).await);
    let (good, clock) = (at.emergency_token.clone().unwrap(), Arc::clone(&at.clock));
    fs::write(at.data_dir().join("emergency.token"), &good).unwrap();
    let (data_dir, _, own) = at.stop().await;
    for left in [other.as_str(), "no token"] {
        fs::write(&beside, left).unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o600)).unwrap();
        let at = Running::open(&data_dir, Arc::clone(&clock), &[]).await.unwrap();
        assert!(!beside.exists());
        at.stop().await;
        assert_eq!(emergency_in(&data_dir), good);
    }
    drop(own);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_overtaken_by_rotation_is_signed_again() {
    let at = Running::start().await;
    let authority = Arc::clone(&at.authority);
    let former = authority.trust.ring().current(KeyUse::Enrollment).key_id();
    let mut rotating = pin!(authority.trust_admin.rotate_keys(&Caller::SYSTEM, KeyUse::Enrollment));
    let mut minting = pin!(inside::mint(&authority, json!({})));
    let context = &mut Context::from_waker(Waker::noop());
    // The rotation is with the store, the ring is still the old one, and with that the token is signed.
    assert!(rotating.as_mut().poll(context).is_pending());
    assert!(minting.as_mut().poll(context).is_pending());
    let (rotated, minted) = tokio::join!(rotating, minting);
    rotated.unwrap();
    let minted = minted.unwrap();
    assert_eq!(retire(&at, &former.to_string(), json!({ "confirm": true })).await.status, 200);
    assert_eq!(Host::new().redeem(&at, minted.text().expose()).await.status, 200);
    assert_eq!(
        at.entries("token_created").await,
        4,
        "the first two, the emergency token again, and this one"
    );
    at.stop().await;
}
