//! Bodies: reading a request's within a limit, making a response's.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::budget::Held;

/// The cause of an unread request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body exceeds the route's limit: 413 (RFC 9110 section 15.5.14).
    #[error("the request body is longer than this route takes; send a smaller one")]
    TooLarge,
    /// The body did not arrive in time: 408 (RFC 9110 section 15.5.9).
    #[error("the request body did not arrive in time; send it without pauses")]
    TimedOut,
    /// The budget has no room for the body: 503.
    #[error(
        "request bodies hold as much memory as they may, and nothing was done: try again after Retry-After"
    )]
    Overloaded,
    /// The client left, or broke the framing of its body.
    #[error("the request body broke off before its end; send the request again")]
    Broken,
}

/// Reads a whole request body of at most `limit` bytes within `timeout`. `take` takes memory for bytes that have arrived.
///
/// A declared Content-Length over the limit is rejected before a byte is read. A client that waits for `100 Continue`
/// (RFC 9110 section 10.1.1) then never sends the body. A chunked body is rejected when it passes the limit. The bytes are
/// copied: kept frames of one byte each would take a multiple of it.
///
/// # Errors
/// [`BodyError`] names the cause: too large, too slow, over the budget or broken.
pub async fn read(
    body: &mut Incoming,
    limit: usize,
    timeout: Duration,
    mut take: impl FnMut(usize) -> Result<(), BodyError>,
) -> Result<Vec<u8>, BodyError> {
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(BodyError::TooLarge);
    }
    let mut bytes = Vec::new();
    let whole = tokio::time::timeout(timeout, async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| BodyError::Broken)?;
            let part = frame.data_ref().map_or(&[][..], |part| part);
            if bytes.len() + part.len() > limit {
                return Err(BodyError::TooLarge);
            }
            take(part.len())?;
            bytes.extend_from_slice(part);
        }
        Ok(())
    });
    whole.await.map_err(|_| BodyError::TimedOut)??;
    Ok(bytes)
}

/// Maximum number of bytes read of a rejected body.
const DISCARDED: usize = 1 << 20;

/// Reads and drops the rest of a rejected body, at most 1 MiB and for at most `timeout`. In HTTP/2 a response before
/// the end of its request resets the stream (RFC 9113 section 8.1). Clients such as curl then drop the response.
pub async fn discard(body: &mut Incoming, timeout: Duration) {
    let mut left = DISCARDED;
    let taking = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // A client that is slower goes without the response.
    let _ = tokio::time::timeout(timeout, taking).await;
}

/// Maximum size of a part of a whole body: the frame of HTTP/2 and the record of TLS. A connection gets the next part when
/// the client takes the last one.
const PART: usize = 16 * 1024;

/// The body of every response: whole, or a stream. It never fails and is sent once.
pub struct ResponseBody(BodyKind);

enum BodyKind {
    Whole(Bytes),
    Streamed(Pin<Box<dyn Stream<Item = Bytes> + Send>>),
}

impl ResponseBody {
    /// Counts bytes that no other response shares, until they are sent. Published documents are in memory once.
    pub(super) fn counted(self, mut held: Held) -> Self {
        match self.0 {
            BodyKind::Whole(bytes) if bytes.is_unique() => {
                held.set(bytes.len());
                Self(BodyKind::Whole(held.keep(bytes)))
            }
            body => Self(body),
        }
    }

    /// The next part; `None` after the last one.
    pub(super) fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match &mut self.0 {
            BodyKind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            BodyKind::Whole(bytes) => Poll::Ready(Some(bytes.split_to(bytes.len().min(PART)))),
            BodyKind::Streamed(body) => body.as_mut().poll_next(cx),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.poll_part(cx).map(|part| part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            BodyKind::Whole(bytes) => bytes.is_empty(),
            BodyKind::Streamed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            BodyKind::Whole(bytes) => SizeHint::with_exact(u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            BodyKind::Streamed(_) => SizeHint::default(),
        }
    }
}

/// A response body that is in memory.
pub fn full(bytes: impl Into<Bytes>) -> ResponseBody {
    ResponseBody(BodyKind::Whole(bytes.into()))
}

/// A body that is sent part by part, until `parts` ends.
///
/// The [listener](super::listener) polls for the next part only when the client takes it. It closes the connection of a
/// client that leaves a part unread for [`Limits::stall_timeout`](super::limits::Limits). It ends the stream at shutdown
/// and when the connection reaches its maximum age.
pub fn stream(parts: impl Stream<Item = Bytes> + Send + 'static) -> ResponseBody {
    ResponseBody(BodyKind::Streamed(Box::pin(parts)))
}

/// An empty response body.
pub const fn empty() -> ResponseBody {
    ResponseBody(BodyKind::Whole(Bytes::new()))
}
