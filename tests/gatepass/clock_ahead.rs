//! A server that was started with its clock ahead. Clients check certificates by the clock of this machine, which is right.

use std::process::Output;
use std::sync::Arc;
use std::time::Duration;

use gatepass::clock::{ManualClock, SystemClock};
use gatepass::id::Fingerprint;
use http::Method;
use serde_json::json;

use crate::support::authority::{start, token_of};
use crate::support::client::Client;
use crate::support::process::gatepass;
use crate::support::{Host, Running, eventually};

const AHEAD: Duration = Duration::from_secs(60 * 86_400);

/// The client gets an answer.
async fn answers(client: &Client) -> bool {
    client.try_send(Method::GET, "/livez", None).await.is_ok()
}

/// A command on the server's own machine.
async fn command(at: &Running, arguments: &[&str]) -> Output {
    let mut command = gatepass();
    command.args(arguments).arg("--data-dir").arg(at.data_dir());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_recovers_when_the_clock_is_set_right() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    Running::open(&data, Arc::new(ManualClock::at(start())), &[]).await.unwrap().stop().await;
    let clock = Arc::new(ManualClock::at(SystemClock::now().plus(AHEAD)));
    let at = Running::open(&data, Arc::clone(&clock), &[]).await.unwrap();
    assert!(!answers(&at.stranger()).await, "its certificate is not valid yet");
    clock.step_to(SystemClock::now());
    eventually("the listener has a certificate that is valid now", async || {
        answers(&at.stranger()).await.then_some(())
    })
    .await;
    let accepted = command(&at, &["clock", "accept", "--yes"]).await;
    assert!(accepted.status.success(), "{}", text(&accepted));
    assert_eq!(Host::new().redeem(&at, &at.mint_once().await).await.status, 200);
    at.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_in_the_future_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let future = Arc::new(ManualClock::at(SystemClock::now().plus(AHEAD)));
    Running::open(&data, future, &[]).await.unwrap().stop().await;
    let at = Running::open(&data, Arc::new(ManualClock::at(SystemClock::now())), &[]).await.unwrap();
    assert!(!answers(&at.stranger()).await, "nobody can trust a root that is not valid yet");
    let accepted = command(&at, &["clock", "accept", "--yes"]).await;
    assert!(accepted.status.success(), "{}", text(&accepted));

    let status = eventually("the root is named", async || {
        let issuing = command(&at, &["ca", "rotate", "--yes"]).await;
        text(&issuing).contains("root_expired").then(|| text(&issuing))
    })
    .await;
    assert!(status.contains("the clock was ahead when it was made"), "{status}");
    assert!(status.contains("gatepass ca rotate --root"), "{status}");
    let rotated = command(&at, &["ca", "rotate", "--root", "--yes"]).await;
    assert!(rotated.status.success(), "{}", text(&rotated));
    let root = at.authority.cas.load().current().root_fingerprint();
    assert_ne!(root, at.root);
    enrolls(&at, root).await;
    at.stop().await;
}

/// A host enrolls with the authority under `root`.
async fn enrolls(at: &Running, root: Fingerprint) {
    let client = Client::new(&at.url, root);
    eventually("the listener presents the new root", async || answers(&client).await.then_some(())).await;
    let minted = client.basic("admin", crate::support::authority::PASSWORD);
    let minted = minted.post("/api/v1/enrollment-tokens", &json!({})).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    let ask = json!({ "token": token_of(&minted.json), "csr": Host::new().csr() });
    let enrolled = Client::new(&at.url, root).post("/api/v1/bootstrap", &ask).await;
    assert_eq!(enrolled.status, 200, "{}", enrolled.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_fell_back_keeps_the_listener() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    Running::open(&data, Arc::new(ManualClock::at(start())), &[]).await.unwrap().stop().await;
    // The battery of the clock is empty: 1970, long before the CA was made.
    let epoch = Arc::new(ManualClock::at(gatepass::clock::Timestamp::from_secs(1000)));
    let at = Running::open(&data, epoch, &[]).await.unwrap();
    assert!(answers(&at.stranger()).await, "clients whose clocks are right still connect");
    let accepted = command(&at, &["clock", "status"]).await;
    assert!(text(&accepted).contains("1970"), "{}", text(&accepted));
    at.stop().await;
}
