//! What a connection is doing, and for how long it may go on.
//!
//! hyper has no idle timer for HTTP/2, and its HTTP/1 header timer also runs while a kept-alive connection waits for its
//! next request, so that the two limits could not differ. One small state per connection serves both protocols.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::http::ResponseBody;
use crate::http::limits::Limits;
use crate::http::stream::StreamHandle;
use crate::http::tls::Protocol;

/// What is known of a connection, shared by its stream, its requests and its watch.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    protocol: Protocol,
    opened: Instant,
    in_flight: usize,
    /// The answers that are being sent. An HTTP/2 client that opens no window blocks no socket: it shows only here.
    answers: Vec<Sending>,
    /// How many answers there have been.
    answered: u64,
    /// When the last request ended.
    quiet_since: Instant,
    /// Since when a request's header is awaited.
    head_since: Option<Instant>,
    /// Whether a part of that header has come.
    head_begun: bool,
    /// Since when the client takes none of the bytes we have for it.
    blocked_since: Option<Instant>,
    /// Since when we are closing.
    retiring_since: Option<Instant>,
}

/// An answer on its way, by its number among the connection's answers.
struct Sending {
    number: u64,
    progress: Progress,
}

enum Progress {
    /// A body that is there whole: when it last got on.
    Whole(Instant),
    /// A stream, which may have nothing to send for long.
    Stream(StreamHandle),
}

/// What the watch of a connection has to do now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing before that moment.
    Wait(Instant),
    /// Take no further request, finish what is in flight, close.
    Retire,
    /// Close now.
    Cut(Cut),
}

/// Why a connection is closed whatever it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// No header came on a new connection.
    Silent,
    /// A header was begun and not finished in time.
    SlowHeader,
    /// The client does not read what it asked for.
    Stalled,
    /// The client did not close after our goodbye, or what was in flight did not end.
    Overstayed,
}

impl Activity {
    /// A connection whose handshake ended at `now`: its first header is awaited.
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

    /// A request's header is complete. It is in flight until the guard is dropped.
    pub(super) fn begin(&self) -> InFlight {
        let mut state = self.state();
        state.in_flight += 1;
        state.head_since = None;
        state.head_begun = false;
        drop(state);
        InFlight(self.clone())
    }

    /// Bytes came from the client. Between two requests of HTTP/1 they begin the next header; in HTTP/2 they may be
    /// anything.
    pub(super) fn received(&self, now: Instant) {
        let mut state = self.state();
        if state.protocol == Protocol::Http1 && state.in_flight == 0 {
            state.head_since.get_or_insert(now);
            state.head_begun = true;
        }
    }

    /// Whether the client takes what we write.
    pub(super) fn blocked(&self, blocked: bool, now: Instant) {
        let mut state = self.state();
        state.blocked_since = if blocked { state.blocked_since.or(Some(now)) } else { None };
    }

    /// We are closing: the connection may finish what is in flight, and no more. Streams would never finish: they are told
    /// to end.
    pub(super) fn retire(&self, now: Instant) {
        let mut state = self.state();
        state.retiring_since.get_or_insert(now);
        state.streams().for_each(StreamHandle::end);
    }

