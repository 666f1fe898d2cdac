//! A CA whose life is over: the server starts, says so, and lets itself be mended.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gatepass::clock::{ManualClock, SystemClock};
use gatepass::id::Fingerprint;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client::Client;
use crate::support::database::{one, reader};
use crate::support::listing::listing;
use crate::support::{Host, Running, eventually, inside};

const DAY: Duration = Duration::from_secs(86_400);

/// An authority that was made so many days ago and starts again today, and a token from back then.
async fn made_days_ago(days: u32) -> (Running, TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let (data_dir, now) = (dir.path().join("data"), SystemClock::now());
    let then = Arc::new(ManualClock::at(now.minus(DAY * days)));
    let at = Running::open(&data_dir, then, &[]).await.unwrap();
    let minted = inside::mint(&at.authority, json!({ "persistent": true })).await.unwrap();
    at.stop().await;
    let at = Running::open(&data_dir, Arc::new(ManualClock::at(now)), &[]).await.unwrap();
    (at, dir, minted.text().expose().clone())
}

/// The server's address in the keys directory.
fn local(data_dir: &Path) -> Value {
    serde_json::from_slice(&fs::read(data_dir.join("keys/local.json")).unwrap()).unwrap()
}

/// A caller on the server's own machine, as `gatepass ca rotate --data-dir` is.
fn on_the_machine(at: &Running) -> Client {
    let local = local(at.data_dir());
    let text = |name: &str| local[name].as_str().unwrap();
    let root = Fingerprint::parse(text("fingerprint")).unwrap();
    Client::new(text("url"), root).bearer(text("credential"))
}

/// The server is up, unready, and says what to do.
async fn is_up_but_issues_nothing(at: &Running, token: &str, what_to_do: &str) {
    let machine = on_the_machine(at);
    let ready = machine.get("/readyz").await;
    assert!(ready.status == 503 && ready.text.contains(what_to_do), "{}", ready.text);
    let ask = json!({ "token": token, "csr": Host::new().csr() });
    let root = Fingerprint::parse(local(at.data_dir())["fingerprint"].as_str().unwrap()).unwrap();
    let refused = Client::new(&at.url, root).post("/api/v1/bootstrap", &ask).await;
    assert_eq!((refused.status, refused.code()), (503, "ca_not_valid"), "{}", refused.text);
    assert!(refused.text.contains("gatepass ca rotate"), "{}", refused.text);
    assert_eq!(one(&reader(at.data_dir()), "SELECT count(*) FROM hosts"), 0);
    let pinned = at.stranger().try_send(Method::GET, "/livez", None).await;
    assert!(pinned.is_err(), "who pins the root is shown nothing in its place");
}

/// The listener uses the new CA: a client that pins `root` gets an answer, and the server is ready.
async fn is_mended(at: &Running, root: Fingerprint, token: &str) {
    let client = Client::new(&at.url, root);
    eventually("the listener presents the new chain", async || {
        client.try_send(Method::GET, "/readyz", None).await.ok().filter(|said| said.status == 200)
    })
    .await;
    let redeemed =
        client.post("/api/v1/bootstrap", &json!({ "token": token, "csr": Host::new().csr() })).await;
    assert_eq!(redeemed.status, 200, "{}", redeemed.text);
    eventually("the machine has the address", async || {
        (local(at.data_dir())["fingerprint"] == json!(root)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_rotates_its_expired_issuing_ca() {
    let (at, dir, token) = made_days_ago(1100).await;
    is_up_but_issues_nothing(&at, &token, "gatepass ca rotate").await;
    let rotated = on_the_machine(&at).post("/api/v1/ca/rotate", &json!({})).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    is_mended(&at, at.root, &token).await;
    let at = at.restart().await;
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    at.stop().await;
    drop(dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_replaces_its_expired_root() {
    let (at, dir, token) = made_days_ago(3700).await;
    is_up_but_issues_nothing(&at, &token, "gatepass ca rotate --root").await;
    let refused = on_the_machine(&at).post("/api/v1/ca/rotate", &json!({})).await;
    assert_eq!((refused.status, refused.code()), (409, "root_expired"), "{}", refused.text);
    let rotated = on_the_machine(&at).post("/api/v1/ca/rotate", &json!({ "root": true })).await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    let root = Fingerprint::parse(rotated.json["root"]["fingerprint"].as_str().unwrap()).unwrap();
    assert_ne!(root, at.root);
    is_mended(&at, root, &token).await;
    let keys = listing(&at.data_dir().join("keys")).into_keys();
    let names = keys.filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
    let roots = names.filter(|name| name.starts_with("ca-root-") && name.ends_with(".key")).count();
    assert_eq!(roots, 1, "the key of the one before is destroyed");
    let at = at.restart().await;
    assert_eq!(at.root, root);
    assert_eq!(Host::new().redeem(&at, &token).await.status, 200);
    at.stop().await;
    drop(dir);
}
