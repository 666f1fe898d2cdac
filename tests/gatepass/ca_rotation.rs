//! Rotating the CA under hosts and tokens that are in the field.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::database::hold;
use crate::support::listing::listing;
use crate::support::{Host, Running, eventually};

/// Waits until the listener presents a chain that a client pinning `at.root` accepts, however the CA changed.
async fn whoami(host: &Host, at: &Running, enrolled: &Value) -> u16 {
    host.client(at, enrolled).get("/api/v1/whoami").await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_the_old_issuing_ca_keep_working() {
    let at = Running::start().await;
    let old = Host::new();
    let enrolled = old.redeem(&at, &at.mint_once().await).await.json;
    let rotated = at.admin().post("/api/v1/ca/rotate", &json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let issuing = rotated.json["issuing"].as_array().unwrap();
    assert_eq!(issuing.len(), 2);

    assert_eq!(whoami(&old, &at, &enrolled).await, 200);
    let new = Host::new();
    let joined = new.redeem(&at, &at.mint_once().await).await.json;
    assert_ne!(joined["chain"], enrolled["chain"]);
    assert_eq!(whoami(&new, &at, &joined).await, 200);
    for ca in issuing {
        let crl = at.stranger().get(&format!("/ca/crl/{}.der", ca["ski"].as_str().unwrap())).await;
        assert_eq!(crl.status, 200);
    }

    let at = at.restart().await;
    assert_eq!(whoami(&old, &at, &enrolled).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn crls_and_bundle_hold_every_ca_through_a_rotation() {
    let at = Running::start().await;
    at.settled().await;
    let crl = at.data_dir().join(format!("keys/ca-root-{}.crl", at.root));
    fs::remove_file(&crl).unwrap();
    rotate(&at, json!({ "root": true })).await;
    assert!(crl.exists(), "the old root signed its last CRL before its key was destroyed");
    let at = at.restart().await;
    for (path, label, count) in
        [("/ca/crl.pem", "BEGIN X509 CRL", 4), ("/ca/bundle.pem", "BEGIN CERTIFICATE", 5)]
    {
        let said = at.stranger().get(path).await;
        assert_eq!(said.text.matches(label).count(), count, "{path}: {}", said.text);
    }
    let status = at.admin().get("/api/v1/ca").await.json;
    assert_eq!(status["warnings"], json!([]), "the new root has a CRL too");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_hosts_outlive_their_old_root() {
    let at = Running::start().await;
    let before = at.mint_once().await;
    let old = Host::new();
    let enrolled = old.redeem(&at, &at.mint_once().await).await.json;
    let rotated = at.admin().post("/api/v1/ca/rotate", &json!({ "root": true })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let fingerprint = rotated.json["root"]["fingerprint"].as_str().unwrap().to_owned();
    assert_ne!(fingerprint, at.root.to_string());

    // `at.root` is still the old root: every client here pins it.
    let late = Host::new().redeem(&at, &before).await;
    assert_eq!(late.status, 200, "{}", late.text);
    assert_eq!(late.json["ca_certificate"], enrolled["ca_certificate"]);
    assert_eq!(whoami(&old, &at, &enrolled).await, 200);
    let pinned = at.stranger().get(&format!("/ca/root/{}.pem", at.root)).await;
    assert_eq!(pinned.text, enrolled["ca_certificate"].as_str().unwrap());

    let renewed = old.client(&at, &enrolled).post("/api/v1/renew", &json!({ "csr": old.csr() })).await;
    assert_eq!(renewed.status, 200, "{}", renewed.text);
    let root = at.stranger().get("/ca/root.pem").await.text;
    assert_eq!(renewed.json["ca_certificate"].as_str().unwrap(), root);

    let at = at.restart().await;
    let new_root = gatepass::id::Fingerprint::parse(&fingerprint).unwrap();
    let client = Client::with_identity(&at.url, new_root, Some(old.identity(&renewed.json)));
    assert_eq!(client.get("/api/v1/whoami").await.status, 200);
    let minted = at.mint(json!({})).await;
    assert_eq!(minted["ca_fingerprint"], json!(fingerprint));
    assert_eq!(Host::new().redeem(&at, &token_of(&minted)).await.status, 200);
}

async fn rotate(at: &Running, how: Value) -> Value {
    let rotated = at.admin().post("/api/v1/ca/rotate", &how).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    rotated.json
}

/// The subject key identifier of the issuing CA that signs.
async fn issuing(at: &Running) -> Value {
    at.admin().get("/api/v1/ca").await.json["issuing"][0]["ski"].clone()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// Makes the rotated CA in `keys` one that is only about to count, as a crash leaves it; `before` are the keys before it.
fn interrupt(keys: &Path, before: &Path) {
    let manifest: Value = serde_json::from_slice(&fs::read(keys.join("ca.json")).unwrap()).unwrap();
    copy(before, keys);
    let next = json!({ "after": 0, "manifest": manifest });
    fs::copy(keys.join("ca.json"), keys.join("ca.next.json")).unwrap();
    fs::write(keys.join("ca.next.json"), next.to_string()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_rotation_counts_only_with_its_entry() {
    let at = Running::start().await;
    let (old, clock) = (issuing(&at).await, Arc::clone(&at.clock));
    let (data_dir, _, own) = at.stop().await;
    let before = data_dir.with_extension("before");
    copy(&data_dir, &before);

    let at = Running::open(&data_dir, Arc::clone(&clock), &[]).await.unwrap();
    let new = rotate(&at, json!({ "root": true })).await["issuing"][0]["ski"].clone();
    at.stop().await;
    let after = data_dir.with_extension("after");
    copy(&data_dir, &after);

    interrupt(&after.join("keys"), &before.join("keys"));
    let at = Running::open(&after, Arc::clone(&clock), &[]).await.unwrap();
    assert_eq!((issuing(&at).await, at.entries("ca_rotated").await), (new, 1));
    let roots_key = |data_dir: &Path| data_dir.join(format!("keys/ca-root-{}.key", at.root)).exists();
    assert!(roots_key(&after), "the new root's");
    let of_old_root = listing(&before.join("keys")).into_keys().find(|path| {
        path.file_name().unwrap().to_str().unwrap().starts_with("ca-root-")
            && path.extension().unwrap() == "key"
    });
    let of_old_root = of_old_root.unwrap();
    assert!(!after.join("keys").join(of_old_root.file_name().unwrap()).exists(), "destroyed in the end");
    assert!(!after.join("keys/ca.next.json").exists());
    at.stop().await;

    copy(&data_dir.join("keys"), &before.join("keys.after"));
    let unrecorded = before.join("keys");
    // The root's CRL is signed by any start.
    let files =
        || listing(&unrecorded).into_keys().filter(|path| path.extension().is_none_or(|end| end != "crl"));
    let whole = files().count();
    let manifest = fs::read(before.join("keys.after/ca.json")).unwrap();
    copy(&unrecorded, &before.join("keys.before"));
    copy(&before.join("keys.after"), &unrecorded);
    fs::write(unrecorded.join("ca.json"), manifest).unwrap();
    interrupt(&unrecorded, &before.join("keys.before"));
    let at = Running::open(&before, clock, &[]).await.unwrap();
    assert_eq!((issuing(&at).await, at.entries("ca_rotated").await), (old, 0));
    at.stop().await;
    assert_eq!(files().count(), whole, "nothing is left of it");
    drop(own);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_cannot_be_recorded_leaves_nothing() {
    let at = Running::start().await;
    let keys = at.data_dir().join("keys");
    let is_crl = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "crl");
    let is_signed = || listing(&keys).keys().any(is_crl).then_some(());
    eventually("the root's CRL is there", async || is_signed()).await;
    let before = (issuing(&at).await, listing(&keys));
    let held = hold(at.data_dir());
    let refused = at.admin().post("/api/v1/ca/rotate", &json!({ "root": true })).await;
    drop(held);
    assert_eq!((refused.status, refused.code()), (503, "store_unavailable"), "{}", refused.text);
    assert_eq!((issuing(&at).await, listing(&keys)), before);
    assert_eq!(at.entries("ca_rotated").await, 0);
    rotate(&at, json!({ "root": true })).await;
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_after_the_entry_keeps_the_rotation() {
    let at = Running::start().await;
    let root = at.data_dir().join("root.pem");
    fs::remove_file(&root).unwrap();
    fs::create_dir(&root).unwrap();
    let rotated = rotate(&at, json!({ "root": true })).await;
    assert_eq!(
        (issuing(&at).await, at.entries("ca_rotated").await),
        (rotated["issuing"][0]["ski"].clone(), 1)
    );
    fs::remove_dir(&root).unwrap();
    let at = at.restart().await;
    assert_eq!(issuing(&at).await, rotated["issuing"][0]["ski"]);
    assert_eq!(fs::read_to_string(&root).unwrap(), at.stranger().get("/ca/root.pem").await.text);
    at.stop().await;
}