    /// What `limits` ask for at `now`.
    pub(super) fn judge(&self, limits: &Limits, now: Instant) -> Verdict {
        self.state().judge(limits, now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn judge(&self, limits: &Limits, now: Instant) -> Verdict {
        let due = |since: Option<Instant>, span| since.is_some_and(|since| since + span <= now);
        if due(self.head_since, limits.header_timeout) {
            return Verdict::Cut(if self.head_begun { Cut::SlowHeader } else { Cut::Silent });
        }
        let stalled = due(self.blocked_since, self.patience(limits))
            || due(self.slowest(), limits.idle_timeout)
            || due(self.slowest_stream(), limits.stream_timeout);
        if stalled {
            return Verdict::Cut(Cut::Stalled);
        }
        let idle_since = (self.in_flight == 0).then_some(self.quiet_since);
        match self.retiring_since {
            Some(retiring) => {
                let goodbye = idle_since.map(|idle| idle.max(retiring));
                if due(goodbye, limits.handshake_timeout) || due(Some(retiring), limits.drain_timeout) {
                    return Verdict::Cut(Cut::Overstayed);
                }
            }
            None if due(idle_since, limits.idle_timeout) || due(Some(self.opened), limits.max_age) => {
                return Verdict::Retire;
            }
            None => {}
        }
        Verdict::Wait(self.next_look(limits, now))
    }

    /// Since when the slowest whole answer has not got on.
    fn slowest(&self) -> Option<Instant> {
        let whole = self.answers.iter().filter_map(|answer| match &answer.progress {
            Progress::Whole(since) => Some(*since),
            Progress::Stream(_) => None,
        });
        whole.min()
    }

    /// A part of this answer was taken.
    fn got_on(&mut self, number: u64, now: Instant) {
        let answer = self.answers.iter_mut().find(|answer| answer.number == number);
        if let Some(Sending { progress: Progress::Whole(since), .. }) = answer {
            *since = now;
        }
    }

    fn streams(&self) -> impl Iterator<Item = &StreamHandle> {
        self.answers.iter().filter_map(|answer| match &answer.progress {
            Progress::Whole(_) => None,
            Progress::Stream(stream) => Some(stream),
        })
    }

    /// Since when the client of a stream has left a part of it lying.
    fn slowest_stream(&self) -> Option<Instant> {
        self.streams().filter_map(StreamHandle::waiting_since).min()
    }

    /// How long the client may take nothing of what is written.
    fn patience(&self, limits: &Limits) -> Duration {
        match self.streams().next() {
            Some(_) => limits.idle_timeout.min(limits.stream_timeout),
            None => limits.idle_timeout,
        }
    }

    /// The earliest moment at which the verdict can differ. What has not begun yet begins at `now` at the earliest, so
    /// nobody has to wake the watch.
    fn next_look(&self, limits: &Limits, now: Instant) -> Instant {
        let idle_since = if self.in_flight == 0 { self.quiet_since } else { now };
        let ends = match self.retiring_since {
            Some(retiring) => {
                let goodbye = idle_since.max(retiring) + limits.handshake_timeout;
                goodbye.min(retiring + limits.drain_timeout)
            }
            None => (idle_since + limits.idle_timeout).min(self.opened + limits.max_age),
        };
        ends.min(self.head_since.unwrap_or(now) + limits.header_timeout)
            .min(self.blocked_since.unwrap_or(now) + self.patience(limits))
            .min(self.slowest().unwrap_or(now) + limits.idle_timeout)
            .min(self.slowest_stream().unwrap_or(now) + limits.stream_timeout)
    }
}

/// One request between the end of its header and the end of its answer.
pub(super) struct InFlight(Activity);

impl InFlight {
    /// The answer's body, which keeps the request in flight until it is sent or given up.
    pub(super) fn carry(self, body: ResponseBody) -> Answer {
        let mut state = self.0.state();
        state.answered += 1;
        let number = state.answered;
        let progress = match body.stream() {
            Some(stream) => Progress::Stream(stream),
            None => Progress::Whole(Instant::now()),
        };
        state.answers.push(Sending { number, progress });
        if state.retiring_since.is_some() {
            state.streams().for_each(StreamHandle::end);
        }
        drop(state);
        Answer { body, number, in_flight: self }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        state.quiet_since = Instant::now();
    }
}

/// An answer's body that counts as activity.
pub(super) struct Answer {
    body: ResponseBody,
    number: u64,
    in_flight: InFlight,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.in_flight.0.state().answers.retain(|answer| answer.number != self.number);
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if polled.is_ready() {
            self.in_flight.0.state().got_on(self.number, Instant::now());
        }
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
