//! HTTP/1.1 over TLS with as little work as possible: requests are bytes already, answers are only measured out.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Timeout of a request.
const PATIENCE: Duration = Duration::from_secs(30);
/// No answer of gatepass is larger.
const MOST_BYTES: usize = 16 << 20;

/// Address and name of a server.
#[derive(Clone)]
pub(crate) struct Place {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// The name in its certificate.
    pub(crate) name: ServerName<'static>,
    /// The Host field (RFC 9110 section 7.2).
    pub(crate) authority: String,
}

/// Status and body of an HTTP answer.
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// True if the server will close the connection.
    pub(crate) closes: bool,
}

/// A connection that carries one request at a time.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects and shakes hands.
    pub(crate) async fn open(place: &Place, tls: &Arc<ClientConfig>) -> io::Result<Self> {
        within(async {
            let socket = TcpStream::connect(place.address).await?;
            socket.set_nodelay(true)?;
            let stream = TlsConnector::from(Arc::clone(tls)).connect(place.name.clone(), socket).await?;
            Ok(Self { stream, buffer: Vec::with_capacity(8192) })
        })
        .await
    }

    /// Sends `request` and reads its answer whole.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        within(async {
            self.stream.write_all(request).await?;
            self.stream.flush().await?;
            self.answer().await
        })
        .await
    }

    /// Closes the connection.
    pub(crate) async fn close(mut self) {
        // A server that has gone already is fine.
        let _ = within(self.stream.shutdown()).await;
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        self.buffer.clear();
        let head = loop {
            self.more().await?;
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break Head::parse(&self.buffer[..end], end + 4)?;
            }
        };
        while self.buffer.len() < head.ends_at {
            self.more().await?;
        }
        let body = self.buffer[head.begins_at..head.ends_at].to_vec();
        Ok(Answer { status: head.status, body, closes: head.closes })
    }

    async fn more(&mut self) -> io::Result<()> {
        let read = self.stream.read_buf(&mut self.buffer).await?;
        match read {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ if self.buffer.len() > MOST_BYTES => Err(invalid("an answer of more than 16 MiB")),
            _ => Ok(()),
        }
    }
}

struct Head {
    status: u16,
    begins_at: usize,
    ends_at: usize,
    closes: bool,
}

impl Head {
    fn parse(head: &[u8], begins_at: usize) -> io::Result<Self> {
        let text = std::str::from_utf8(head).map_err(|_| invalid("a head that is not text"))?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.get(9..12)).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| invalid("no status line"))?;
        let (mut length, mut closes) = (None, false);
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok();
            } else if name.eq_ignore_ascii_case("connection") {
                closes = value.trim().eq_ignore_ascii_case("close");
            }
        }
        // RFC 9112 section 6.3: these have no body, regardless of their fields.
        let length = if matches!(status, 204 | 304) { Some(0) } else { length };
        let length: usize = length.ok_or_else(|| invalid("no content-length"))?;
        let ends_at = begins_at.saturating_add(length);
        if ends_at > MOST_BYTES {
            Err(invalid("too long"))
        } else {
            Ok(Self { status, begins_at, ends_at, closes })
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
