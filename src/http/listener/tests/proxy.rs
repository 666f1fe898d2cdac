//! Connections that a load balancer passes on: their clients, and the end of those without a header.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::http::limits::Limits;
use crate::http::listener::trial::{Server, client, hello, send, within};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const GET: &[u8] = b"GET /address HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A listener that expects PROXY headers from this machine.
fn limits() -> Limits {
    Limits { proxy_protocol: [network("127.0.0.0/8")].into(), ..Limits::default() }
}

fn network(text: &str) -> ipnet::IpNet {
    text.parse().unwrap()
}

fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[0x20 | command, family], &length, rest].concat()
}

/// The header of a client with this IPv4 address.
fn from(address: [u8; 4]) -> Vec<u8> {
    header(1, 0x11, &[&address[..], &[192, 0, 2, 1, 0x10, 0, 0x20, 0xfb]].concat())
}

fn from_v6(address: &str) -> Vec<u8> {
    let source = address.parse::<std::net::Ipv6Addr>().unwrap().octets();
    header(1, 0x21, &[&source[..], &[0; 16], &[0x10, 0, 0x20, 0xfb]].concat())
}

async fn shake_hands(server: &Server, tcp: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
    let config = client(&server.authority, "http/1.1", None);
    let connector = TlsConnector::from(Arc::new(config));
    within(connector.connect("localhost".try_into().unwrap(), tcp)).await
}

async fn connect(server: &Server, header: &[u8]) -> std::io::Result<TlsStream<TcpStream>> {
    let mut tcp = server.tcp().await;
    // The server may have closed already.
    let _ = tcp.write_all(header).await;
    shake_hands(server, tcp).await
}

/// The address that the handler sees for a connection that begins with `header`.
async fn seen(server: &Server, header: &[u8]) -> String {
    let mut stream = connect(server, header).await.unwrap();
    send(&mut stream, GET).await;
    let answer = hello(&mut stream).await;
    answer.lines().last().unwrap().trim_end_matches(" hello").to_owned()
}

/// Returns true if the server closes a connection on these bytes without a response.
async fn is_closed(server: &Server, bytes: &[u8]) -> bool {
    let mut tcp = server.tcp().await;
    let _ = tcp.write_all(bytes).await;
    // Unread bytes turn its close into a reset.
    !matches!(within(tcp.read(&mut [0; 16])).await, Ok(1..))
}

#[tokio::test]
async fn the_header_names_clients_of_both_families() {
    let server = Server::start(limits()).await;
    assert_eq!(seen(&server, &from([198, 51, 100, 7])).await, "198.51.100.7");
    assert_eq!(seen(&server, &from_v6("2001:db8::7")).await, "2001:db8::7");
    let with_fields =
        header(1, 0x11, &[&[198, 51, 100, 8, 0, 0, 0, 0, 0, 0, 0, 0][..], &[4, 0, 1, 0]].concat());
    assert_eq!(seen(&server, &with_fields).await, "198.51.100.8");
}

#[tokio::test]
async fn a_balancer_that_looks_whether_we_live_is_itself() {
    let server = Server::start(limits()).await;
    assert_eq!(seen(&server, &header(0, 0, &[])).await, "127.0.0.1");
}

#[tokio::test]
async fn a_header_may_come_in_any_pieces() {
    let server = Server::start(limits()).await;
    let mut tcp = server.tcp().await;
    tcp.set_nodelay(true).unwrap();
    for byte in from([198, 51, 100, 7]) {
        tcp.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let mut stream = shake_hands(&server, tcp).await.unwrap();
    send(&mut stream, GET).await;
    assert!(hello(&mut stream).await.ends_with("198.51.100.7 hello"));
}

#[tokio::test]
async fn a_bad_header_closes_the_connection() {
    let server = Server::start(limits()).await;
    for (what, bytes) in [
        ("version 1", b"PROXY TCP4 198.51.100.7 192.0.2.1 4711 8443\r\n".to_vec()),
        ("garbage", vec![0x55; 64]),
        ("plain HTTP", b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec()),
        ("more than fits", header(1, 0x11, &[0; 521])),
        ("far more", header(1, 0x11, &[0; 65535])),
        ("addresses too short", header(1, 0x11, &[1, 2, 3, 4])),
        ("an unknown command", header(7, 0x11, &[0; 12])),
        ("a datagram", header(1, 0x12, &[0; 12])),
        ("a socket's path", header(1, 0x31, &[0; 216])),
        ("nobody's", header(1, 0x00, &[])),
    ] {
        assert!(is_closed(&server, &bytes).await, "{what}");
    }
    assert!(connect(&server, &[]).await.is_err(), "TLS without a header");
    assert_eq!(seen(&server, &from([198, 51, 100, 7])).await, "198.51.100.7", "the listener goes on");
}

#[tokio::test]
async fn an_unfinished_header_is_closed() {
    let short = Limits { handshake_timeout: Duration::from_millis(50), ..limits() };
    let server = Server::start(short).await;
    for begun in [&[][..], &SIGNATURE[..5], &from([198, 51, 100, 7])[..20]] {
        assert!(is_closed(&server, begun).await);
    }
}

#[tokio::test]
async fn from_elsewhere_no_header_is_read() {
    let server =
        Server::start(Limits { proxy_protocol: [network("10.0.0.0/8")].into(), ..Limits::default() }).await;
    assert_eq!(seen(&server, &[]).await, "127.0.0.1");
    assert!(connect(&server, &from([198, 51, 100, 7])).await.is_err(), "its bytes are no TLS");
}

#[tokio::test]
async fn the_cap_counts_clients_not_balancers() {
    let server = Server::start(Limits { connections_per_address: 1, ..limits() }).await;
    let mut held = Vec::new();
    for last in 1..=5 {
        held.push(connect(&server, &from([198, 51, 100, last])).await.unwrap());
    }
    assert!(connect(&server, &from([198, 51, 100, 1])).await.is_err(), "it has one already");
    held.push(connect(&server, &from_v6("2001:db8::1")).await.unwrap());
    assert!(connect(&server, &from_v6("2001:db8::2")).await.is_err(), "of the same subscriber");
    held.push(connect(&server, &header(0, 0, &[])).await.unwrap());
    assert!(connect(&server, &header(0, 0, &[])).await.is_err(), "the balancer's own count for itself");
}

#[tokio::test]
async fn silent_connections_leave_room_for_others() {
    let server = Server::start(Limits { connections: 2, ..limits() }).await;
    let silent = server.tcp().await;
    // One of two permits is for connections that have not named their client yet.
    within(async { while !is_closed(&server, &[]).await {} }).await;
    drop(silent);
    within(async { while connect(&server, &from([198, 51, 100, 7])).await.is_err() {} }).await;
}
