//! The overlap after a renewal: a service holds the certificate that it loaded until it reloads.

use std::path::Path;
use std::time::Duration;

use gatepass::client::connect::Identity;
use gatepass::client::enroll::{Enroll, enroll};
use gatepass::client::host::ThisHost;
use gatepass::client::renew::renew;
use gatepass::secret::Secret;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;

use crate::support::authority::token_of;
use crate::support::client::Client;
use crate::support::{Host, Running, Said, database};

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: Duration = Duration::from_secs(1);
const WHOAMI: &str = "/api/v1/whoami";

/// A service of the host, which loads the identity in the directory.
fn load(at: &Running, dir: &Path) -> Client {
    let chain = ["host.pem", "chain.pem"].iter().flat_map(|name| {
        CertificateDer::pem_file_iter(dir.join(name)).unwrap().collect::<Result<Vec<_>, _>>().unwrap()
    });
    let (chain, key) = (chain.collect(), PrivateKeyDer::from_pem_file(dir.join("host.key")).unwrap());
    Client::with_identity(&at.url, at.root, Some(Identity { chain, key }))
}

/// A host that renewed: its certificate before, and the newest, which it has used.
struct Renewed {
    id: String,
    before: Client,
    newest: Client,
}

async fn renewed(at: &Running) -> Renewed {
    let (host, next) = (Host::new(), Host::new());
    let minted = at.mint(json!({ "roles": ["allocator", "proxy"] })).await;
    let enrolled = host.redeem(at, &token_of(&minted)).await.json;
    let before = host.client(at, &enrolled);
    is_let_in(&before).await;
    let newest = renewed_by(at, &before, &next).await;
    is_let_in(&newest).await;
    Renewed { id: enrolled["host_id"].as_str().unwrap().to_owned(), before, newest }
}

async fn ask_to_renew(client: &Client, next: &Host) -> Said {
    client.post("/api/v1/renew", &json!({ "csr": next.csr() })).await
}

async fn renewed_by(at: &Running, client: &Client, next: &Host) -> Client {
    let said = ask_to_renew(client, next).await;
    assert_eq!(said.status, 200, "{}", said.text);
    next.client(at, &said.json)
}

async fn is_let_in(client: &Client) {
    let said = client.get(WHOAMI).await;
    assert_eq!(said.status, 200, "{}", said.text);
}

async fn is_refused(client: &Client, code: &str) {
    let said = client.get(WHOAMI).await;
    assert_eq!((said.status, said.code()), (403, code), "{}", said.text);
}

/// The number of refusals of hosts in the ledger.
async fn alarms(at: &Running) -> usize {
    at.entries("host_refused").await
}

