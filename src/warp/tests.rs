//! The filters, as a service's routes use them.

use std::time::Duration;

use ::warp::Reply;
use ::warp::filters::BoxedFilter;
use ::warp::reply::Response;
use ::warp::test::request;
use serde_json::Value;

use super::*;
use crate::ca::{ApprovedRequest, CertificateAuthority, CrlEntry, CrlReason, Csr, CsrPolicy, HostProfile};
use crate::clock::Timestamp;
use crate::id::{HostId, Serial, TokenId};
use crate::name::Role;
use crate::token::{KeyRing, Status, mint_access};
use crate::verifier::example;

const ISSUER: &str = "https://gate.example.org:8443";
const AUDIENCE: &str = "https://jobs.example.org";

fn verifier() -> (Arc<Verifier>, String, String) {
    let (jwks, uri, list, token) = example();
    let verifier = Arc::new(Verifier::new(ISSUER, AUDIENCE));
    verifier.update_keys(&jwks, SystemClock::now()).unwrap();
    verifier.update_list(&uri, &list, SystemClock::now()).unwrap();
    (verifier, uri, token)
}

fn routes(verifier: Arc<Verifier>) -> BoxedFilter<(Response,)> {
    let name = |grant: Verified<ServiceGrant>| grant.token.id.to_string();
    let work = ::warp::path("work").and(token(Arc::clone(&verifier))).map(name);
    let allocate =
        ::warp::path("allocate").and(token(verifier.clone())).and_then(require_role("allocator")).map(name);
    let direct = ::warp::path("direct").and(token(verifier)).and_then(require_role("director")).map(name);
    work.or(allocate).unify().or(direct).unify().recover(recover).map(Reply::into_response).boxed()
}

struct Said {
    status: u16,
    code: String,
    challenge: Option<String>,
    retry_after: bool,
    text: String,
}

async fn ask(routes: &BoxedFilter<(Response,)>, path: &str, credentials: &[&str]) -> Said {
    let mut asking = request().path(path);
    for credential in credentials {
        asking = asking.header("authorization", *credential);
    }
    let answer = asking.reply(routes).await;
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    let problem: Value = serde_json::from_str(&text).unwrap_or_default();
    if !answer.status().is_success() && answer.status() != 404 {
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        assert_eq!(problem["status"], answer.status().as_u16());
    }
    let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    Said {
        status: answer.status().as_u16(),
        code: problem["code"].as_str().unwrap_or_default().to_owned(),
        challenge: header("www-authenticate"),
        retry_after: header("retry-after").is_some(),
        text,
    }
}

#[tokio::test]
async fn a_valid_token_is_accepted_with_its_grant() {
    let (verifier, _, token) = verifier();
    let routes = routes(verifier);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let said = ask(&routes, "/allocate", &[&format!("{scheme} {token}")]).await;
        assert_eq!((said.status, said.text.len()), (200, 36), "{}", said.text);
    }
    assert_eq!(ask(&routes, "/elsewhere", &[]).await.status, 404, "other rejections are passed on");
}

#[tokio::test]
async fn without_a_token_the_challenge_names_no_error() {
    let (verifier, _, token) = verifier();
    let routes = routes(verifier);
    for credentials in [&[][..], &["Basic YTpi"], &[token.as_str()], &["Bearer"]] {
        let said = ask(&routes, "/work", credentials).await;
        assert_eq!((said.status, said.code.as_str()), (401, "unauthenticated"), "{credentials:?}");
        assert_eq!(said.challenge.as_deref(), Some("Bearer realm=\"gatepass\""));
    }
    let mut twice = HeaderMap::new();
    for _ in 0..2 {
        twice.append(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    }
    assert_eq!(bearer(&twice), Err(Denied::Ambiguous));
    assert_eq!(Denied::Ambiguous.response().status(), 400);
}

#[tokio::test]
async fn a_refused_token_is_not_echoed() {
    let (verifier, uri, token) = verifier();
    let routes = routes(Arc::clone(&verifier));
    let challenge = Some("Bearer realm=\"gatepass\", error=\"invalid_token\"");
    let (_, _, _, foreign) = example();
    for bad in ["a.b.c", "x", &foreign, &token[..token.len() - 2]] {
        let said = ask(&routes, "/work", &[&format!("Bearer {bad}")]).await;
        assert_eq!(
            (said.status, said.code.as_str(), said.challenge.as_deref()),
            (401, "invalid_token", challenge)
        );
        assert!(!said.text.contains(bad) || bad == "x", "{}", said.text);
        assert!(said.text.contains("not valid for this service"), "a stranger learns no more: {}", said.text);
    }
    verifier.apply(&uri, &[(7, Status::Revoked)], SystemClock::now());
    let said = ask(&routes, "/work", &[&format!("Bearer {token}")]).await;
    assert_eq!(
        (said.status, said.code.as_str(), said.challenge.as_deref()),
        (401, "invalid_token", challenge)
    );
    assert!(said.text.contains("revoked"), "its holder learns why: {}", said.text);
}

#[tokio::test]
async fn a_missing_role_is_an_insufficient_scope() {
    let (verifier, _, token) = verifier();
    let said = ask(&routes(verifier), "/direct", &[&format!("Bearer {token}")]).await;
    assert_eq!((said.status, said.code.as_str()), (403, "insufficient_scope"));
    assert_eq!(said.challenge.as_deref(), Some("Bearer realm=\"gatepass\", error=\"insufficient_scope\""));
    assert!(said.text.contains("director"), "{}", said.text);
}

#[tokio::test]
async fn a_verifier_without_lists_is_unavailable() {
    let (jwks, uri, list, token) = example();
    let bearer = format!("Bearer {token}");
    let fresh = Arc::new(Verifier::new(ISSUER, AUDIENCE));
    let said = ask(&routes(Arc::clone(&fresh)), "/work", &[&bearer]).await;
    assert_eq!((said.status, said.code.as_str()), (503, "verifier_stale"));
    assert!(said.retry_after && said.challenge.is_none());
    let old = Verifier::new(ISSUER, AUDIENCE).max_staleness(Duration::ZERO);
    let before = SystemClock::now().minus(Duration::from_secs(2));
    old.update_keys(&jwks, before).unwrap();
    old.update_list(&uri, &list, before).unwrap();
    assert_eq!(ask(&routes(Arc::new(old)), "/work", &[&bearer]).await.status, 503);
}

struct Hosts {
    ca: CertificateAuthority,
    hosts: Arc<HostVerifier>,
}

fn hosts(now: Timestamp) -> Hosts {
    let made = CertificateAuthority::generate("gatepass example.org", now).unwrap();
    let ca =
        CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &made.issuing_key, now).unwrap();
    let hosts = Arc::new(HostVerifier::new(&made.root_pem, "example.org").unwrap());
    hosts.learn_issuers(&ca.chain_pem(), now).unwrap();
    Hosts { ca, hosts }
}

