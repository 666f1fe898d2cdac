//! HTTP/2 clients that make a server hold memory.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use hyper::body::{Body, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Fault;

/// Requests at once on one connection, the server's maximum.
const STREAMS: usize = 64;

/// A kind of flood: the requests of its streams, and the window that its clients open for answers.
#[derive(Clone, Copy)]
pub(super) struct Flood {
    pub(super) name: &'static str,
    method: &'static str,
    path: &'static str,
    sent: usize,
    window: u32,
}

/// The two floods.
pub(super) const FLOODS: [Flood; 2] = [
    Flood { name: "unread answers", method: "GET", path: "/metrics", sent: 0, window: 0 },
    Flood {
        name: "unfinished bodies",
        method: "POST",
        path: "/api/v1/bootstrap",
        sent: 60_000,
        window: 65_535,
    },
];

/// The server under a flood.
pub(super) struct Target {
    address: SocketAddr,
    tls: TlsConnector,
}

impl Target {
    /// The server at an address, with its root certificate in `data`.
    pub(super) fn new(address: SocketAddr, data: &Path) -> Result<Self, Fault> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&std::fs::read(data.join("root.pem"))?)?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { address, tls: TlsConnector::from(Arc::new(config)) })
    }
}

/// A body that never ends, or no body at all.
struct Unfinished(Bytes, bool);

impl Body for Unfinished {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match std::mem::take(&mut self.0) {
            sent if sent.is_empty() => Poll::Pending,
            part => Poll::Ready(Some(Ok(Frame::data(part)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.1
    }
}

impl Flood {
    /// Opens connections and begins their requests. Returns the MiB that the server would hold for them.
    pub(super) async fn open(&self, target: &Target, connections: usize) -> Result<u64, Fault> {
        let mut bytes = 0;
        for _ in 0..connections {
            bytes += self.connect(target).await?;
        }
        Ok(bytes >> 20)
    }

    async fn connect(&self, target: &Target) -> Result<u64, Fault> {
        let tcp = TcpStream::connect(target.address).await?;
        let tls = target.tls.connect(ServerName::from(target.address.ip()), tcp).await?;
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let handshake = builder.initial_stream_window_size(self.window).handshake(TokioIo::new(tls));
        let (mut sender, connection) = handshake.await?;
        tokio::spawn(connection);
        let mut bytes = 0;
        for _ in 0..STREAMS {
            let uri = format!("https://{}{}", target.address, self.path);
            let body = Unfinished(vec![b' '; self.sent].into(), self.sent == 0);
            let answer = sender.send_request(Request::builder().method(self.method).uri(uri).body(body)?);
            if self.sent > 0 {
                bytes += self.sent as u64;
                // A dropped answer would end its stream.
                tokio::spawn(async move {
                    let _answer = answer.await;
                    std::future::pending::<()>().await;
                });
                continue;
            }
            let answer = answer.await?;
            let length = answer.headers().get(http::header::CONTENT_LENGTH);
            bytes += length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok()).unwrap_or(0);
            tokio::spawn(async move {
                let _answer = answer;
                std::future::pending::<()>().await;
            });
        }
        Ok(bytes)
    }
}