/// The counter of this name in the process.
async fn counted(at: &Running, name: &str) -> f64 {
    let text = at.stranger().get("/metrics").await.text;
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_reloads_later_is_not_refused() {
    let (at, temp) = (Running::start().await, tempfile::tempdir().unwrap());
    let dir = temp.path().join("host");
    let ask = Enroll { cert_dir: dir.clone(), ..Enroll::default() };
    enroll(&ask, &Secret::new(at.mint_once().await), at.authority.time.now()).await.unwrap();
    let service = load(&at, &dir);
    is_let_in(&service).await;
    let fresh = renew(&ThisHost::at(&dir), at.authority.time.now()).await.unwrap();
    assert!(fresh.unseen.is_none(), "the server has seen it: {:?}", fresh.unseen);
    for _ in 0..30 {
        at.clock.advance(SECOND);
        is_let_in(&service).await;
        let said = service.get("/api/v1/authorize?role=allocator").await;
        assert_eq!(said.status, 204, "{}", said.text);
    }
    let reloaded = load(&at, &dir);
    is_let_in(&reloaded).await;
    is_let_in(&service).await;
    assert_eq!(alarms(&at).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overlap_ends_without_an_alarm() {
    let at = Running::start().await;
    let host = renewed(&at).await;
    at.clock.advance(HOUR - SECOND);
    is_let_in(&host.before).await;
    at.clock.advance(SECOND);
    let before = counted(&at, "gatepass_superseded_certificates_total").await;
    for _ in 0..3 {
        is_refused(&host.before, "certificate_superseded").await;
        let said = host.before.get("/api/v1/authorize").await;
        assert_eq!((said.status, said.code()), (403, "certificate_superseded"), "{}", said.text);
    }
    at.clock.advance(SECOND);
    is_let_in(&host.newest).await;
    assert_eq!(alarms(&at).await, 0);
    crate::support::eventually("the refusals are counted", async || {
        (counted(&at, "gatepass_superseded_certificates_total").await >= before + 6.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_overlap_counts() {
    let at = Running::start_with(&[("hosts.overlap", "10m")]).await;
    let host = renewed(&at).await;
    at.clock.advance(HOUR / 6 - SECOND);
    is_let_in(&host.before).await;
    at.clock.advance(SECOND);
    is_refused(&host.before, "certificate_superseded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overlap_begins_with_the_first_use() {
    let at = Running::start().await;
    let (host, next) = (Host::new(), Host::new());
    let before = host.client(&at, &host.redeem(&at, &at.mint_once().await).await.json);
    let newest = renewed_by(&at, &before, &next).await;
    at.clock.advance(HOUR * 5);
    is_let_in(&before).await;
    is_let_in(&newest).await;
    at.clock.advance(HOUR - SECOND);
    is_let_in(&newest).await;
    is_let_in(&before).await;
    at.clock.advance(SECOND);
    is_refused(&before, "certificate_superseded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overlap_outlasts_no_certificate() {
    let at = Running::start_with(&[("hosts.certificate_lifetime", "2h")]).await;
    let (host, next) = (Host::new(), Host::new());
    let before = host.client(&at, &host.redeem(&at, &at.mint_once().await).await.json);
    at.clock.advance(HOUR + HOUR / 2);
    is_let_in(&renewed_by(&at, &before, &next).await).await;
    at.clock.advance(HOUR / 2 - SECOND);
    is_let_in(&before).await;
    at.clock.advance(SECOND);
    let said = before.get(WHOAMI).await;
    assert_eq!((said.status, said.code()), (401, "unauthenticated"), "{}", said.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_certificate_has_its_own_overlap() {
    let at = Running::start().await;
    let host = renewed(&at).await;
    at.clock.advance(HOUR / 2);
    let third = renewed_by(&at, &host.newest, &Host::new()).await;
    is_let_in(&host.before).await;
    is_let_in(&third).await;
    at.clock.advance(HOUR / 2 - SECOND);
    is_let_in(&host.before).await;
    at.clock.advance(SECOND);
    is_refused(&host.before, "certificate_superseded").await;
    is_let_in(&host.newest).await;
    at.clock.advance(HOUR / 2);
    is_refused(&host.newest, "certificate_superseded").await;
    is_let_in(&third).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_taken_now_ends_in_the_overlap() {
    let at = Running::start().await;
    let host = renewed(&at).await;
    let said = host.before.get("/api/v1/authorize?role=proxy").await;
    assert_eq!(said.status, 204, "{}", said.text);
    let path = format!("/api/v1/hosts/{}", host.id);
    let said = at.admin().patch(&path, &json!({ "roles": ["allocator"], "now": true })).await;
    assert_eq!(said.status, 200, "{}", said.text);
    is_refused(&host.before, "certificate_revoked").await;
    is_refused(&host.newest, "certificate_revoked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_taken_later_ends_with_the_renewal() {
    let at = Running::start().await;
    let host = renewed(&at).await;
    let path = format!("/api/v1/hosts/{}", host.id);
    assert_eq!(at.admin().patch(&path, &json!({ "roles": ["allocator"] })).await.status, 200);
    is_let_in(&host.before).await;
    let next = renewed_by(&at, &host.newest, &Host::new()).await;
    is_refused(&host.before, "certificate_revoked").await;
    is_refused(&host.newest, "certificate_revoked").await;
    is_let_in(&next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_host_has_no_overlap() {
    let at = Running::start().await;
    let host = renewed(&at).await;
    assert_eq!(at.admin().delete(&format!("/api/v1/hosts/{}", host.id)).await.status, 200);
    is_refused(&host.before, "host_revoked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_needs_the_newest_certificate() {
    let at = Running::start().await;
    let host = renewed(&at).await;
    let said = host.before.post("/api/v1/leave", &json!({})).await;
    assert_eq!((said.status, said.code()), (403, "certificate_superseded"), "{}", said.text);
    is_let_in(&host.newest).await;
    assert_eq!((alarms(&at).await, at.entries("host_revoked").await), (0, 0));
    assert_eq!(host.newest.post("/api/v1/leave", &json!({})).await.status, 200);
    is_refused(&host.before, "host_revoked").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_leaves_with_the_certificate_it_holds() {
    let at = Running::start().await;
    let host = Host::new();
    let client = host.client(&at, &host.redeem(&at, &at.mint_once().await).await.json);
    assert_eq!(ask_to_renew(&client, &Host::new()).await.status, 200, "its answer is lost");
    assert_eq!(client.post("/api/v1/leave", &json!({})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_finds_the_copy_that_renewed_first() {
    let at = Running::start().await;
    let stolen = renewed(&at).await;
    // The host itself still works for the overlap, and renews at two thirds of the certificate's life.
    is_let_in(&stolen.before).await;
    at.clock.advance(HOUR * 24 * 20);
    is_refused(&stolen.before, "certificate_superseded").await;
    let said = ask_to_renew(&stolen.before, &Host::new()).await;
    assert_eq!((said.status, said.code()), (403, "lineage_conflict"), "{}", said.text);
    assert_eq!(at.entries("host_quarantined").await, 1);
    is_refused(&stolen.newest, "host_quarantined").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_seen_by_an_earlier_version_get_no_overlap() {
    let at = Running::start().await;
    let host = renewed(&at).await;
    // As the migration leaves the rows of the version before.
    database::execute(at.data_dir(), "UPDATE certificates SET superseded_at = NULL");
    is_refused(&host.before, "certificate_superseded").await;
    is_let_in(&host.newest).await;
    is_let_in(&renewed_by(&at, &host.newest, &Host::new()).await).await;
    is_let_in(&host.newest).await;
    is_refused(&host.before, "certificate_superseded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_certificate_has_no_overlap() {
    let at = Running::start().await;
    let (host, lost) = (Host::new(), Host::new());
    let before = host.client(&at, &host.redeem(&at, &at.mint_once().await).await.json);
    let replaced = renewed_by(&at, &before, &lost).await;
    let newest = renewed_by(&at, &before, &Host::new()).await;
    is_refused(&replaced, "certificate_superseded").await;
    is_let_in(&newest).await;
    is_refused(&replaced, "certificate_superseded").await;
    is_let_in(&before).await;
    assert_eq!(ask_to_renew(&replaced, &Host::new()).await.code(), "lineage_conflict");
}
