//! The activity of a connection, and the time that its limits leave it.
//!
//! hyper has no idle timer for HTTP/2. Its HTTP/1 header timer also runs while a kept-alive connection waits for its
//! next request, so that the two limits could not differ. One small state per connection serves both protocols.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::http::ResponseBody;
use crate::http::limits::Limits;
use crate::http::tls::Protocol;

/// The state of a connection, shared by its stream, its requests and its watch.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    protocol: Protocol,
    opened: Instant,
    in_flight: usize,
    /// The responses that are being sent. An HTTP/2 client that opens no window blocks no socket: it shows only here.
    answers: Vec<Sending>,
    /// The number of responses so far.
    answered: u64,
    /// The end of the last request.
    quiet_since: Instant,
    /// The time from which a request's header is awaited.
    head_since: Option<Instant>,
    /// A part of that header has arrived.
    head_begun: bool,
    /// The time from which the client reads none of the bytes sent to it.
    blocked_since: Option<Instant>,
    /// The time at which the connection began to close.
    retiring_since: Option<Instant>,
}

/// A response in progress, by its number among the connection's responses.
struct Sending {
    number: u64,
    is_stream: bool,
    /// The time from which the client has left a part unread; `None` while a stream has nothing to send.
    waiting_since: Option<Instant>,
    /// Wakes a stream that has nothing to send.
    waker: Option<Waker>,
}

/// The next step of a connection's watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextStep {
    /// Wait until that moment.
    Wait(Instant),
    /// Take no further request, finish requests in flight, close.
    Retire,
    /// Close now.
    Cut(Cut),
}

/// The cause for closing a connection at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A new connection sent no header.
    Silent,
    /// A header was not finished in time.
    SlowHeader,
    /// The client does not read its response.
    Stalled,
    /// The client did not close after the connection's end, or a request in flight did not finish.
    Overstayed,
}

impl Activity {
    /// A connection whose handshake ended at `now`. Its first header is awaited.
    pub(super) fn new(protocol: Protocol, now: Instant) -> Self {
        Self(Arc::new(Mutex::new(State {
            protocol,
            opened: now,
            in_flight: 0,
            answers: Vec::new(),
            answered: 0,
            quiet_since: now,
            head_since: Some(now),
            head_begun: false,
            blocked_since: None,
            retiring_since: None,
        })))
    }

    /// Records that a request's header is complete. The request is in flight until the guard is dropped.
    pub(super) fn begin(&self) -> InFlight {
        let mut state = self.state();
        state.in_flight += 1;
        state.head_since = None;
        state.head_begun = false;
        drop(state);
        InFlight(self.clone())
    }

    /// Records bytes from the client. Between two requests of HTTP/1 they begin the next header. In HTTP/2 they may be
    /// anything.
    pub(super) fn received(&self, now: Instant) {
        let mut state = self.state();
        if state.protocol == Protocol::Http1 && state.in_flight == 0 {
            state.head_since.get_or_insert(now);
            state.head_begun = true;
        }
    }

    /// Records whether the client reads the bytes sent to it.
    pub(super) fn blocked(&self, blocked: bool, now: Instant) {
        let mut state = self.state();
        state.blocked_since = if blocked { state.blocked_since.or(Some(now)) } else { None };
    }

    /// Begins to close: the connection may finish requests in flight, and no more. Streams would never finish, so that
    /// they are ended.
    pub(super) fn retire(&self, now: Instant) {
        let mut state = self.state();
        state.retiring_since.get_or_insert(now);
        let streams = state.answers.iter_mut().filter_map(|answer| answer.waker.take()).collect::<Vec<_>>();
        drop(state);
        streams.into_iter().for_each(Waker::wake);
    }

