//! The activity of a connection, and the time that its limits leave it.
//!
//! hyper has no idle timer for HTTP/2. Its HTTP/1 header timer also runs while a kept-alive connection waits for its
//! next request, so that the two limits could not differ. One small state per connection serves both protocols.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::Executor;
use tokio::task::AbortHandle;
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
    /// The requests in flight. An HTTP/2 client that opens no window blocks no socket: it shows only here.
    requests: Vec<Request>,
    /// The number of requests so far.
    begun: u64,
    /// The end of the last request.
    quiet_since: Instant,
    /// The time from which a request's header is awaited.
    head_since: Option<Instant>,
    /// A part of that header has arrived.
    head_begun: bool,
    /// The client of HTTP/1 has sent a target with a fragment. With pipelined requests it is open which one.
    is_cut: bool,
    /// The time from which the client reads none of the bytes sent to it.
    blocked_since: Option<Instant>,
    /// The time at which the connection began to close.
    retiring_since: Option<Instant>,
}

/// A request in flight, by its number among the connection's requests.
struct Request {
    number: u64,
    /// The task of an HTTP/2 stream. Aborting it resets the stream, unless the task has ended.
    task: Option<AbortHandle>,
    /// The time from which the client has left a part of the response unread; `None` without one to send.
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
    /// Reset the HTTP/2 streams whose responses are stalled.
    Reset,
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
            requests: Vec::new(),
            begun: 0,
            quiet_since: now,
            head_since: Some(now),
            head_begun: false,
            is_cut: false,
            blocked_since: None,
            retiring_since: None,
        })))
    }

    /// Records that a request's header is complete. The request is in flight until the guard is dropped.
    pub(super) fn begin(&self) -> InFlight {
        let mut state = self.state();
        state.begun += 1;
        let number = state.begun;
        state.requests.push(Request { number, task: None, waiting_since: None, waker: None });
        state.head_since = None;
        state.head_begun = false;
        let is_cut = state.is_cut;
        drop(state);
        InFlight { activity: self.clone(), number, is_cut }
    }

    /// Records the task of the request that began last. It may have ended already.
    fn began_in(&self, task: AbortHandle) {
        let mut state = self.state();
        let number = state.begun;
        if let Some(request) = state.request(number) {
            request.task = Some(task);
        }
    }

    /// Resets the streams that are stalled at `now`.
    pub(super) fn reset_stalled(&self, limits: &Limits, now: Instant) {
        let mut state = self.state();
        let stalled = |request: &&mut Request| {
            request.waiting_since.is_some_and(|since| since + limits.stall_timeout <= now)
        };
        let requests = state.requests.iter_mut().filter(stalled);
        let tasks = requests.filter_map(|request| {
            request.waiting_since = None;
            request.task.take()
        });
        let tasks = tasks.collect::<Vec<_>>();
        drop(state);
        tasks.iter().for_each(AbortHandle::abort);
    }

    /// Records bytes from the client. Between two requests of HTTP/1 they begin the next header. In HTTP/2 they may be
    /// anything.
    pub(super) fn received(&self, now: Instant) {
        let mut state = self.state();
        if state.protocol == Protocol::Http1 && state.requests.is_empty() {
            state.head_since.get_or_insert(now);
            state.head_begun = true;
        }
    }

    /// Records that hyper will drop the fragment of a target.
    pub(super) fn has_cut(&self) {
        self.state().is_cut = true;
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
        let streams =
            state.requests.iter_mut().filter_map(|request| request.waker.take()).collect::<Vec<_>>();
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
        let shortest = limits.header_timeout.min(limits.idle_timeout).min(limits.stall_timeout);
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
        let idle_since = self.requests.is_empty().then_some(self.quiet_since);
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
            self.blocked_since.map(|since| (since + limits.stall_timeout, stalled)),
            self.first_stall(limits),
            idle_end.map(|end| (end, step)),
            Some((latest_end, step)),
        ]
    }

    /// The time to give up the first response that the client does not read, and how.
    fn first_stall(&self, limits: &Limits) -> Option<(Instant, NextStep)> {
        let stalled = |request: &Request| {
            // h2 has the last part of a response without a task. Only the connection's end takes that back.
            let can_reset = request.task.as_ref().is_some_and(|task| !task.is_finished());
            let step = if can_reset { NextStep::Reset } else { NextStep::Cut(Cut::Stalled) };
            Some((request.waiting_since? + limits.stall_timeout, step))
        };
        self.requests.iter().filter_map(stalled).min_by_key(|(stall, _)| *stall)
    }

    fn request(&mut self, number: u64) -> Option<&mut Request> {
        self.requests.iter_mut().find(|request| request.number == number)
    }

    /// A part of this response was given to the connection.
    fn got_on(&mut self, number: u64, now: Instant) {
        if let Some(request) = self.request(number) {
            request.waiting_since = Some(now);
        }
    }

    /// The client has taken every part of this stream.
    fn has_nothing_to_send(&mut self, number: u64, waker: &Waker) {
        if let Some(request) = self.request(number) {
            request.waiting_since = None;
            match &mut request.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
    }
}

/// One request between the end of its header and the end of its response.
pub(super) struct InFlight {
    activity: Activity,
    number: u64,
    is_cut: bool,
}

impl InFlight {
    /// Returns true if hyper may have dropped the fragment of the request's target.
    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The response's body, which keeps the request in flight until it is sent or given up.
    pub(super) fn carry(self, body: ResponseBody) -> TrackedBody {
        let mut state = self.activity.state();
        state.got_on(self.number, Instant::now());
        let protocol = state.protocol;
        drop(state);
        TrackedBody { body, protocol, in_flight: Some(self) }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.requests.retain(|request| request.number != self.number);
        state.quiet_since = Instant::now();
    }
}

/// A response body that counts as activity.
pub(super) struct TrackedBody {
    body: ResponseBody,
    protocol: Protocol,
    /// `None` when h2 has the last part.
    in_flight: Option<InFlight>,
}

/// The last part of a response in HTTP/2. h2 keeps it until the client opens a window, and the request stays in flight.
struct LastPart {
    bytes: Bytes,
    _in_flight: InFlight,
}

impl AsRef<[u8]> for LastPart {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl TrackedBody {
    /// Records the result of a poll.
    fn note(&mut self, polled: Poll<Option<Bytes>>, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        let Some(in_flight) = &self.in_flight else { return polled };
        let mut state = in_flight.activity.state();
        match &polled {
            Poll::Ready(_) => state.got_on(in_flight.number, Instant::now()),
            // Otherwise a stream would not end.
            Poll::Pending if state.retiring_since.is_some() => return Poll::Ready(None),
            Poll::Pending => state.has_nothing_to_send(in_flight.number, cx.waker()),
        }
        drop(state);
        match polled {
            Poll::Ready(Some(bytes)) if self.protocol == Protocol::Http2 && self.body.is_end_stream() => {
                Poll::Ready(Some(match self.in_flight.take() {
                    Some(_in_flight) => Bytes::from_owner(LastPart { bytes, _in_flight }),
                    None => bytes,
                }))
            }
            polled => polled,
        }
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = self.body.poll_part(cx);
        self.note(polled, cx).map(|part| part.map(|part| Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The executor of an HTTP/2 connection's streams. It gives each task to the request that has just begun: hyper calls the
/// service, and then spawns its future.
#[derive(Clone)]
pub(super) struct StreamTasks(pub(super) Activity);

impl<F> Executor<F> for StreamTasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, stream: F) {
        self.0.began_in(tokio::spawn(stream).abort_handle());
    }
}

#[cfg(test)]
mod tests;
