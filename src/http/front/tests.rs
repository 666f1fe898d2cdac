//! Panics answer 500 in the dialect of their route, and the server lives. Requests without a client are recorded.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use http::Method;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::access::Permission;
use crate::clock::{Clock, Reading, SystemClock};
use crate::config::{Config, Environment, Overrides};
use crate::http::compat::ece::dialect::ECE;
use crate::http::forwarded::ShownCertificate;
use crate::http::problem::NATIVE;
use crate::http::reply::Reply;
use crate::http::tls::{Protocol, ServedAs};

const SIGNED: &str = "authorization: Basic YWRtaW46d3Jvbmc=\r\n";
const SECRET: &str = "what the handler panicked with";

/// A clock that panics once it is armed, at its second reader: the task that authenticates a request.
#[derive(Default)]
struct Trap {
    armed: AtomicBool,
    sprung: AtomicBool,
}

impl Clock for Trap {
    fn read(&self) -> Reading {
        let sprung = self.armed.load(Ordering::SeqCst) && self.sprung.swap(true, Ordering::SeqCst);
        assert!(!sprung, "{SECRET}");
        SystemClock.read()
    }
}

/// A handler that waits, and the signals of its progress.
#[derive(Default)]
struct Held {
    begun: Notify,
    release: Notify,
    ended: Notify,
}

async fn front(data_dir: &std::path::Path) -> Arc<Front> {
    front_at(data_dir, Arc::new(SystemClock), Arc::default()).await
}

async fn front_at(data_dir: &std::path::Path, clock: Arc<dyn Clock>, held: Arc<Held>) -> Arc<Front> {
    let overrides = Overrides::local(data_dir);
    let config = Config::load(None, &Environment::from_pairs([("", "")]), overrides).unwrap();
    let server = crate::server::Server::open(config, clock).await.unwrap();
    let fine = |_: Call| async { Ok(Reply::ok(&"fine")) };
    let direct = |_: &Authority, head: &Head| match head.param("name") {
        "panics" => panic!("{SECRET}"),
        "nobody" => Err(nothing_here()),
        name => Ok(Reply::ok(&format!("{name}?{} {}", head.raw_query(), head.peer.client)).into()),
    };
    let pages = |_: Call| async { Ok(Reply::ok(&"x".repeat(600_000))) };
    let panics = |_: Call| async { panic!("{SECRET}") };
    let holds = move |_: Call| {
        let held = Arc::clone(&held);
        async move {
            held.begun.notify_one();
            held.release.notified().await;
            held.ended.notify_one();
            Ok(Reply::ok(&"held"))
        }
    };
    let routes = vec![
        Route::of(&NATIVE, (Method::POST, "/held"), Permission::Anyone, holds),
        Route::of(&NATIVE, (Method::POST, "/upload"), Permission::Anyone, fine),
        Route::of(&NATIVE, (Method::GET, "/judged"), Permission::ReadTokens, fine),
        Route::of(&NATIVE, (Method::GET, "/pages"), Permission::ReadTokens, pages),
        Route::of(&NATIVE, (Method::GET, "/fine"), Permission::Anyone, fine),
        Route::direct((Method::GET, "/direct/{name}"), direct),
        Route::of(&NATIVE, (Method::GET, "/panics"), Permission::Anyone, panics),
        Route::of(&ECE, (Method::GET, "/panics/in/elastics/words"), Permission::Anyone, panics),
    ];
    let table = Table::of(routes).unwrap();
    let local = Secret::new("gpl_x".to_owned());
    Arc::new(Front::new(Arc::clone(server.authority()), table, local, Duration::from_secs(3600)))
}

/// A connection to the front, and the task that serves it.
fn connect(front: Arc<Front>) -> (DuplexStream, JoinHandle<hyper::Result<()>>) {
    let (client, server) = tokio::io::duplex(64 * 1024);
    let service = service_fn(move |request: Request<Incoming>| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let client = address.ip();
        let peer = Peer {
            address,
            client,
            certificate: ShownCertificate::Nothing,
            served_as: ServedAs::Own,
            protocol: Protocol::Http1,
        };
        let answer = Arc::clone(&front).answer(request, peer);
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let serving = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service);
    (client, tokio::spawn(serving))
}

/// Requests these paths one after the other on one connection, and returns all responses.
async fn ask(front: Arc<Front>, paths: &[&str]) -> String {
    ask_by(front, "GET", paths).await
}