fn enroll(ca: &CertificateAuthority, now: Timestamp) -> (PeerCertificates, Serial) {
    let profile = HostProfile {
        host: HostId::generate(now),
        roles: vec![Role::parse("proxy").unwrap()],
        dns_name: None,
        trust_domain: "example.org".to_owned(),
        lifetime: Duration::from_secs(3600),
        crl_url: None,
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let csr = Csr::parse(&pem, CsrPolicy { allow_rsa: false }).unwrap();
    let issued = ApprovedRequest::new(&csr, profile).prepare(ca, now).unwrap().issue().unwrap();
    (PeerCertificates(Arc::new(vec![issued.der.into()])), issued.serial)
}

#[tokio::test]
async fn only_a_host_certificate_is_accepted() {
    let now = SystemClock::now();
    let Hosts { ca, hosts } = hosts(now);
    let (peer, serial) = enroll(&ca, now);
    let open = ::warp::path("host")
        .and(host(Arc::clone(&hosts)))
        .and_then(require_role("proxy"))
        .map(|peer: HostPeer| peer.host.to_string());
    let narrow = ::warp::path("direct")
        .and(host(Arc::clone(&hosts)))
        .and_then(require_role("director"))
        .map(|peer: HostPeer| peer.host.to_string());
    let routes = open.or(narrow).unify().recover(recover).boxed();
    let ask = async |path: &str, peer: Option<PeerCertificates>| {
        let asking = request().path(path);
        let asking = match peer {
            Some(peer) => asking.extension(peer),
            None => asking,
        };
        asking.reply(&routes).await.status().as_u16()
    };
    assert_eq!(ask("/host", Some(peer.clone())).await, 503, "no CRL is known yet");
    hosts.update_crl(&ca.sign_crl(1, &[], now).unwrap(), now).unwrap();
    assert_eq!(ask("/host", Some(peer.clone())).await, 200);
    assert_eq!(ask("/direct", Some(peer.clone())).await, 403);
    assert_eq!(ask("/host", None).await, 401);
    assert_eq!(ask("/host", Some(PeerCertificates(Arc::default()))).await, 401);
    let revoked = CrlEntry { serial, revoked_at: now, reason: CrlReason::CessationOfOperation };
    hosts.update_crl(&ca.sign_crl(2, &[revoked], now).unwrap(), now).unwrap();
    assert_eq!(ask("/host", Some(peer)).await, 401);
}

#[tokio::test]
async fn an_access_token_passes_with_its_certificate() {
    let now = SystemClock::now();
    let Hosts { ca, hosts } = hosts(now);
    let ((own, serial), (other, _)) = (enroll(&ca, now), enroll(&ca, now));
    hosts.update_crl(&ca.sign_crl(1, &[], now).unwrap(), now).unwrap();
    let ring = KeyRing::generate();
    let grant = AccessGrant {
        id: TokenId::generate(now),
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        host: HostId::generate(now),
        issued_at: now.whole_second(),
        expires_at: now.whole_second().plus(Duration::from_secs(900)),
        roles: vec![Role::parse("proxy").unwrap()],
        certificate: CertificateThumbprint::of(&own.0[0]),
    };
    let bearer = format!("Bearer {}", mint_access(&grant, &ring, now).unwrap().text().expose());
    let verifier = Arc::new(Verifier::new(ISSUER, AUDIENCE));
    verifier.update_keys(&ring.verifying().to_jwks(), now).unwrap();
    let name = |grant: Verified<AccessGrant>| grant.host.to_string();
    let routes = access(verifier, Arc::clone(&hosts)).and_then(require_role("proxy")).map(name);
    let routes = routes.recover(recover).boxed();
    let ask = async |peer: Option<&PeerCertificates>, bearer: &str| {
        let asking = request().header("authorization", bearer);
        let asking = match peer {
            Some(peer) => asking.extension(peer.clone()),
            None => asking,
        };
        asking.reply(&routes).await.status().as_u16()
    };
    assert_eq!(ask(Some(&own), &bearer).await, 200);
    assert_eq!(ask(Some(&other), &bearer).await, 401, "another certificate");
    assert_eq!(ask(None, &bearer).await, 401, "no certificate");
    assert_eq!(ask(Some(&own), "Bearer x").await, 401);
    let revoked = CrlEntry { serial, revoked_at: now, reason: CrlReason::CessationOfOperation };
    hosts.update_crl(&ca.sign_crl(2, &[revoked], now).unwrap(), now).unwrap();
    assert_eq!(ask(Some(&own), &bearer).await, 401, "its host is revoked");
}
