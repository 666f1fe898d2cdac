//! Renewing, as a host does it: whose certificate counts when a disk was copied or an answer was lost.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use gatepass::client::daemon::Daemon;
use gatepass::client::directory::FILES;
use gatepass::client::enroll::{Enroll, EnrollResult, enroll};
use gatepass::client::host::{HostFile, ThisHost, TrustAnchor, load_serial};
use gatepass::client::renew::renew;
use gatepass::client::servers::Servers;
use gatepass::clock::Timestamp;
use gatepass::id::{HostId, Serial, TokenId};
use gatepass::secret::Secret;
use gatepass::wire::{CertificateLife, Certified};
use serde_json::{Value, json};

use crate::support::authority::token_of;
use crate::support::database::{one, reader};
use crate::support::{Host, Running, eventually};

async fn enroll_into(at: &Running, dir: &Path) -> HostFile {
    let token = Secret::new(at.mint_once().await);
    let ask = Enroll { cert_dir: dir.to_owned(), ..Enroll::default() };
    match enroll(&ask, &token, at.authority.time.now()).await.unwrap() {
        EnrollResult::Now(fresh) => {
            assert!(fresh.unseen.is_none(), "{:?}", fresh.unseen);
            fresh.host
        }
        EnrollResult::Already(host) => panic!("nothing was there: {host:?}"),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for name in FILES {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

fn seen(at: &Running) -> bool {
    one(&reader(at.data_dir()), "SELECT newest_seen FROM hosts") == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_disk_cannot_renew_once_the_host_has() {
    let (at, temp) = (Running::start().await, tempfile::tempdir().unwrap());
    let (original, cloned) = (temp.path().join("original"), temp.path().join("cloned"));
    let host = enroll_into(&at, &original).await;
    assert!(seen(&at), "the first certificate counts as used");
    copy(&original, &cloned);
    let fresh = renew(&ThisHost::at(&original), at.authority.time.now()).await.unwrap();
    assert_eq!(fresh.host.host_id, host.host_id);
    assert!(fresh.unseen.is_none(), "{:?}", fresh.unseen);
    let refused = renew(&ThisHost::at(&cloned), at.authority.time.now()).await.unwrap_err();
    assert_eq!(refused.code(), Some("lineage_conflict"), "{refused}");
    let refused = renew(&ThisHost::at(&original), at.authority.time.now()).await.unwrap_err();
    assert_eq!(refused.code(), Some("host_quarantined"), "{refused}");
    let (id, serial) = (host.host_id, load_serial(&original).unwrap());
    let released =
        at.admin().post(&format!("/api/v1/hosts/{id}/release"), &json!({ "serial": serial })).await;
    assert_eq!(released.status, 200, "{}", released.text);
    assert!(
        renew(&ThisHost::at(&original), at.authority.time.now()).await.is_ok(),
        "the host itself goes on"
    );
    at.stop().await;
}

async fn renew_with(at: &Running, host: &Host, enrolled: &Value, next: &Host) -> Value {
    let said = host.client(at, enrolled).post("/api/v1/renew", &json!({ "csr": next.csr() })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_renewal_is_in_the_ledger() {
    let at = Running::start().await;
    let host = Host::new();
    let enrolled = host.redeem(&at, &at.mint_once().await).await.json;
    assert_eq!(host.client(&at, &enrolled).get("/api/v1/whoami").await.status, 200);
    let lost = Host::new();
    renew_with(&at, &host, &enrolled, &lost).await;
    renew_with(&at, &host, &enrolled, &lost).await;
    let (plain, unseen) = (newest_renewal(&at).await, reader(at.data_dir()));
    assert_eq!(plain["detail"]["superseded_unseen"], Value::Null, "{plain}");
    let unseen: Vec<u8> = unseen.query_row("SELECT newest FROM hosts", [], |row| row.get(0)).unwrap();
    let unseen = Serial::from_bytes(unseen.try_into().unwrap());
    renew_with(&at, &host, &enrolled, &Host::new()).await;
    let entry = newest_renewal(&at).await;
    assert_eq!(entry["detail"]["superseded_unseen"], unseen.to_string(), "{entry}");
    at.stop().await;
}

async fn newest_renewal(at: &Running) -> Value {
    let renewed = |entry: &Value| entry["action"] == "host_renewed";
    at.ledger().await.into_iter().find(renewed).unwrap()
}

/// Puts an identity in place as a client does that never used it.
fn put(at: &Running, dir: &Path, key: &str, minted: &Value, enrolled: &Value) {
    let time = |name: &str| serde_json::from_value::<Timestamp>(enrolled[name].clone()).unwrap();
    let host = HostFile {
        servers: Servers::new(at.url.clone()),
        host_id: HostId::parse(enrolled["host_id"].as_str().unwrap()).unwrap(),
        certified: Certified::default(),
        fingerprint: at.root,
        trust: TrustAnchor::Pinned(at.root),
        token_id: TokenId::parse(minted["token_id"].as_str().unwrap()).unwrap(),
        life: CertificateLife { expires_at: time("expires_at"), renew_after: time("renew_after") },
    };
    for (name, member) in
        [("host.pem", "certificate"), ("chain.pem", "chain"), ("root.pem", "ca_certificate")]
    {
        fs::write(dir.join(name), enrolled[member].as_str().unwrap()).unwrap();
    }
    fs::write(dir.join("host.key"), key).unwrap();
    fs::set_permissions(dir.join("host.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(dir.join("host.json"), serde_json::to_string(&host).unwrap()).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_uses_a_certificate_never_seen() {
    let (at, temp) = (Arc::new(Running::start().await), tempfile::tempdir().unwrap());
    let (minted, host) = (at.mint(json!({})).await, Host::new());
    let enrolled = host.redeem(&at, &token_of(&minted)).await.json;
    put(&at, temp.path(), &host.key_pem(), &minted, &enrolled);
    assert!(!seen(&at));
    let daemon = Daemon::new(ThisHost::at(temp.path()), &*at.clock);
    let stop = eventually("the server has seen it", async || seen(&at).then_some(()));
    daemon.run(|_| {}, stop).await.unwrap();
    assert_eq!(at.entries("host_renewed").await, 0);
}
