//! Verify, mint and issue, each beside the public-key operations that it cannot do without: its floor.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::hint::black_box;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, UnparsedPublicKey,
};
use criterion::Criterion;
use gatepass::ca::{ApprovedRequest, CertificateAuthority, Csr, CsrPolicy, HostProfile};
use gatepass::clock::{SystemClock, Timestamp};
use gatepass::id::{Fingerprint, HostId, ListId, StatusRef, TokenId};
use gatepass::name::Role;
use gatepass::token::{
    Grant, KeyRing, ServiceGrant, StatusList, Terms, TokenRef, mint, mint_service, status_uri, verify,
};
use gatepass::verifier::Verifier;

const ISSUER: &str = "https://gate.example.org:8443";

/// The default token: one use, 15 minutes, two roles.
fn grant(now: Timestamp) -> Grant {
    let at = now.whole_second();
    Grant {
        token: TokenRef {
            id: TokenId::generate(now),
            issuer: ISSUER.to_owned(),
            status: StatusRef { list: ListId::generate(now), index: 7 },
        },
        issued_at: at,
        not_before: at,
        root: Some(Fingerprint::of(b"root")),
        terms: Terms {
            roles: ["allocator", "proxy"].map(|role| Role::parse(role).unwrap()).to_vec(),
            expires_at: Some(at.plus(Duration::from_secs(900))),
            max_uses: Some(1),
            ..Terms::default()
        },
    }
}

/// A cold token: nothing of it is remembered, everything is checked.
fn tokens(c: &mut Criterion) {
    let (now, ring) = (SystemClock::now(), KeyRing::generate());
    let grant = grant(now);
    let minted = mint(&grant, &ring, now).unwrap();
    let text = minted.text().expose().as_str();
    let issuers = [ISSUER.to_owned()];
    let message = text.rsplit_once('.').unwrap().0.as_bytes();
    let raw = Ed25519KeyPair::generate().unwrap();
    let signature = raw.sign(message);
    let public = raw.public_key().as_ref();
    let parsed = ParsedPublicKey::new(&ED25519, public).unwrap();

    let mut verifying = c.benchmark_group("verify");
    verifying.bench_function("floor: Ed25519 verify", |b| {
        b.iter(|| UnparsedPublicKey::new(&ED25519, black_box(public)).verify(message, signature.as_ref()));
    });
    verifying.bench_function("floor: Ed25519 verify, key parsed before", |b| {
        b.iter(|| parsed.verify_sig(black_box(message), signature.as_ref()));
    });
    verifying.bench_function("cold token", |b| {
        b.iter(|| verify(black_box(text), ring.verifying(), &issuers, now).unwrap());
    });
    verifying.finish();

    let mut minting = c.benchmark_group("mint");
    minting.bench_function("floor: Ed25519 sign", |b| b.iter(|| raw.sign(black_box(message))));
    minting.bench_function("floor: Ed25519 sign and verify", |b| {
        b.iter(|| {
            let signature = raw.sign(black_box(message));
            UnparsedPublicKey::new(&ED25519, public).verify(message, signature.as_ref())
        });
    });
    minting.bench_function("token", |b| b.iter(|| mint(black_box(&grant), &ring, now).unwrap()));
    minting.finish();
}

/// A hot token: its signature was checked before, its time and its status are judged again.
fn hot_tokens(c: &mut Criterion) {
    let (now, ring) = (SystemClock::now(), KeyRing::generate());
    let (issuer, audience) = (ISSUER, "https://jobs.example.org");
    let Grant { token, issued_at, not_before, terms: Terms { roles, expires_at, .. }, .. } = grant(now);
    let (audience, expires_at) = (audience.to_owned(), expires_at.unwrap());
    let verifier = Verifier::new(issuer, &audience);
    let uri = status_uri(issuer, token.status.list);
    verifier.update_keys(&ring.verifying().to_jwks(), now).unwrap();
    verifier.update_list(&uri, &StatusList::default().sign(&uri, &ring, now).unwrap(), now).unwrap();
    let grant = ServiceGrant { token, audience, issued_at, not_before, expires_at, roles };
    let text = mint_service(&grant, &ring, now).unwrap().into_text();

    let mut verifying = c.benchmark_group("verify");
    verifying.bench_function("floor: SHA-256 of a service token", |b| {
        b.iter(|| Fingerprint::of(black_box(text.expose().as_bytes())));
    });
    verifying.bench_function("hot service token, with its status", |b| {
        b.iter(|| verifier.verify(black_box(text.expose()), now).unwrap());
    });
    verifying.finish();
}

fn issue(csr: &str, ca: &CertificateAuthority, now: Timestamp) -> Vec<u8> {
    let csr = Csr::parse(csr, CsrPolicy::default()).unwrap();
    let profile = HostProfile {
        host: HostId::generate(now),
        roles: ["allocator", "proxy"].map(|role| Role::parse(role).unwrap()).to_vec(),
        dns_name: None,
        trust_domain: "gate.example.org".to_owned(),
        lifetime: Duration::from_secs(30 * 86_400),
        crl_url: None,
    };
    let prepared = ApprovedRequest::new(&csr, profile).prepare(ca, now).unwrap();
    prepared.issue().unwrap().der
}

/// From a request in PEM to a certificate read back: possession proved, signed, parsed.
fn certificates(c: &mut Criterion) {
    let now = SystemClock::now();
    let made = CertificateAuthority::generate("bench", now).unwrap();
    let ca =
        CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &made.issuing_key, now).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::new(Vec::new()).unwrap().serialize_request(&key).unwrap();
    let csr = request.pem().unwrap();

    let random = SystemRandom::new();
    let raw = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let message = vec![7; 600];
    let signature = raw.sign(&random, &message).unwrap();
    let public = raw.public_key().as_ref();

    let mut issuing = c.benchmark_group("issue");
    issuing.bench_function("floor: P-256 verify and sign", |b| {
        b.iter(|| {
            let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public);
            verified.verify(black_box(&message), signature.as_ref()).unwrap();
            raw.sign(&random, &message).unwrap()
        });
    });
    issuing.bench_function("host certificate", |b| b.iter(|| issue(black_box(&csr), &ca, now)));
    issuing.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    tokens(&mut criterion);
    hot_tokens(&mut criterion);
    certificates(&mut criterion);
    criterion.final_summary();
}