/// Requests paths by another method.
async fn ask_by(front: Arc<Front>, method: &str, paths: &[&str]) -> String {
    let (mut client, serving) = connect(front);
    for (place, path) in paths.iter().enumerate() {
        let close = if place + 1 == paths.len() { "connection: close\r\n" } else { "" };
        client
            .write_all(format!("{method} {path} HTTP/1.1\r\nhost: a\r\n{SIGNED}{close}\r\n").as_bytes())
            .await
            .unwrap();
    }
    let mut answers = String::new();
    client.read_to_string(&mut answers).await.unwrap();
    serving.await.unwrap().unwrap();
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_handler_answers_500() {
    let dir = tempfile::tempdir().unwrap();
    let front = front(dir.path()).await;
    let answers = ask(Arc::clone(&front), &["/fine", "/panics", "/panics/in/elastics/words", "/fine"]).await;
    let statuses = answers.matches("HTTP/1.1 200").count();
    assert_eq!((statuses, answers.matches("HTTP/1.1 500").count()), (2, 2), "{answers}");
    assert!(answers.contains(r#""code":"internal_error""#), "{answers}");
    assert!(answers.contains(r#"{"errors":[{"code":"root.unavailable""#), "{answers}");
    assert!(!answers.contains(SECRET), "{answers}");
    assert!(ask(front, &["/fine"]).await.starts_with("HTTP/1.1 200"), "on another connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_authentication_answers_500() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(Trap::default()));
    let front = front_at(dir.path(), Arc::clone(&clock) as Arc<dyn Clock>, Arc::default()).await;
    clock.armed.store(true, Ordering::SeqCst);
    let answers = ask(Arc::clone(&front), &["/judged"]).await;
    assert!(answers.starts_with("HTTP/1.1 500") && !answers.contains(SECRET), "{answers}");
    clock.armed.store(false, Ordering::SeqCst);
    assert!(ask(front, &["/judged"]).await.starts_with("HTTP/1.1 401"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_row_gets_parameters_query_and_peer() {
    let dir = tempfile::tempdir().unwrap();
    let answers = ask(front(dir.path()).await, &["/direct/a%20b?c=d", "/direct/nobody"]).await;
    assert!(answers.contains(r#""a b?c=d 127.0.0.1""#), "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 404").count(), 1, "{answers}");
    assert_eq!(answers.matches("x-content-type-options: nosniff").count(), 2, "{answers}");
    let ids = answers.lines().filter(|line| line.starts_with("x-request-id: "));
    assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), 2, "{answers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_direct_row_answers_500() {
    let dir = tempfile::tempdir().unwrap();
    let answers = ask(front(dir.path()).await, &["/direct/panics", "/direct/lives"]).await;
    assert!(answers.starts_with("HTTP/1.1 500"), "{answers}");
    assert!(answers.contains(r#""code":"internal_error""#) && !answers.contains(SECRET), "{answers}");
    assert!(answers.contains("lives?"), "{answers}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_row_answers_get_and_head() {
    let (dir, path) = (tempfile::tempdir().unwrap(), "/direct/x");
    let front = front(dir.path()).await;
    let head = ask_by(Arc::clone(&front), "HEAD", &[path]).await;
    let get = ask(Arc::clone(&front), &[path]).await;
    let (get_head, _) = get.split_once("\r\n\r\n").unwrap();
    let length =
        |text: &str| text.lines().find(|line| line.starts_with("content-length: ")).map(str::to_owned);
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    assert_eq!(length(&head), length(get_head));
    let post = ask_by(front, "POST", &[path]).await;
    assert!(post.starts_with("HTTP/1.1 405") && post.contains("allow: GET, HEAD\r\n"), "{post}");
    let told = crate::http::metrics::render();
    for method in ["GET", "HEAD"] {
        let line = format!(
            "gatepass_requests_total{{method=\"{method}\",route=\"/direct/{{name}}\",status=\"200\"}} "
        );
        assert!(told.contains(&line), "{told}");
    }
    assert!(told.contains("gatepass_request_seconds_count{route=\"/direct/{name}\"} "), "{told}");
}

#[test]
fn old_rights_are_read_again() {
    let handler = |_: Call| async { Ok(Reply::ok(&"fine")) };
    let row = |method, permission| Route::of(&NATIVE, (method, "/x"), permission, handler);
    let writes = row(Method::POST, Permission::WriteTokens);
    let reads = [row(Method::GET, Permission::ReadTokens), row(Method::POST, Permission::Introspect)];
    let short = Some(Duration::from_millis(1));
    assert!(!is_stale(&writes, None) && !is_stale(&writes, Some(FRESH)));
    assert!(is_stale(&writes, Some(2 * FRESH)));
    for read in &reads {
        assert!(!is_stale(read, None) && is_stale(read, short), "{}", read.method);
    }
}

/// Fails if the work takes too long even for a busy machine.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), work).await.expect("it happens in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_outlives_its_client() {
    crate::http::metrics::install();
    let (dir, held) = (tempfile::tempdir().unwrap(), Arc::new(Held::default()));
    let front = front_at(dir.path(), Arc::new(SystemClock), Arc::clone(&held)).await;
    let (mut client, serving) = connect(front);
    client.write_all(b"POST /held HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    within(held.begun.notified()).await;
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    let told = crate::http::metrics::render();
    let gone = "gatepass_requests_total{method=\"POST\",route=\"/held\",status=\"gone\"} 1";
    assert!(told.contains(gone), "{told}");
    held.release.notify_one();
    within(held.ended.notified()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_wait_ends_with_its_client() {
    let dir = tempfile::tempdir().unwrap();
    let front = front(dir.path()).await;
    let (mut client, serving) = connect(Arc::clone(&front));
    client.write_all(b"POST /upload HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc").await.unwrap();
    within(async {
        while Arc::strong_count(&front) < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    serving.abort();
    within(async {
        while Arc::strong_count(&front) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_lists_delay_lists_alone() {
    const LIST: &[u8] = b"GET /pages?limit=1000 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer gpl_x\r\n\r\n";
    let dir = tempfile::tempdir().unwrap();
    let front = front(dir.path()).await;
    // All connections of this test count as one.
    let (mut unread, serving) = connect(Arc::clone(&front));
    unread.write_all(LIST).await.unwrap();
    within(async {
        while front.budgets.answers.held() < 600_000 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (mut client, _serving) = connect(Arc::clone(&front));
    client.write_all(LIST).await.unwrap();
    let mut head = [0; 12];
    within(client.read_exact(&mut head)).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 503");
    let answers = ask(Arc::clone(&front), &["/fine"]).await;
    assert!(answers.starts_with("HTTP/1.1 200"), "{answers}");
    serving.abort();
    drop(unread);
    within(async {
        while front.budgets.answers.held() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let (mut client, _serving) = connect(front);
    client.write_all(LIST).await.unwrap();
    within(client.read_exact(&mut head)).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
}
