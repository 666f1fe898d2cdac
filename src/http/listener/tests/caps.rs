//! Limits of connections, headers, bodies and streams.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, StatusCode};
use tokio::io::AsyncReadExt as _;

use crate::http::limits::Limits;
use crate::http::listener::trial::{Server, client, get, hello, rest, send, within};

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Checks that one connection over `limits` is closed without a response, and admitted once the first has closed.
async fn one_more_than_allowed(limits: Limits) {
    let server = Server::start(limits).await;
    let mut first = server.connect("http/1.1").await;
    let mut second = server.tcp().await;
    assert_eq!(within(second.read(&mut [0; 16])).await.unwrap(), 0);
    send(&mut first, GET).await;
    hello(&mut first).await;
    drop(first);
    within(async {
        while server.connect_with(client(&server.authority, "http/1.1", None)).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_cap_of_an_address_holds() {
    one_more_than_allowed(Limits { connections_per_address: 1, ..Limits::default() }).await;
}

#[tokio::test]
async fn the_cap_of_all_connections_holds() {
    one_more_than_allowed(Limits { connections: 1, ..Limits::default() }).await;
}

#[tokio::test]
async fn a_large_header_gets_431() {
    let server = Server::start(Limits::default()).await;
    for size in [17 << 10, 1 << 20] {
        let mut stream = server.connect("http/1.1").await;
        let head = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(size));
        send(&mut stream, head.as_bytes()).await;
        assert!(rest(&mut stream).await.starts_with("HTTP/1.1 431 "), "{size}");
    }
    let mut stream = server.connect("http/1.1").await;
    let head = format!("GET / HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "x".repeat(15 << 10));
    send(&mut stream, head.as_bytes()).await;
    assert!(hello(&mut stream).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn http2_header_over_the_limit_gets_431() {
    let server = Server::start(Limits::default()).await;
    let mut sender = server.http2().await;
    let mut request = get("/");
    request.headers_mut().insert("x", "x".repeat(20 << 10).parse().unwrap());
    let answer = within(sender.send_request(request)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn a_large_body_gets_413() {
    let server = Server::start(Limits::default()).await;
    let length = 8 << 20;
    let declared =
        format!("POST /upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    let chunked = format!(
        "POST /upload HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n"
    )
    .into_bytes();
    for head in [declared, chunked] {
        let mut stream = server.connect("http/1.1").await;
        send(&mut stream, &head).await;
        // This client reads its response only after it has sent everything.
        send(&mut stream, &vec![b'x'; length]).await;
        assert!(rest(&mut stream).await.starts_with("HTTP/1.1 413 "));
    }
}

#[tokio::test]
async fn a_large_length_is_refused_before_the_body() {
    let server = Server::start(Limits::default()).await;
    let mut stream = server.connect("http/1.1").await;
    let head =
        b"POST /upload HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\ncontent-length: 70000\r\n\r\n";
    send(&mut stream, head).await;
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_chunked_body_keeps_the_connection() {
    let server = Server::start(Limits::default()).await;
    let mut stream = server.connect("http/1.1").await;
    let head = b"POST /upload HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    send(&mut stream, head).await;
    send(&mut stream, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").await;
    send(&mut stream, GET).await;
    assert!(hello(&mut stream).await.contains("\r\n\r\n5HTTP/1.1 200 "));
}

#[tokio::test]
async fn http2_body_over_the_limit_gets_413() {
    let server = Server::start(Limits::default()).await;
    let mut sender = server.http2().await;
    let body = Full::new(Bytes::from(vec![b'x'; 1 << 20]));
    let answer = sender.send_request(Request::post("https://localhost/upload").body(body).unwrap());
    assert_eq!(within(answer).await.unwrap().status(), StatusCode::PAYLOAD_TOO_LARGE);
    let answer = within(sender.send_request(get("/"))).await.unwrap();
    assert_eq!(within(answer.into_body().collect()).await.unwrap().to_bytes(), "hello");
}

/// A HEADERS frame (RFC 9113 section 6.2) that requests `/hold`, its fields in HPACK without compression.
fn headers(stream: u8) -> Vec<u8> {
    let block = b"\x82\x87\x44\x05/hold\x41\x01a";
    let length = u8::try_from(block.len()).unwrap();
    [&[0, 0, length, 1, 5, 0, 0, 0, stream], block.as_slice()].concat()
}

#[tokio::test]
async fn http2_streams_over_the_limit_are_refused() {
    let server = Server::start(Limits { http2_streams: 2, ..Limits::default() }).await;
    let mut stream = server.connect("h2").await;
    send(&mut stream, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    // The server's settings, acknowledged: from then on the limit holds.
    send(&mut stream, b"\0\0\0\x04\x01\0\0\0\0").await;
    send(&mut stream, &[1, 3, 5].map(headers).concat()).await;
    loop {
        let mut frame = [0; 9];
        within(stream.read_exact(&mut frame)).await.unwrap();
        let length = u32::from_be_bytes([0, frame[0], frame[1], frame[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        within(stream.read_exact(&mut payload)).await.unwrap();
        const RST_STREAM: u8 = 3;
        if frame[3] == RST_STREAM {
            const REFUSED_STREAM: u8 = 7;
            assert_eq!((frame[8], payload.as_slice()), (5, [0, 0, 0, REFUSED_STREAM].as_slice()));
            break;
        }
    }
}
