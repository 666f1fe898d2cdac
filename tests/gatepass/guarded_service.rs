//! Another service, as its own process beside the authority's: `examples/guarded_service.rs`.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gatepass::clock::SystemClock;
use gatepass::connect::{Connector, Identity, Trust};
use gatepass::verifier::{Refusal, Verifier};
use http::Method;
use http::header::{AUTHORIZATION, HeaderValue};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::support::authority::{AUDIENCE, token_of};
use crate::support::client::Said;
use crate::support::served::{Served, serve};
use crate::support::{Host, eventually};

/// Well beyond the 30 s of a list's `ttl`, with its jitter, and of a CRL.
const PATIENCE: Duration = Duration::from_secs(300);

/// The example, which `cargo test` builds beside this test.
fn example() -> PathBuf {
    let beside = std::env::current_exe().unwrap();
    let path = beside.parent().unwrap().parent().unwrap().join("examples/guarded_service");
    assert!(path.exists(), "run `cargo build --example guarded_service` first: {}", path.display());
    path
}

fn authority(dir: &Path) -> Served {
    let mut command = serve(&dir.join("data"));
    command.env("GATEPASS_TOKENS__AUDIENCES", AUDIENCE);
    Served::start(command)
}

/// A running guarded service. Dropping it kills it.
struct Service {
    child: Child,
    url: String,
    certificate: PathBuf,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Service {
    fn start(dir: &Path, authority: &str, more: &[&str]) -> Self {
        let certificate = dir.join("service.pem");
        let mut child = Command::new(example())
            .args(["--authority", authority, "--audience", AUDIENCE, "--certificate"])
            .arg(&certificate)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("guarded service listens on ").expect("it starts").to_owned();
        Self { child, url, certificate }
    }

    fn caller(&self, identity: Option<Identity>) -> Connector {
        let pem = std::fs::read(&self.certificate).unwrap();
        let own = CertificateDer::from_pem_slice(&pem).unwrap();
        Connector::new(&self.url, Trust::Outside(vec![own]), identity).unwrap()
    }

    /// Status and problem code.
    async fn ask(&self, path: &str, token: Option<&str>) -> (u16, String) {
        ask(&self.caller(None), path, token).await
    }
}

async fn ask(caller: &Connector, path: &str, token: Option<&str>) -> (u16, String) {
    let bearer = |token| (AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
    let headers = token.map(bearer).into_iter().collect::<Vec<_>>();
    let answer = caller.request(Method::GET, path, &headers, None).await.unwrap();
    let problem: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status.as_u16(), problem["code"].as_str().unwrap_or_default().to_owned())
}

fn said(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn mint(at: &Served, roles: &[&str]) -> Value {
    let request = json!({ "audience": AUDIENCE, "roles": roles, "ttl": "1h" });
    let minted: Said = at.admin().post("/api/v1/service-tokens", &request).await;
    assert_eq!(minted.status, 201, "{}", minted.text);
    minted.json
}

async fn revoke(at: &Served, minted: &Value) {
    let path = format!("/api/v1/service-tokens/{}", minted["token_id"].as_str().unwrap());
    let said = at.admin().delete(&path).await;
    assert!(said.status < 300, "{}", said.text);
}

fn pin(at: &Served) -> [String; 2] {
    ["--ca-fingerprint".to_owned(), at.root.to_string()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_admits_only_valid_callers() {
    let dir = tempfile::tempdir().unwrap();
    let at = authority(dir.path());
    let root = dir.path().join("data/root.pem");
    let service = Service::start(dir.path(), &at.url, &["--ca", root.to_str().unwrap()]);
    let (plain, allocator) = (token_of(&mint(&at, &[]).await), token_of(&mint(&at, &["allocator"]).await));
    assert_eq!(service.ask("/public", None).await, said(200, ""));
    assert_eq!(service.ask("/work", None).await, said(401, "unauthenticated"));
    assert_eq!(service.ask("/work", Some(&plain)).await, said(200, ""));
    assert_eq!(service.ask("/allocate", Some(&plain)).await, said(403, "insufficient_scope"));
    assert_eq!(service.ask("/allocate", Some(&allocator)).await, said(200, ""));
    assert_eq!(service.ask("/host", Some(&allocator)).await, said(401, "invalid_certificate"));

    let enrollment = at.admin().post("/api/v1/enrollment-tokens", &json!({ "roles": ["allocator"] })).await;
    let enrollment = token_of(&enrollment.json);
    assert_eq!(service.ask("/work", Some(&enrollment)).await, said(401, "invalid_token"));
    // The service's token opens nothing else: the authority admits no host with it.
    let body = json!({ "csr": Host::new().csr() });
    let redeemed = at.stranger().bearer(&allocator).post("/api/v1/bootstrap", &body).await;
    assert_eq!((redeemed.status, redeemed.code()), (401, "invalid_token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_is_pushed_to_a_service() {
    let dir = tempfile::tempdir().unwrap();
    let at = authority(dir.path());
    let [flag, root] = pin(&at);
    let service = Service::start(dir.path(), &at.url, &[&flag, &root]);
    let caller = service.caller(None);
    following(&caller).await;
    let mut latencies = Vec::new();
    for _ in 0..5 {
        let minted = mint(&at, &["allocator"]).await;
        let token = token_of(&minted);
        assert_eq!(ask(&caller, "/work", Some(&token)).await, said(200, ""));
        revoke(&at, &minted).await;
        let revoked = Instant::now();
        let refused = async || (ask(&caller, "/work", Some(&token)).await.0 == 401).then_some(());
        eventually("the service refuses the token", refused).await;
        latencies.push(revoked.elapsed());
    }
    latencies.sort();
    println!("revocation, answered by the authority -> refused by the service: {latencies:?}");
}

/// Waits until changes are pushed to the service.
async fn following(caller: &Connector) {
    let following = async || {
        let health = caller.request(Method::GET, "/health", &[], None).await.unwrap();
        String::from_utf8_lossy(&health.body).contains("following: true").then_some(())
    };
    eventually("the service follows the stream", following).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_restarts_while_the_authority_is_down() {
    let dir = tempfile::tempdir().unwrap();
    let at = authority(dir.path());
    let snapshot = dir.path().join("snapshot.json");
    let ([flag, root], url) = (pin(&at), at.url.clone());
    let more = [flag.as_str(), &root, "--snapshot", snapshot.to_str().unwrap()];
    let service = Service::start(dir.path(), &url, &more);
    following(&service.caller(None)).await;
    let (gone, good) = (mint(&at, &[]).await, token_of(&mint(&at, &["allocator"]).await));
    revoke(&at, &gone).await;
    let gone = token_of(&gone);
    let refused = async || (service.ask("/work", Some(&gone)).await.0 == 401).then_some(());
    eventually("the service refuses the token", refused).await;
    eventually("the snapshot has it", async || knows(&snapshot, &url, &gone).then_some(())).await;
    at.stop();
    assert_eq!(service.ask("/allocate", Some(&good)).await, said(200, ""));
    assert_eq!(service.ask("/work", Some(&gone)).await, said(401, "invalid_token"));
    drop(service);

    let service = Service::start(dir.path(), &url, &more);
    assert_eq!(service.ask("/allocate", Some(&good)).await, said(200, ""));
    assert_eq!(service.ask("/work", Some(&gone)).await, said(401, "invalid_token"));
}

/// Returns whether a verifier with this snapshot refuses `token` as revoked.
fn knows(snapshot: &Path, issuer: &str, token: &str) -> bool {
    let Ok(text) = std::fs::read_to_string(snapshot) else { return false };
    let kept: Value = serde_json::from_str(&text).unwrap();
    let (verifier, now) = (Verifier::new(issuer, AUDIENCE), SystemClock::now());
    verifier.resume(kept["verifier"].as_str().unwrap(), now).unwrap();
    verifier.verify(token, now) == Err(Refusal::Revoked)
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_finds_revocations_without_the_stream() {
    let dir = tempfile::tempdir().unwrap();
    let at = authority(dir.path());
    let [flag, root] = pin(&at);
    let service = Service::start(dir.path(), &at.url, &[&flag, &root, "--poll-only"]);
    let minted = mint(&at, &[]).await;
    let (token, caller, host) = (token_of(&minted), service.caller(None), Host::new());
    assert_eq!(ask(&caller, "/work", Some(&token)).await, said(200, ""));
    let enrollment = at.admin().post("/api/v1/enrollment-tokens", &json!({ "roles": ["proxy"] })).await;
    let body = json!({ "csr": host.csr() });
    let enrolled = at.stranger().bearer(&token_of(&enrollment.json)).post("/api/v1/bootstrap", &body).await;
    let (id, enrolled) = (enrolled.json["host_id"].as_str().unwrap().to_owned(), enrolled.json);
    let machine = service.caller(Some(host.identity(&enrolled)));
    let welcome = async || (ask(&machine, "/host", None).await.0 == 200).then_some(());
    eventually("the host is let in", welcome).await;

    revoke(&at, &minted).await;
    assert!(at.admin().delete(&format!("/api/v1/hosts/{id}")).await.status < 300);
    let revoked = Instant::now();
    let (mut token_refused, mut host_refused) = (None, None);
    while token_refused.is_none() || host_refused.is_none() {
        assert!(revoked.elapsed() < PATIENCE, "token {token_refused:?}, host {host_refused:?}");
        let elapsed = |status| (status == 401).then(|| revoked.elapsed());
        token_refused = token_refused.or(elapsed(ask(&caller, "/work", Some(&token)).await.0));
        host_refused = host_refused.or(elapsed(ask(&machine, "/host", None).await.0));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("by polling: token refused after {token_refused:?}, host after {host_refused:?}");
}
