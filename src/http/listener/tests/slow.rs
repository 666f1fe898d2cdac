//! Clients that are silent or slow.

use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncReadExt as _;
use tokio::task::JoinHandle;

use crate::http::limits::Limits;
use crate::http::listener::trial::{Server, client, get, hello, rest, running_into, send, within};

const SHORT: Duration = Duration::from_millis(800);

#[tokio::test]
async fn silent_tcp_client_is_closed_at_the_handshake_timeout() {
    let server = Server::start(Limits { handshake_timeout: SHORT, ..Limits::default() }).await;
    let mut tcp = server.tcp().await;
    assert_eq!(within(tcp.read(&mut [0; 16])).await.unwrap(), 0);
}

#[tokio::test]
async fn silent_tls_client_is_closed_without_a_word() {
    let server = Server::start(Limits { header_timeout: SHORT, ..Limits::default() }).await;
    assert_eq!(rest(&mut server.connect("http/1.1").await).await, "");
}

#[tokio::test]
async fn silent_http2_client_is_closed() {
    let server = Server::start(Limits { header_timeout: SHORT, ..Limits::default() }).await;
    let mut stream = server.connect("h2").await;
    // It may end with or without TLS's goodbye: no request is lost by that.
    let _ = within(stream.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn a_silent_http2_client_is_closed() {
    running_into(|short| async move {
        let server = Server::start(Limits { header_timeout: short.limit, ..Limits::default() }).await;
        let mut stream = server.connect("h2").await;
        send(&mut stream, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
        short.said();
        let _ = within(stream.read_to_end(&mut Vec::new())).await;
    })
    .await;
}

#[tokio::test]
async fn slow_header_gets_408_and_a_clean_close() {
    running_into(|short| async move {
        let server = Server::start(Limits { header_timeout: short.limit, ..Limits::default() }).await;
        let mut stream = server.connect("http/1.1").await;
        send(&mut stream, b"GET / HTTP/1.1\r\nhost: local").await;
        short.said();
        assert!(rest(&mut stream).await.starts_with("HTTP/1.1 408 "));
    })
    .await;
}

#[tokio::test]
async fn each_request_restarts_the_header_timeout() {
    running_into(|short| async move {
        let server = Server::start(Limits { header_timeout: short.limit, ..Limits::default() }).await;
        let mut stream = server.connect("http/1.1").await;
        send(&mut stream, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        hello(&mut stream).await;
        send(&mut stream, b"GET / HTTP/1.1\r\n").await;
        short.said();
        assert!(rest(&mut stream).await.starts_with("HTTP/1.1 408 "));
    })
    .await;
}

#[tokio::test]
async fn slow_body_times_out_and_is_answered() {
    let server = Server::start(Limits { body_timeout: SHORT, ..Limits::default() }).await;
    let mut stream = server.connect("http/1.1").await;
    send(&mut stream, b"POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nabc").await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_body() {
    let server = Server::start(Limits::default()).await;
    let mut stream = server.connect("http/1.1").await;
    let head = b"POST /upload HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n";
    send(&mut stream, head).await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn an_idle_http1_connection_is_closed() {
    running_into(|short| async move {
        let server = Server::start(Limits { idle_timeout: short.limit, ..Limits::default() }).await;
        let mut stream = server.connect("http/1.1").await;
        send(&mut stream, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        hello(&mut stream).await;
        short.said();
        assert_eq!(rest(&mut stream).await, "");
    })
    .await;
}

#[tokio::test]
async fn an_idle_http2_connection_is_closed() {
    running_into(|short| async move {
        let server = Server::start(Limits { idle_timeout: short.limit, ..Limits::default() }).await;
        let mut sender = server.http2().await;
        within(sender.send_request(get("/"))).await.unwrap().into_body().collect().await.unwrap();
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
async fn a_request_in_flight_is_not_idle() {
    running_into(|short| async move {
        let server = Server::start(Limits { idle_timeout: short.limit, ..Limits::default() }).await;
        let mut stream = server.connect("http/1.1").await;
        send(&mut stream, b"GET /hold HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        // Another connection, opened later, reaches its idle timeout.
        within(server.held.notified()).await;
        let mut other = server.connect("http/1.1").await;
        send(&mut other, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        short.said();
        assert!(rest(&mut other).await.ends_with("hello"));
        server.release.add_permits(1);
        hello(&mut stream).await;
    })
    .await;
}

#[tokio::test]
async fn an_unread_response_is_cut() {
    let limits = Limits { stall_timeout: SHORT, connections: 1, ..Limits::default() };
    let server = Server::start(limits).await;
    let mut stream = server.connect("http/1.1").await;
    send(&mut stream, b"GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    // Its permit is free again once it is cut.
    within(async {
        while server.connect_with(client(&server.authority, "http/1.1", None)).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

type Http2 = (http2::SendRequest<http_body_util::Full<bytes::Bytes>>, JoinHandle<hyper::Result<()>>);

/// An HTTP/2 client that opens a window of this size for each stream, and no other. It answers pings, so that it does not
/// look dead.
async fn with_window(server: &Server, window: u32) -> Http2 {
    let io = TokioIo::new(server.connect("h2").await);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let handshake = within(builder.initial_stream_window_size(window).handshake(io)).await;
    let (sender, connection) = handshake.unwrap();
    (sender, tokio::spawn(connection))
}

#[tokio::test]
async fn a_stream_without_a_window_is_reset_alone() {
    running_into(|short| async move {
        let server = Server::start(Limits { stall_timeout: short.limit, ..Limits::default() }).await;
        let (mut sender, _connection) = with_window(&server, 0).await;
        let held = tokio::spawn(sender.send_request(get("/hold")));
        within(server.held.notified()).await;
        for path in ["/", "/large"] {
            let answer = within(sender.send_request(get(path))).await.unwrap();
            short.said();
            assert!(within(answer.into_body().collect()).await.is_err(), "{path}");
        }
        server.release.add_permits(1);
        let other = within(held).await.unwrap().unwrap();
        assert_eq!(other.status(), 200, "the connection lives");
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_leaves_the_last_part_is_closed() {
    running_into(|short| async move {
        let server = Server::start(Limits { stall_timeout: short.limit, ..Limits::default() }).await;
        let (mut sender, connection) = with_window(&server, 1).await;
        let answer = within(sender.send_request(get("/"))).await.unwrap();
        short.said();
        let _ended = within(connection).await.unwrap();
        assert!(answer.into_body().collect().await.is_err());
    })
    .await;
}
