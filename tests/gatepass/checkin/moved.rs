//! A server at another URL: hosts learn it at their check-in, and only the authority is followed.

use std::path::Path;
use std::sync::Arc;

use gatepass::client::checkin::check_in;
use gatepass::client::directory::load_enrolled;
use gatepass::client::enroll::{Enroll, enroll};
use gatepass::client::host::{ThisHost, TrustAnchor};
use gatepass::clock::ManualClock;
use gatepass::secret::Secret;
use gatepass::wire::CheckInReport;
use serde_json::json;

use super::healthy;
use crate::moving::move_to;
use crate::support::Running;
use crate::support::authority::start;
use crate::support::fleet::Member;
use crate::support::gateway::{Gateway, Mode, page};

async fn enroll_into(certs: &Path, at: &Running) {
    let ask = Enroll { cert_dir: certs.to_owned(), ..Enroll::default() };
    enroll(&ask, &Secret::new(at.mint_once().await), at.clock_reading()).await.unwrap();
}

/// The addresses of the host, in the order of trial.
fn urls(certs: &Path) -> Vec<String> {
    let servers = load_enrolled(certs).unwrap().servers;
    [servers.server].into_iter().chain(servers.fallbacks).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_learns_the_new_url() {
    let dir = tempfile::tempdir().unwrap();
    let certs = dir.path().join("host");
    let at = Running::start().await;
    enroll_into(&certs, &at).await;
    let (former, current) = (at.url.clone(), format!("https://localhost:{}", at.local.port()));
    let at = move_to(at, &current, &[]).await;
    let pinned = load_enrolled(&certs).unwrap().trust;
    let this = ThisHost::at(&certs);
    let (_, answer) = check_in(&this, &CheckInReport::default(), at.clock_reading()).await.unwrap();
    assert_eq!(answer.server.as_deref(), Some(&*current));
    assert_eq!(urls(&certs), [current.clone(), former], "the former one stays until a renewal");
    assert_eq!(load_enrolled(&certs).unwrap().trust, pinned, "the pinned root stays");
    assert!(matches!(pinned, TrustAnchor::Pinned(_)));
    let (host, answer) = check_in(&this, &CheckInReport::default(), at.clock_reading()).await.unwrap();
    assert_eq!((answer.server, host.servers.server), (None, current));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_authority_at_a_named_url_is_refused() {
    let (other, dir) = (Running::start().await, tempfile::tempdir().unwrap());
    let certs = dir.path().join("host");
    let mut gateway = Gateway::bind().await;
    let set = [("server.external_url", &*gateway.url)];
    let at = Running::open(&dir.path().join("data"), Arc::new(ManualClock::at(start())), &set).await.unwrap();
    gateway.open(at.data_dir(), at.local);
    enroll_into(&certs, &at).await;
    let steps = json!({
        "policy": null, "policy_revision": null, "fetch_policy": false, "renew": false, "server": other.url, "next": 300,
    });
    gateway.set(page("200 OK", &[], "application/json", &steps.to_string()));
    let this = ThisHost::at(&certs);
    check_in(&this, &CheckInReport::default(), at.clock_reading()).await.unwrap();
    assert_eq!(urls(&certs), [other.url.clone(), gateway.url.clone()]);
    gateway.set(Mode::Pass);
    let (host, _) = check_in(&this, &CheckInReport::default(), at.clock_reading()).await.unwrap();
    assert_eq!(host.servers.server, gateway.url, "the root of the other one is not pinned");
    assert_eq!(other.admin().get("/api/v1/hosts").await.json["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_at_the_current_url_learns_none() {
    let at = Running::start().await;
    let member = Member::with(&at, &at.mint_once().await).await;
    assert_eq!(member.check_in(&healthy()).await.json["server"], json!(null));
}
