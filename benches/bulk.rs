//! A bulk mint beside signing and batch verification alone, in turns: in process, and over TLS as a client reads it.
//! Arguments: the numbers of rounds (7) and tokens (10 000).

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey, verify_batch};
use gatepass::clock::SystemClock;
use gatepass::config::{Config, Environment, Overrides};
use gatepass::connect::{Connector, Trust};
use gatepass::http::request::MintRequest;
use gatepass::server::Server;
use gatepass::service::{Authority, Caller};
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// The allocator of the `gatepass` program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The password of the admin.
const PASSWORD: &str = "correct horse battery staple";
/// As long as the signed text of a token is.
const MESSAGE: [u8; 600] = [7; 600];
/// Number of signatures that are checked together, as gatepass does it.
const TOGETHER: usize = 128;
/// Minimum share of the floor's rate.
const BAR: f64 = 0.7;

fn main() {
    // cargo adds flags of its own.
    let mut numbers = std::env::args().filter_map(|argument| argument.parse::<u32>().ok());
    let (rounds, tokens) = (numbers.next().unwrap_or(7), numbers.next().unwrap_or(10_000));
    let bench = Bench::open();
    // The password is hashed once, before the clock starts.
    bench.over_tls(1);
    let mut all: Vec<[f64; 3]> = Vec::new();
    for _ in 0..rounds {
        let times = [floor(tokens), bench.in_process(tokens), bench.over_tls(tokens)];
        all.push(times.map(|time| time.as_secs_f64() * 1e6 / f64::from(tokens)));
    }
    let median = |of: &dyn Fn(&[f64; 3]) -> f64| {
        let mut values = all.iter().map(of).collect::<Vec<_>>();
        values.sort_by(f64::total_cmp);
        (values[values.len() / 2], values[0], values[values.len() - 1])
    };
    println!("{tokens} tokens, {rounds} rounds in turns: microseconds a token, median (least to most)");
    for (place, name) in ["floor: sign, verify in batches", "bulk mint, in process", "bulk mint, over TLS"]
        .into_iter()
        .enumerate()
    {
        let (middle, least, most) = median(&|times| times[place]);
        let (ratio, low, high) = median(&|times| times[0] / times[place]);
        println!(
            "{name:32} {middle:6.1} ({least:.1} to {most:.1})   ratio {ratio:.2} ({low:.2} to {high:.2}), bar {BAR}"
        );
    }
}

/// The time to sign `count` messages and to verify the signatures in batches, on one thread.
fn floor(count: u32) -> Duration {
    let pair = Ed25519KeyPair::generate().unwrap();
    let point = VerifyingKey::from_bytes(pair.public_key().as_ref().try_into().unwrap()).unwrap();
    let began = Instant::now();
    let mut left = count as usize;
    while left > 0 {
        let some = left.min(TOGETHER);
        let sign = |_| Signature::from_slice(pair.sign(black_box(&MESSAGE)).as_ref()).unwrap();
        let signatures = (0..some).map(sign).collect::<Vec<_>>();
        verify_batch(&vec![&MESSAGE[..]; some], &signatures, &vec![point; some]).unwrap();
        left -= some;
    }
    began.elapsed()
}

/// A running authority on its own directory, with a real listener.
struct Bench {
    runtime: Runtime,
    authority: Arc<Authority>,
    connector: Connector,
    _stop: oneshot::Sender<()>,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let environment = Environment::from_pairs([("GATEPASS_ADMIN_PASSWORD", PASSWORD)]);
        let config = Config::load(None, &environment, Overrides::local(&dir.path().join("data"))).unwrap();
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(Server::open(config, Arc::new(SystemClock))).unwrap();
        let authority = Arc::clone(server.authority());
        let trust = Trust::Fingerprint(server.root_fingerprint());
        let connector = Connector::new(&server.url(), trust, None).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        runtime.spawn(server.run(async {
            let _ = stopped.await;
        }));
        Self { runtime, authority, connector, _stop: stop, _dir: dir }
    }

    /// The time of a bulk mint without HTTP: signed, verified, recorded with a sync.
    fn in_process(&self, count: u32) -> Duration {
        let request = MintRequest {
            roles: Some(vec!["allocator".to_owned(), "proxy".to_owned()]),
            ttl: Some("24h".to_owned()),
            ..MintRequest::default()
        };
        let (authority, caller) = (&self.authority, Caller::SYSTEM);
        let (spans, now) = (authority.settings.spans.load(), authority.time.now());
        let order =
            request.judge((&authority.roles, &authority.policies.policies), &spans, now, Vec::new()).unwrap();
        let began = Instant::now();
        self.runtime.block_on(async {
            let mut batch = authority.minting.bulk(&caller, order, count, None).unwrap();
            while let Some(tokens) = batch.next().await.unwrap() {
                black_box(tokens);
            }
        });
        began.elapsed()
    }

    /// The time of a bulk mint as a client of this machine reads it.
    fn over_tls(&self, count: u32) -> Duration {
        let basic = format!("Basic {}", STANDARD.encode(format!("admin:{PASSWORD}")));
        let headers = [
            (AUTHORIZATION, HeaderValue::from_str(&basic).unwrap()),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        let body = format!(r#"{{"roles":["allocator","proxy"],"ttl":"24h","count":{count}}}"#);
        let began = Instant::now();
        let lines = self.runtime.block_on(async {
            let opened =
                self.connector.open(Method::POST, "/api/v1/enrollment-tokens", &headers, Some(body.into()));
            let (mut answer, mut lines) = (opened.await.unwrap(), 0);
            while let Some(part) = answer.part().await.unwrap() {
                lines += part.iter().filter(|byte| **byte == b'\n').count();
            }
            lines
        });
        assert_eq!(lines, count as usize + 1, "each token and the last line");
        began.elapsed()
    }
}
