//! Redeeming in process, durably, on a real database: one host at a time, and 64 at once.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, UnparsedPublicKey,
};
use criterion::{Criterion, Throughput};
use gatepass::admission::HostClaims;
use gatepass::clock::SystemClock;
use gatepass::config::{Config, Environment, Overrides};
use gatepass::http::request::MintRequest;
use gatepass::server::Server;
use gatepass::service::{Authority, Caller, RedeemRequest};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Concurrent hosts.
const CROWD: u64 = 64;

/// An open authority on its own directory, without a listener.
struct Bench {
    runtime: Runtime,
    server: Server,
    token: Arc<str>,
    dir: TempDir,
}

impl Bench {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let environment =
            Environment::from_pairs([("GATEPASS_ADMIN_PASSWORD", "correct horse battery staple")]);
        let overrides = Overrides::local(&dir.path().join("data"));
        let config = Config::load(None, &environment, overrides).unwrap();
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(Server::open(config, Arc::new(SystemClock))).unwrap();
        let token = runtime.block_on(mint(server.authority()));
        Self { runtime, server, token, dir }
    }

    /// Duration of `count` redemptions, `at_once` of them at a time. Keys and requests are made before.
    fn redeem(&self, count: u64, at_once: u64) -> Duration {
        let mut requests = (0..count).map(|_| request()).collect::<Vec<_>>();
        let share = usize::try_from(count.div_ceil(at_once)).unwrap();
        let mut crowd = Vec::new();
        while !requests.is_empty() {
            let rest = requests.split_off(share.min(requests.len()));
            crowd.push(std::mem::replace(&mut requests, rest));
        }
        let began = Instant::now();
        self.runtime.block_on(async {
            let hosts = crowd.into_iter().map(|requests| {
                tokio::spawn(redeem_all(
                    Arc::clone(self.server.authority()),
                    Arc::clone(&self.token),
                    requests,
                ))
            });
            for host in hosts.collect::<Vec<_>>() {
                host.await.unwrap();
            }
        });
        began.elapsed()
    }
}

/// A token of this day without a limit of uses, as a rollout has one.
async fn mint(authority: &Authority) -> Arc<str> {
    let roles = ["allocator", "proxy"].map(str::to_owned).to_vec();
    let roles = Some(roles);
    let request =
        MintRequest { roles, ttl: Some("24h".to_owned()), max_uses: Some(None), ..MintRequest::default() };
    let order = request
        .judge(
            (&authority.roles, &authority.policies.policies),
            &authority.settings.spans.load(),
            authority.time.now(),
            Vec::new(),
        )
        .unwrap();
    let minted = authority.minting.mint(&Caller::SYSTEM, order).await.unwrap();
    Arc::from(minted.text().expose().as_str())
}

async fn redeem_all(authority: Arc<Authority>, token: Arc<str>, requests: Vec<String>) {
    for csr in requests {
        let request = RedeemRequest {
            unverified_token: &token,
            csr: &csr,
            claims: HostClaims::default(),
            reached_url: None,
            replaces: None,
        };
        authority.enrollment.redeem(&Caller::SYSTEM, request).await.unwrap();
    }
}

fn request() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.serialize_request(&key).unwrap().pem().unwrap()
}

/// The public-key operations of one redemption: token verified, request verified, certificate signed.
fn maths(c: &mut Criterion) {
    let random = SystemRandom::new();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    let p256 = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let message = vec![7; 600];
    let token = ed25519.sign(&message);
    let proof = p256.sign(&random, &message).unwrap();
    let (of_token, of_host) = (ed25519.public_key().as_ref(), p256.public_key().as_ref());
    c.bench_function("redeem/floor: Ed25519 verify, P-256 verify and sign", |b| {
        b.iter(|| {
            UnparsedPublicKey::new(&ED25519, of_token).verify(black_box(&message), token.as_ref()).unwrap();
            let host = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, of_host);
            host.verify(&message, proof.as_ref()).unwrap();
            p256.sign(&random, &message).unwrap()
        });
    });
}

/// Duration of one commit on the disk: a page written to the end of a file and synced.
fn disk(c: &mut Criterion, bench: &Bench) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(bench.dir.path().join("disk")).unwrap();
    c.bench_function("redeem/floor: write 4 KiB and sync", |b| {
        b.iter(|| {
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
        });
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let bench = Bench::open();
    maths(&mut criterion);
    disk(&mut criterion, &bench);
    let mut group = criterion.benchmark_group("redeem");
    group.sample_size(20).measurement_time(Duration::from_secs(10));
    group.throughput(Throughput::Elements(1));
    group.bench_function("one at a time", |b| b.iter_custom(|hosts| bench.redeem(hosts, 1)));
    group.throughput(Throughput::Elements(CROWD));
    group.bench_function("64 at once", |b| b.iter_custom(|rounds| bench.redeem(rounds * CROWD, CROWD)));
    group.finish();
    criterion.final_summary();
}
