//! The cost of the front: requests over kept TLS connections, answered by a bare handler and by gatepass's front behind the
//! same listener. The unit is CPU time of the serving thread.
//!
//! ```sh
//! cargo run --release --example front_cost            # 8 connections, 10 rounds of 20 000 requests
//! cargo run --release --example front_cost -- 64 5 20000
//! ```

#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on has failed")]

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use gatepass::clock::SystemClock;
use gatepass::config::{Config, Environment, Overrides};
use gatepass::http::front::Front;
use gatepass::http::limits::Limits;
use gatepass::http::table::Table;
use gatepass::http::tls::{Peer, Tls, TlsIdentity};
use gatepass::http::{ResponseBody, body, listener};
use gatepass::secret::Secret;
use gatepass::server::Server;
use hyper::body::Incoming;
use hyper::{Request, Response};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A server on its own thread, so that its CPU time can be read.
struct Served {
    address: SocketAddr,
    thread: String,
}

impl Served {
    fn start<F, R>(tls: &Arc<Tls>, handler: F) -> Self
    where
        F: Fn(Request<Incoming>, Peer) -> R + Send + Sync + 'static,
        R: Future<Output = Response<ResponseBody>> + Send + 'static,
    {
        let (tls, (told, heard)) = (Arc::clone(tls), mpsc::channel());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let thread = std::fs::read_link("/proc/thread-self").unwrap();
                let thread = format!("/proc/{}/schedstat", thread.display());
                told.send(Self { address: listener.local_addr().unwrap(), thread }).unwrap();
                listener::serve(listener, tls, Limits::default(), handler, std::future::pending()).await;
            });
        });
        heard.recv().unwrap()
    }

    /// The CPU time of its thread so far.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(&self.thread).unwrap();
        Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
    }

    /// The CPU time of one of `count` requests, over these connections at once; and the time it took on the wall.
    async fn cost(&self, client: &Client, ask: &'static str, connections: usize, count: usize) -> [f64; 2] {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(client.connect(self.address).await);
        }
        // The first request of a connection costs more.
        let open = converse(open, ask, 20).await;
        let (cpu, wall) = (self.cpu(), Instant::now());
        converse(open, ask, count / connections).await;
        let each = |spent: Duration| spent.as_secs_f64() * 1e6 / (count / connections * connections) as f64;
        [each(self.cpu() - cpu), each(wall.elapsed())]
    }
}

struct Client(TlsConnector);

impl Client {
    async fn connect(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        self.0.connect("localhost".try_into().unwrap(), tcp).await.unwrap()
    }
}

/// On each connection, one request after the other.
async fn converse(
    open: Vec<TlsStream<TcpStream>>,
    ask: &'static str,
    count: usize,
) -> Vec<TlsStream<TcpStream>> {
    let talks = open.into_iter().map(|mut stream| {
        tokio::spawn(async move {
            let mut answer = [0; 8192];
            for _ in 0..count {
                stream.write_all(ask.as_bytes()).await.unwrap();
                let mut length = 0;
                while !is_whole(&answer[..length]) {
                    let read = stream.read(&mut answer[length..]).await.unwrap();
                    assert_ne!(read, 0, "the server closed the connection");
                    length += read;
                }
            }
            stream
        })
    });
    let mut open = Vec::new();
    for talk in talks.collect::<Vec<_>>() {
        open.push(talk.await.unwrap());
    }
    open
}

fn is_whole(answer: &[u8]) -> bool {
    let text = std::str::from_utf8(answer).unwrap();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn tls() -> (Arc<Tls>, Client) {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate: CertificateDer<'static> = params.self_signed(&key).unwrap().der().clone();
    let identity = TlsIdentity {
        chain: vec![certificate.clone()],
        key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
    };
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let time = Arc::new(rustls::time_provider::DefaultTimeProvider);
    (Tls::new(identity, vec![certificate], time).unwrap(), Client(TlsConnector::from(Arc::new(config))))
}

async fn front(dir: &std::path::Path) -> Arc<Front> {
    let overrides = Overrides::local(&dir.join("data"));
    let environment = Environment::from_pairs([("GATEPASS_ADMIN_PASSWORD", "correct horse battery staple")]);
    let config = Config::load(None, &environment, overrides).unwrap();
    let server = Server::open(config, Arc::new(SystemClock)).await.unwrap();
    let table = Table::new(true).unwrap();
    let local = Secret::new("gpl_none".to_owned());
    Arc::new(Front::new(Arc::clone(server.authority()), table, local, Duration::from_secs(15)))
}

/// Names and bytes of the requests.
const ASKED: [(&str, &str); 3] = [
    ("GET /livez", "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    ("GET /.well-known/jwks.json", "GET /.well-known/jwks.json HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    (
        "POST /api/v1/bootstrap (401)",
        "POST /api/v1/bootstrap HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
    ),
];

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>().unwrap());
    let mut argument = |default| arguments.next().unwrap_or(default);
    let (connections, rounds, count) = (argument(8), argument(10), argument(20_000));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    runtime.block_on(async {
        let (tls, client) = tls();
        let front = front(dir.path()).await;
        let bare = Served::start(&tls, |_, _| async { Response::new(body::full("ok\n")) });
        let whole = Served::start(&tls, move |request, peer| Arc::clone(&front).answer(request, peer));
        println!("{connections} connections, {rounds} rounds of {count} requests: CPU of the server's thread per request");
        for (name, ask) in ASKED {
            let mut seen = [const { Vec::new() }; 4];
            for _ in 0..rounds {
                let [floor, slow] = bare.cost(&client, ask, connections, count).await;
                let [cost, took] = whole.cost(&client, ask, connections, count).await;
                for (place, value) in [floor, cost, floor / cost, slow / took].into_iter().enumerate() {
                    seen[place].push(value);
                }
            }
            let [floor, cost, ratio, wall] = seen.map(median);
            println!("{name:32} bare {floor:6.2} µs  front {cost:6.2} µs  rate {ratio:.3} of bare (wall {wall:.3})");
        }
    });
}
