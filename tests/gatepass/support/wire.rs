//! One TLS connection on which a test writes HTTP/1.1 by hand: what a well-behaved client would never send.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::authority::Running;

/// Longer than any answer takes: a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection.
pub(crate) struct Wire {
    stream: TlsStream<TcpStream>,
    host: String,
    unread: Vec<u8>,
}

/// The answer on the connection.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Heard {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The value of a header field, names compared without case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

/// A TLS client that trusts the authority's root.
pub(crate) fn trusting(at: &Running) -> TlsConnector {
    connector(at.authority.cas.load().current().root_pem().as_bytes(), "http/1.1")
}

/// A TLS client that trusts this root, in PEM, and speaks `protocol`.
pub(crate) fn connector(root: &[u8], protocol: &str) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    TlsConnector::from(Arc::new(config))
}

impl Wire {
    /// Connects, trusting the authority's root.
    pub(crate) async fn open(at: &Running) -> Self {
        Self::open_after(at, &[]).await.unwrap()
    }

    /// The same on a connection that begins with these bytes.
    pub(crate) async fn open_after(at: &Running, first: &[u8]) -> std::io::Result<Self> {
        let host = at.url.strip_prefix("https://").unwrap().to_owned();
        let mut tcp = TcpStream::connect(&host).await.unwrap();
        // A request must not wait for the acknowledgement of the handshake.
        tcp.set_nodelay(true)?;
        tcp.write_all(first).await?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let stream = trusting(at).connect(name, tcp).await?;
        Ok(Self { stream, host, unread: Vec::new() })
    }

    /// Sends a request of this method, target, further header lines and body; the answer.
    pub(crate) async fn ask(&mut self, method: &str, target: &str, headers: &[&str], body: &str) -> Heard {
        let lines = headers.iter().map(|line| format!("{line}\r\n")).collect::<String>();
        let (host, length) = (&self.host, body.len());
        let head =
            format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n{lines}\r\n");
        self.write(&format!("{head}{body}")).await;
        self.hear(method == "HEAD").await
    }

    /// Sends these bytes. A server that has answered and closed may not want all of them.
    pub(crate) async fn write(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes()).await;
        let _ = self.stream.flush().await;
    }

    /// Reads one answer.
    pub(crate) async fn hear(&mut self, without_body: bool) -> Heard {
        let end = loop {
            if let Some(place) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break place + 4;
            }
            assert!(
                self.read_more().await,
                "closed without an answer: {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        let mut heard = Heard { status, head, body: String::new() };
        let length = heard.header("content-length").map_or(0, |length| length.parse::<usize>().unwrap());
        let length = if without_body { 0 } else { length };
        while self.unread.len() < length {
            assert!(self.read_more().await, "closed in the middle of a body");
        }
        heard.body = String::from_utf8(self.unread.drain(..length).collect()).unwrap();
        heard
    }

    /// Returns whether the server closes the connection cleanly without further data.
    pub(crate) async fn is_closed_cleanly(&mut self) -> bool {
        let more = tokio::time::timeout(PATIENCE, self.stream.read_u8()).await.expect("left open");
        self.unread.is_empty() && more.is_err_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof)
    }

    async fn read_more(&mut self) -> bool {
        let mut bytes = [0; 8192];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut bytes)).await.expect("no answer");
        let length = read.unwrap_or(0);
        self.unread.extend_from_slice(&bytes[..length]);
        length > 0
    }
}
