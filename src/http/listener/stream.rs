//! A client's stream. It reports to the watch, and it closes without losing the last response.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::server::TlsStream;

use super::activity::Activity;
use super::fragment::FragmentScan;
use crate::http::tls::Protocol;

/// Maximum time and number of bytes that a client may send after the last response.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 64 << 20;

pub(super) struct Stream {
    tls: TlsStream<TcpStream>,
    activity: Activity,
    /// Only for HTTP/1: the frames of HTTP/2 have no lines.
    fragments: Option<FragmentScan>,
    blocked: bool,
    closing: Option<Closing>,
}

/// Closing a socket with unread bytes resets the connection, and the reset may overtake a 413 or 431. So the sending
/// side is closed first. Later bytes are dropped without decryption, within bounds (RFC 9112 section 9.6).
struct Closing {
    deadline: Pin<Box<Sleep>>,
    said_goodbye: bool,
    left: usize,
}

impl Stream {
    pub(super) fn new(tls: TlsStream<TcpStream>, activity: Activity, protocol: Protocol) -> Self {
        let fragments = (protocol == Protocol::Http1).then(FragmentScan::default);
        Self { tls, activity, fragments, blocked: false, closing: None }
    }

    fn note_write<T>(&mut self, result: Poll<T>) -> Poll<T> {
        let blocked = result.is_pending();
        if blocked || self.blocked {
            self.activity.blocked(blocked, Instant::now());
            self.blocked = blocked;
        }
        result
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.tls).poll_read(cx, buf))?;
        if let Some(received) = buf.filled().get(before..).filter(|received| !received.is_empty()) {
            if self.fragments.as_mut().is_some_and(|scan| scan.feed(received)) {
                self.activity.has_cut();
            }
            self.activity.received(Instant::now());
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tls).poll_write(cx, buf);
        self.note_write(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.tls).poll_write_vectored(cx, bufs);
        self.note_write(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.tls.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.tls).poll_flush(cx);
        self.note_write(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { tls, closing, .. } = &mut *self;
        let closing = closing.get_or_insert_with(|| Closing {
            deadline: Box::pin(sleep(LINGER)),
            said_goodbye: false,
            left: LINGER_BYTES,
        });
        closing.poll(tls, cx)
    }
}

impl Closing {
    fn poll(&mut self, tls: &mut TlsStream<TcpStream>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !self.said_goodbye {
            ready!(Pin::new(&mut *tls).poll_shutdown(cx))?;
            self.said_goodbye = true;
        }
        let mut waste = [0; 8192];
        while self.left > 0 {
            let mut buf = ReadBuf::new(&mut waste);
            let read = ready!(Pin::new(&mut *tls.get_mut().0).poll_read(cx, &mut buf));
            match buf.filled().len() {
                // The client closed too, or left: there is no more data to lose.
                0 => return Poll::Ready(Ok(())),
                _ if read.is_err() => return Poll::Ready(Ok(())),
                count => self.left = self.left.saturating_sub(count),
            }
        }
        Poll::Ready(Ok(()))
    }
}
