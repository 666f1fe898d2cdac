//! Streams: they arrive part by part, end with the listener, and wait for no client.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

use crate::http::limits::Limits;
use crate::http::listener::trial::{Server, get, rest, running_into, send, within};

const STREAM: &[u8] = b"GET /stream HTTP/1.1\r\nhost: localhost\r\n\r\n";
const SHORT: Duration = Duration::from_millis(800);

/// The next part. HTTP/2 ends with an empty one, which does not count.
async fn part(body: &mut Incoming) -> Option<Bytes> {
    let frame = within(body.frame()).await?;
    Some(frame.unwrap().into_data().unwrap()).filter(|part| !part.is_empty())
}

/// A stream of each protocol, on a connection of its own.
async fn begin(server: &mut Server) -> [(mpsc::Sender<Bytes>, Incoming); 2] {
    let first = within(server.http1().await.send_request(get("/stream"))).await.unwrap();
    let first = (within(server.streams.recv()).await.unwrap(), first.into_body());
    let second = within(server.http2().await.send_request(get("/stream"))).await.unwrap();
    [first, (within(server.streams.recv()).await.unwrap(), second.into_body())]
}

#[tokio::test]
async fn a_part_arrives_when_it_is_sent() {
    let mut server = Server::start(Limits::default()).await;
    for (sender, mut body) in begin(&mut server).await {
        for text in ["one", "two"] {
            sender.send(text.into()).await.unwrap();
            assert_eq!(part(&mut body).await.unwrap(), text);
        }
        drop(sender);
        assert_eq!(part(&mut body).await, None);
    }
}

#[tokio::test]
async fn a_closed_client_is_noticed_in_silence() {
    let mut server = Server::start(Limits::default()).await;
    for (sender, body) in begin(&mut server).await {
        drop(body);
        within(sender.closed()).await;
    }
}

#[tokio::test]
async fn shutdown_ends_streams_at_once_and_cleanly() {
    let mut server =
        Server::start(Limits { drain_timeout: Duration::from_secs(3600), ..Limits::default() }).await;
    let streams = begin(&mut server).await;
    server.stop();
    for (sender, mut body) in streams {
        assert_eq!(part(&mut body).await, None);
        within(sender.closed()).await;
    }
    within(server.done).await.unwrap();
}

#[tokio::test]
async fn a_stream_ends_with_its_old_connection() {
    running_into(|short| async move {
        let limits =
            Limits { max_age: short.limit, drain_timeout: Duration::from_secs(3600), ..Limits::default() };
        let mut server = Server::start(limits).await;
        let streams = begin(&mut server).await;
        short.said();
        for (sender, mut body) in streams {
            assert_eq!(part(&mut body).await, None);
            within(sender.closed()).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_silent_stream_outlives_the_idle_timeout() {
    running_into(|short| async move {
        let limits = Limits {
            idle_timeout: short.limit,
            stall_timeout: short.limit,
            header_timeout: short.limit,
            ..Limits::default()
        };
        let mut server = Server::start(limits).await;
        let streams = begin(&mut server).await;
        // A connection that opened later reaches its idle timeout.
        let mut other = server.connect("http/1.1").await;
        send(&mut other, b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        short.said();
        assert!(rest(&mut other).await.ends_with("hello"));
        for (sender, mut body) in streams {
            sender.send("still here".into()).await.unwrap();
            assert_eq!(part(&mut body).await.unwrap(), "still here");
        }
    })
    .await;
}

/// Sends until the stream has no reader, and returns the number of bytes.
async fn flood(sender: &mpsc::Sender<Bytes>) -> usize {
    let part = Bytes::from(vec![b'x'; 64 << 10]);
    let mut sent = 0;
    while within(sender.send(part.clone())).await.is_ok() {
        sent += part.len();
    }
    sent
}

#[tokio::test]
async fn an_unread_stream_is_dropped() {
    let limits =
        Limits { stall_timeout: SHORT, idle_timeout: Duration::from_secs(3600), ..Limits::default() };
    let mut server = Server::start(limits).await;
    let mut stream = server.connect("http/1.1").await;
    send(&mut stream, STREAM).await;
    let sender = within(server.streams.recv()).await.unwrap();
    let sent = flood(&sender).await;
    assert!(sent < 64 << 20, "{sent} bytes were heaped up");
    // The unread rest is cut off, not ended.
    let _ = within(stream.read_to_end(&mut Vec::new())).await;
}

#[tokio::test]
async fn a_stream_without_a_window_is_dropped() {
    let limits =
        Limits { stall_timeout: SHORT, idle_timeout: Duration::from_secs(3600), ..Limits::default() };
    let mut server = Server::start(limits).await;
    let io = TokioIo::new(server.connect("h2").await);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    let (mut client, connection): (http2::SendRequest<http_body_util::Full<Bytes>>, _) =
        within(builder.initial_stream_window_size(1024).handshake(io)).await.unwrap();
    tokio::spawn(connection);
    let answer = within(client.send_request(get("/stream"))).await.unwrap();
    let sender = within(server.streams.recv()).await.unwrap();
    // The size of the buffer and of h2's own.
    assert!(flood(&sender).await <= 20 * (64 << 10));
    assert!(answer.into_body().collect().await.is_err());
}
