//! The log of a real server: a stranger must not be able to fill it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use http::Method;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::support::authority::settled;
use crate::support::process::Process;

/// A name of the length of [`ODD`].
const NAME: &str = "gate.example.org";
/// The same length, and no host name.
const ODD: &str = "gate_\u{7f}xample.org";

/// Number of requests of each kind.
const MANY: usize = 40;

/// Stops the server and returns its whole log.
async fn log_of(at: Process) -> String {
    let path = at.data_dir.with_extension("log");
    at.stop().await;
    fs::read_to_string(path).unwrap()
}

fn address(at: &Process) -> &str {
    at.url.strip_prefix("https://").unwrap()
}

/// The first flight of a handshake that asks for [`NAME`].
fn hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from(NAME).unwrap();
    let mut hello = Vec::new();
    ClientConnection::new(Arc::new(config), name).unwrap().write_tls(&mut hello).unwrap();
    hello
}

/// Sends bytes, and waits for an answer or the end.
fn send(at: &Process, bytes: &[u8]) {
    let mut tcp = TcpStream::connect(address(at)).unwrap();
    tcp.write_all(bytes).unwrap();
    // An alert, or the end of the connection.
    let _ = tcp.read(&mut [0; 64]);
}

/// The lines of a log with all of these words.
fn lines<'a>(log: &'a str, words: &[&str]) -> Vec<&'a str> {
    log.lines().filter(|line| words.iter().all(|word| line.contains(word))).collect()
}

async fn start(dir: &Path, level: &str) -> Process {
    let at = Process::start(&dir.join("data"), &["--set", &format!("log.level={level}")]).await;
    // Before its first CRLs it is not ready.
    settled(&at.stranger()).await;
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_requests_make_one_line_a_minute() {
    let dir = tempfile::tempdir().unwrap();
    let at = start(dir.path(), "info").await;
    for _ in 0..MANY {
        for path in ["/api/v1/roles", "/nothing"] {
            assert!(matches!(at.stranger().get(path).await.status, 401 | 404 | 429));
        }
    }
    assert_eq!(at.admin().get("/api/v1/roles").await.status, 200);
    let log = log_of(at).await;
    for status in ["401", "404"] {
        assert_eq!(
            lines(&log, &["request=", &format!("status={status}"), "request method="]).len(),
            1,
            "{log}"
        );
        let counted = lines(&log, &[&format!("status={status}"), "left_out="]);
        assert_eq!(counted.len(), 1, "the count of the others, at the latest at the stop: {log}");
    }
    assert_eq!(lines(&log, &["/api/v1/roles", "status=200"]), Vec::<&str>::new(), "a read: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_scrape_has_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let at = Process::start(&dir.path().join("data"), &["--set", "http.public_metrics=false"]).await;
    assert_eq!(at.stranger().get("/metrics").await.status, 401);
    let log = log_of(at).await;
    assert_eq!(lines(&log, &["WARN", "route=/metrics status=401"]).len(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_have_no_line_and_reads_one_for_debugging() {
    let dir = tempfile::tempdir().unwrap();
    let at = start(dir.path(), "debug").await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(at.stranger().get(path).await.status, 200);
    }
    assert_eq!(at.admin().get("/api/v1/roles").await.status, 200);
    let log = log_of(at).await;
    for route in ["route=/livez", "route=/readyz", "route=/metrics"] {
        assert_eq!(lines(&log, &[route]), Vec::<&str>::new());
    }
    assert_eq!(lines(&log, &["DEBUG", "route=/api/v1/roles status=200"]).len(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_requests_are_all_logged_for_debugging() {
    let dir = tempfile::tempdir().unwrap();
    let at = start(dir.path(), "debug").await;
    for _ in 0..3 {
        assert_eq!(at.stranger().get("/api/v1/roles").await.status, 401);
    }
    let log = log_of(at).await;
    assert_eq!(lines(&log, &["request", "status=401", "code=unauthenticated"]).len(), 3, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn public_requests_make_no_line() {
    let dir = tempfile::tempdir().unwrap();
    let at = start(dir.path(), "info").await;
    for path in ["/metrics", "/openapi.json", "/readyz", "/.well-known/jwks.json", "/ca/root.pem"] {
        assert_eq!(at.stranger().get(path).await.status, 200, "{path}");
    }
    assert_eq!(at.stranger().send(Method::OPTIONS, "/ca/root.pem", None).await.status, 204);
    let log = log_of(at).await;
    assert_eq!(lines(&log, &["request="]), Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_handshakes_make_no_line() {
    let dir = tempfile::tempdir().unwrap();
    let at = start(dir.path(), "info").await;
    let hello = hello();
    let place = hello.windows(NAME.len()).position(|window| window == NAME.as_bytes()).unwrap();
    let mut odd = hello.clone();
    odd[place..place + ODD.len()].copy_from_slice(ODD.as_bytes());
    let cut = &hello[..hello.len() / 2];
    for bytes in [&odd[..], cut, b"GET / HTTP/1.1\r\n\r\n", &[0; 64], b"\x16\x03\x01\x00\x04\x01\x00\x00\x00"]
    {
        send(&at, bytes);
    }
    assert_eq!(at.stranger().get("/livez").await.status, 200);
    let log = log_of(at).await;
    for word in ["rustls", "handshake", "SNI"] {
        assert_eq!(lines(&log, &[word]), Vec::<&str>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_libraries_can_be_turned_on() {
    let dir = tempfile::tempdir().unwrap();
    let at = start(dir.path(), "info,rustls=warn").await;
    let mut odd = hello();
    let place = odd.windows(NAME.len()).position(|window| window == NAME.as_bytes()).unwrap();
    odd[place..place + ODD.len()].copy_from_slice(ODD.as_bytes());
    send(&at, &odd);
    let log = log_of(at).await;
    assert_eq!(lines(&log, &["rustls", "SNI"]).len(), 1, "{log}");
}
