//! Answers that go on: a body that is given its parts one by one, for hours.
//!
//! What a client does not take is not heaped up: the buffer has a bound, and the [listener](super::listener) closes the
//! connection of a client that has left a part lying for [`Limits::stream_timeout`](super::limits::Limits). The listener also
//! ends the stream, after what is in the buffer, at shutdown and when its connection comes of age.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ResponseBody;

/// A stream of at most `buffer` parts (one at least) that are sent and not taken yet.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use http_body_util::BodyExt as _;
///
/// let (sender, mut body) = gatepass::http::stream::stream(16);
/// sender.send("data: 1\n\n".into()).await.unwrap();
/// assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "data: 1\n\n");
/// drop(sender);
/// assert!(body.frame().await.is_none());
/// # });
/// ```
pub fn stream(buffer: usize) -> (StreamSender, ResponseBody) {
    let state = State {
        parts: VecDeque::new(),
        buffer: buffer.max(1),
        waiting_since: None,
        ended: false,
        gone: false,
        reader: None,
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), changed: Notify::new() });
    (StreamSender(Arc::clone(&shared)), ResponseBody::streamed(StreamBody(shared)))
}

/// Nobody takes the stream any more: its client went away or was closed for reading too slowly, the server is stopping,
/// or its connection has come of age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client of this stream is gone, or has to connect again; drop the stream")]
pub struct Gone;

/// Why a part was not taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The buffer is full: the client reads more slowly than it is sent to.
    #[error("the stream's buffer is full, as its client reads too slowly; wait, or drop the stream")]
    Full,
    /// Nobody takes the stream any more.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// Where the parts of a stream go in. Dropping it ends the stream, after what is in the buffer.
#[derive(Debug)]
pub struct StreamSender(Arc<Shared>);

impl StreamSender {
    /// Sends a part, waiting for room; an empty one is nothing.
    ///
    /// # Errors
    /// [`Gone`], at the latest when the client has left a part lying for the listener's limit.
    pub async fn send(&self, part: Bytes) -> Result<(), Gone> {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            match self.offer(part.clone()) {
                Ok(()) => return Ok(()),
                Err(Refused::Gone(gone)) => return Err(gone),
                Err(Refused::Full) => changed.await,
            }
        }
    }

    /// Sends a part if there is room for it, without waiting: for who serves many streams from one place.
    ///
    /// # Errors
    /// [`Refused`]: there is no room, or nobody takes it any more.
    pub fn offer(&self, part: Bytes) -> Result<(), Refused> {
        let mut state = self.0.state();
        if state.gone || state.ended {
            return Err(Refused::Gone(Gone));
        }
        if state.parts.len() >= state.buffer {
            return Err(Refused::Full);
        }
        if part.is_empty() {
            return Ok(());
        }
        state.parts.push_back(part);
        state.waiting_since.get_or_insert_with(Instant::now);
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        Ok(())
    }

    /// Whether nobody takes the stream any more.
    pub fn is_gone(&self) -> bool {
        let state = self.0.state();
        state.gone || state.ended
    }

    /// Waits until nobody takes the stream any more.
    pub async fn gone(&self) {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if self.is_gone() {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for StreamSender {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Where the parts come out.
#[derive(Debug)]
pub(super) struct StreamBody(Arc<Shared>);

impl StreamBody {
    /// The next part; `None` at the end.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.0.state();
        if let Some(part) = state.parts.pop_front() {
            state.waiting_since = (!state.parts.is_empty()).then(Instant::now);
            drop(state);
            self.0.changed.notify_waiters();
            return Poll::Ready(Some(part));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        match &mut state.reader {
            Some(reader) => reader.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// Whether all has been taken and nothing more comes.
    pub(super) fn is_over(&self) -> bool {
        let state = self.0.state();
        state.ended && state.parts.is_empty()
    }

    /// The listener's hold on the stream.
    pub(super) fn handle(&self) -> StreamHandle {
        StreamHandle(Arc::clone(&self.0))
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.gone = true;
        state.parts = VecDeque::new();
        drop(state);
        self.0.changed.notify_waiters();
    }
}

/// What the listener sees of a stream, and may do to it.
#[derive(Clone, Debug)]
pub(super) struct StreamHandle(Arc<Shared>);

impl StreamHandle {
    /// Since when a part lies there that the client does not take.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        self.0.state().waiting_since
    }

    /// Ends the stream after what is in the buffer.
    pub(super) fn end(&self) {
        self.0.end();
    }
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Told whenever there may be room, and when the stream has ended.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    parts: VecDeque<Bytes>,
    buffer: usize,
    waiting_since: Option<Instant>,
    ended: bool,
    gone: bool,
    reader: Option<Waker>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        let mut state = self.state();
        state.ended = true;
        let reader = state.reader.take();
        drop(state);
        wake(reader);
        self.changed.notify_waiters();
    }
}

fn wake(reader: Option<Waker>) {
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests;