    /// The verdict of `limits` at `now`.
    pub(super) fn judge(&self, limits: &Limits, now: Instant) -> NextStep {
        self.state().judge(limits, now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn judge(&self, limits: &Limits, now: Instant) -> NextStep {
        // A limit that does not run yet begins at `now` at the earliest, so that its event need not wake the watch.
        let shortest = limits.header_timeout.min(limits.idle_timeout).min(limits.stream_timeout);
        let mut next_look =
            now + self.retiring_since.map_or(shortest, |_| shortest.min(limits.handshake_timeout));
        for (deadline, step) in self.deadlines(limits).into_iter().flatten() {
            if deadline <= now {
                return step;
            }
            next_look = next_look.min(deadline);
        }
        NextStep::Wait(next_look)
    }

    /// The limits that run, each with its step. The first one that is due decides.
    fn deadlines(&self, limits: &Limits) -> [Option<(Instant, NextStep)>; 5] {
        let slow = NextStep::Cut(if self.head_begun { Cut::SlowHeader } else { Cut::Silent });
        let stalled = NextStep::Cut(Cut::Stalled);
        let idle_since = (self.in_flight == 0).then_some(self.quiet_since);
        let (idle_end, latest_end, step) = match self.retiring_since {
            Some(retiring) => {
                let goodbye = idle_since.map(|idle| idle.max(retiring) + limits.handshake_timeout);
                (goodbye, retiring + limits.drain_timeout, NextStep::Cut(Cut::Overstayed))
            }
            None => {
                let idle_end = idle_since.map(|idle| idle + limits.idle_timeout);
                (idle_end, self.opened + limits.max_age, NextStep::Retire)
            }
        };
        [
            self.head_since.map(|since| (since + limits.header_timeout, slow)),
            self.blocked_since.map(|since| (since + self.patience(limits), stalled)),
            self.first_stall(limits).map(|stall| (stall, stalled)),
            idle_end.map(|end| (end, step)),
            Some((latest_end, step)),
        ]
    }

    /// The time to give up the first response that the client does not read.
    fn first_stall(&self, limits: &Limits) -> Option<Instant> {
        let stall = |answer: &Sending| {
            let patience = if answer.is_stream { limits.stream_timeout } else { limits.idle_timeout };
            Some(answer.waiting_since? + patience)
        };
        self.answers.iter().filter_map(stall).min()
    }

    /// A part of this response was given to the connection.
    fn got_on(&mut self, number: u64, now: Instant) {
        if let Some(answer) = self.answers.iter_mut().find(|answer| answer.number == number) {
            answer.waiting_since = Some(now);
        }
    }

    /// The client has taken every part of this stream.
    fn has_nothing_to_send(&mut self, number: u64, waker: &Waker) {
        if let Some(answer) = self.answers.iter_mut().find(|answer| answer.number == number) {
            answer.waiting_since = None;
            match &mut answer.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
    }

    /// Maximum time that the client may read nothing of its response.
    fn patience(&self, limits: &Limits) -> Duration {
        match self.answers.iter().any(|answer| answer.is_stream) {
            true => limits.idle_timeout.min(limits.stream_timeout),
            false => limits.idle_timeout,
        }
    }
}

/// One request between the end of its header and the end of its response.
pub(super) struct InFlight(Activity);

impl InFlight {
    /// The response's body, which keeps the request in flight until it is sent or given up.
    pub(super) fn carry(self, body: ResponseBody) -> TrackedBody {
        let mut state = self.0.state();
        state.answered += 1;
        let number = state.answered;
        let (is_stream, waiting_since) = (body.is_stream(), Some(Instant::now()));
        state.answers.push(Sending { number, is_stream, waiting_since, waker: None });
        drop(state);
        TrackedBody { body, number, in_flight: self }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        state.quiet_since = Instant::now();
    }
}

/// A response body that counts as activity.
pub(super) struct TrackedBody {
    body: ResponseBody,
    number: u64,
    in_flight: InFlight,
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        self.in_flight.0.state().answers.retain(|answer| answer.number != self.number);
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let mut state = self.in_flight.0.state();
        match polled {
            Poll::Ready(_) => state.got_on(self.number, Instant::now()),
            // Otherwise a stream would not end.
            Poll::Pending if state.retiring_since.is_some() => return Poll::Ready(None),
            Poll::Pending => state.has_nothing_to_send(self.number, cx.waker()),
        }
        drop(state);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
