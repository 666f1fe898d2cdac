//! Shutdown, age, panics.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::StatusCode;
use tokio::net::TcpStream;

use crate::http::limits::Limits;
use crate::http::listener::trial::{Server, get, hello, rest, running_into, send, within};

const HOLD: &[u8] = b"GET /hold HTTP/1.1\r\nhost: localhost\r\n\r\n";
const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

#[tokio::test]
async fn shutdown_finishes_requests_in_flight() {
    let mut server = Server::start(Limits::default()).await;
    let mut idle = server.connect("http/1.1").await;
    send(&mut idle, GET).await;
    hello(&mut idle).await;
    let mut working = server.connect("http/1.1").await;
    send(&mut working, HOLD).await;
    within(server.held.notified()).await;
    let mut sender = server.http2().await;
    let streamed = tokio::spawn(sender.send_request(get("/hold")));
    within(server.held.notified()).await;

    server.stop();
    assert_eq!(rest(&mut idle).await, "");
    assert!(within(TcpStream::connect(server.address)).await.is_err());
    server.release.add_permits(2);
    let answer = rest(&mut working).await;
    assert!(answer.ends_with("hello") && answer.contains("connection: close"), "{answer}");
    let streamed = within(streamed).await.unwrap().unwrap();
    assert_eq!(within(streamed.into_body().collect()).await.unwrap().to_bytes(), "hello");
    drop((idle, working, sender));
    within(server.done).await.unwrap();
}

#[tokio::test]
async fn the_drain_timeout_cuts_requests() {
    let drain_timeout = Duration::from_millis(200);
    let mut server = Server::start(Limits { drain_timeout, ..Limits::default() }).await;
    let mut stream = server.connect("http/1.1").await;
    send(&mut stream, HOLD).await;
    within(server.held.notified()).await;
    server.stop();
    within(server.done).await.unwrap();
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_handshake() {
    let mut server = Server::start(Limits::default()).await;
    let _silent = server.tcp().await;
    server.stop();
    within(server.done).await.unwrap();
}

#[tokio::test]
async fn an_old_connection_takes_no_new_request() {
    running_into(|short| async move {
        let max_age = short.limit;
        let server = Server::start(Limits { max_age, ..Limits::default() }).await;
        let mut stream = server.connect("http/1.1").await;
        send(&mut stream, HOLD).await;
        within(server.held.notified()).await;
        // A connection that opened later has reached its age: so has this one.
        let mut younger = server.connect("http/1.1").await;
        send(&mut younger, GET).await;
        short.said();
        assert!(rest(&mut younger).await.ends_with("hello"));
        server.release.add_permits(1);
        let answer = rest(&mut stream).await;
        assert!(answer.ends_with("hello") && answer.contains("connection: close"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn an_old_http2_connection_says_goodbye() {
    running_into(|short| async move {
        let max_age = short.limit;
        let server = Server::start(Limits { max_age, ..Limits::default() }).await;
        let mut sender = server.http2().await;
        short.said();
        within(async {
            while sender.ready().await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_panic_ends_only_its_connection() {
    let server = Server::start(Limits::default()).await;
    assert!(within(server.http1().await.send_request(get("/panic"))).await.is_err());
    let mut sender = server.http2().await;
    assert!(within(sender.send_request(get("/panic"))).await.is_err());
    let answer = within(server.http1().await.send_request(get("/"))).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}
