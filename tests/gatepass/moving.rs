//! The authority moves to another URL: its hosts follow automatically, and find it at any of the addresses they know.

mod cli;
mod elsewhere;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gatepass::client::ClientError;
use gatepass::client::daemon::Daemon;
use gatepass::client::enroll::{Enroll, enroll};
use gatepass::client::host::{HostFile, ThisHost};
use gatepass::client::renew::renew;
use gatepass::client::servers::Servers;
use gatepass::client::status::status;
use gatepass::clock::{ManualClock, SystemClock};
use gatepass::secret::Secret;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::authority::token_of;
use crate::support::{Running, eventually};

const HOSTS: usize = 50;
/// TLS checks certificates by the machine's own clock. The first ones have to last until every host has renewed. The last
/// ones are valid five minutes before they are issued.
const LIFE: (&str, &str) = ("hosts.certificate_lifetime", "190s");
/// Two thirds of the life, and the longest jitter.
const ROUND: Duration = Duration::from_secs(133);

fn host_file(dir: &Path) -> HostFile {
    serde_json::from_slice(&fs::read(dir.join("host.json")).unwrap()).unwrap()
}

/// Starts the authority of `at` again, at the same port under another URL.
pub(crate) async fn move_to(at: Running, url: &str, set: &[(&str, &str)]) -> Running {
    let listen = at.local.to_string();
    let (data_dir, clock, own) = at.stop().await;
    // Its directory is removed when the test ends.
    std::mem::forget(own);
    let set = [&[("server.listen", &*listen), ("server.external_url", url)], set].concat();
    Running::open(&data_dir, clock, &set).await.unwrap()
}

async fn daemon(dir: PathBuf, clock: Arc<ManualClock>) -> Result<(), ClientError> {
    let nap = Duration::from_millis(20);
    let daemon = Daemon { nap, ..Daemon::new(ThisHost::at(dir), &*clock) };
    daemon.run(|_| {}, std::future::pending()).await
}

/// Lets every certificate become due, and waits until each daemon has renewed its own.
async fn round(clock: &ManualClock, dirs: &[PathBuf]) {
    let ends = |dir: &PathBuf| host_file(dir).life.expires_at;
    let before = dirs.iter().map(ends).collect::<Vec<_>>();
    clock.advance(ROUND);
    eventually("every host has renewed", async || {
        dirs.iter().zip(&before).all(|(dir, before)| ends(dir) > *before).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_hosts_follow_the_authority_to_its_new_url() {
    let temp = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(SystemClock::now().whole_second()));
    let at = Running::open(&temp.path().join("data"), clock.clone(), &[LIFE]).await.unwrap();
    let (former, current) = (at.url.clone(), format!("https://localhost:{}", at.local.port()));
    let token = token_of(&at.mint(json!({ "roles": ["allocator"], "max_uses": HOSTS })).await);
    let dirs = (0..HOSTS).map(|host| temp.path().join(format!("host-{host}"))).collect::<Vec<_>>();
    let mut daemons = JoinSet::new();
    for dir in &dirs {
        enroll_into(dir, &token, clock.as_ref()).await;
        daemons.spawn(daemon(dir.clone(), clock.clone()));
    }
    let at = move_to(at, &current, &[LIFE]).await;
    assert_eq!(hosts_at(&at, &former).await, HOSTS);
    round(&clock, &dirs).await;
    eventually("no host counts for the former URL", async || {
        ((hosts_at(&at, &former).await, hosts_at(&at, &current).await) == (0, HOSTS)).then_some(())
    })
    .await;
    let moved = Servers { fallbacks: vec![former.clone()], ..Servers::new(current.clone()) };
    // A host that has reached the new URL twice has forgotten the former one.
    let fits = |servers: &Servers| *servers == moved || *servers == Servers::new(current.clone());
    for dir in &dirs {
        let servers = host_file(dir).servers;
        assert!(fits(&servers), "{}: {servers:?}", dir.display());
    }
    let retired = json!({ "issuer": former, "confirm": true });
    let retired = at.admin().post("/api/v1/issuers/retire", &retired).await;
    assert_eq!(retired.status, 200, "{}", retired.text);
    round(&clock, &dirs).await;
    eventually("the former URL is forgotten", async || {
        dirs.iter().all(|dir| host_file(dir).servers == Servers::new(current.clone())).then_some(())
    })
    .await;
    assert_eq!(at.entries("host_renewed").await, 2 * HOSTS);
    assert!(daemons.try_join_next().is_none(), "every daemon runs");
    daemons.shutdown().await;
    at.stop().await;
}

/// The number of live hosts that use the URL.
async fn hosts_at(at: &Running, url: &str) -> usize {
    let issuers = at.admin().get("/api/v1/issuers").await.json;
    let issuer = issuers["items"].as_array().unwrap().iter().find(|issuer| issuer["id"] == url);
    issuer.unwrap()["live_hosts"].as_u64().unwrap().try_into().unwrap()
}

async fn enroll_into(dir: &Path, token: &str, clock: &ManualClock) {
    let ask = Enroll { cert_dir: dir.to_owned(), ..Enroll::default() };
    let now = gatepass::clock::Clock::read(clock).wall;
    enroll(&ask, &Secret::new(token.to_owned()), now).await.unwrap();
}

async fn enrolled(at: &Running, dir: &Path) -> ThisHost {
    enroll_into(dir, &at.mint_once().await, &at.clock).await;
    ThisHost::at(dir)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_new_url_does_not_cut_off_hosts() {
    let (at, dir) = (Running::start().await, tempfile::tempdir().unwrap());
    let (former, host) = (at.url.clone(), enrolled(&at, dir.path()).await);
    let nowhere = "https://gate.invalid:8443";
    let at = move_to(at, nowhere, &[]).await;
    let known = status(&host, at.clock_reading()).await.unwrap();
    assert_eq!(known.answered_by.as_ref(), Some(&former));
    let waiting = Servers { fallbacks: vec![former.clone()], ..Servers::new(nowhere.to_owned()) };
    assert_eq!((&known.host.servers, &host_file(dir.path()).servers), (&waiting, &waiting));
    for _ in 0..2 {
        let fresh = renew(&host, at.clock_reading()).await.unwrap();
        assert!(fresh.unseen.is_none(), "{:?}", fresh.unseen);
        assert_eq!((&fresh.host.servers, &host_file(dir.path()).servers), (&waiting, &waiting));
    }
    let current = format!("https://localhost:{}", at.local.port());
    let at = move_to(at, &current, &[]).await;
    renew(&host, at.clock_reading()).await.unwrap();
    assert_eq!(host_file(dir.path()).servers.server, current);
    renew(&host, at.clock_reading()).await.unwrap();
    assert_eq!(host_file(dir.path()).servers, Servers::new(current));
    at.stop().await;
}
