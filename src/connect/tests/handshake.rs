//! The key exchange: which group is negotiated, and the second try after a lost first message.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::NamedGroup;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;

use super::super::address::ServerAddress;
use super::*;
use crate::http::tls::Tls;

/// A first message with X25519MLKEM768 is longer than a packet; one without is shorter.
const PACKET: usize = 1200;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Records the log lines of this thread until the guards are dropped.
    fn record(&self) -> (DefaultGuard, Dispatch) {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || log.clone()).with_ansi(false).finish();
        // A lone subscriber misses lines that another thread reaches first.
        (tracing::subscriber::set_default(subscriber), Dispatch::new(tracing_subscriber::registry()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Drops connections whose first message is longer than a packet, without a word, until the client leaves. Serves the
/// others as the authority; returns the lengths of all first messages.
async fn middlebox(listener: TcpListener, tls: Arc<Tls>) -> Vec<usize> {
    let mut lengths = Vec::new();
    loop {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let length = first_message(&tcp).await;
        lengths.push(length);
        if length <= PACKET {
            tls.serving().acceptor().accept(tcp).await.unwrap();
            return lengths;
        }
        tokio::spawn(async move { tcp.read_to_end(&mut Vec::new()).await });
    }
}

/// The length of the first TLS record (RFC 8446 section 5.1), which is left to be read.
async fn first_message(tcp: &TcpStream) -> usize {
    let mut header = [0; 5];
    while tcp.peek(&mut header).await.unwrap() < header.len() {
        tokio::task::yield_now().await;
    }
    usize::from(u16::from_be_bytes([header[3], header[4]]))
}

#[tokio::test]
async fn client_and_server_negotiate_a_post_quantum_group() {
    let server = Server::start(Limits::default()).await;
    let connector = Connector::new(&url(&server), pin(&server.authority.root), None).unwrap();
    let stream = within(connector.handshake.open(&connector.address)).await.unwrap();
    let group = stream.get_ref().1.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
}

#[tokio::test]
async fn a_timed_out_handshake_is_retried_classically() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let tls = Tls::new(
        authority.own(),
        vec![authority.root.clone()],
        Arc::new(rustls::time_provider::DefaultTimeProvider),
    )
    .unwrap();
    let mut connector = Connector::new(&url, pin(&authority.root), None).unwrap();
    connector.handshake.patience = Duration::from_millis(50);
    let log = Log::default();
    let recording = log.record();
    let opened = within(async {
        tokio::join!(connector.handshake.open(&connector.address), middlebox(listener, tls))
    });
    let (stream, lengths) = opened.await;
    drop(recording);
    let stream = stream.unwrap();
    assert_eq!(stream.get_ref().1.negotiated_key_exchange_group().unwrap().name(), NamedGroup::X25519);
    assert!(matches!(lengths[..], [large, small] if large > PACKET && small <= PACKET), "{lengths:?}");
    assert!(log.text().contains("WARN") && log.text().contains("X25519MLKEM768"), "{}", log.text());
}

#[tokio::test]
async fn a_handshake_that_fails_is_not_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let address = ServerAddress::parse(&url).unwrap();
    let connector = Connector::new(&url, Trust::Fingerprint(Fingerprint::of(b"any")), None).unwrap();
    let (log, hang_up) = (Log::default(), async { drop(listener.accept().await.unwrap()) });
    let recording = log.record();
    let (opened, ()) = within(async { tokio::join!(connector.handshake.open(&address), hang_up) }).await;
    drop(recording);
    assert!(matches!(opened, Err(ConnectError::BrokenOff { .. })), "{:?}", opened.err());
    assert_eq!(log.text(), "");
}
