//! What a connection is doing, and for how long it may go on.
//!
//! hyper has no idle timer for HTTP/2, and its HTTP/1 header timer also runs while a kept-alive connection waits for its
//! next request, so that the two limits could not differ. One small state per connection serves both protocols.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use crate::http::ResponseBody;
use crate::http::limits::Limits;
use crate::http::tls::Protocol;

/// What is known of a connection, shared by its stream, its requests and its watch.
#[derive(Clone)]
pub(super) struct Activity(Arc<Mutex<State>>);

struct State {
    protocol: Protocol,
    opened: Instant,
    in_flight: usize,
    /// When each answer that is being sent last got on. An HTTP/2 client that opens no window blocks no socket: it
    /// shows only here.
    answers: BTreeMap<u64, Instant>,
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
            answers: BTreeMap::new(),
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

    /// We are closing: the connection may finish what is in flight, and no more.
    pub(super) fn retire(&self, now: Instant) {
        self.state().retiring_since.get_or_insert(now);
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
        if due(self.blocked_since, limits.idle_timeout) || due(self.slowest(), limits.idle_timeout) {
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

    /// Since when the slowest answer has not got on.
    fn slowest(&self) -> Option<Instant> {
        self.answers.values().min().copied()
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
            .min(self.blocked_since.unwrap_or(now) + limits.idle_timeout)
            .min(self.slowest().unwrap_or(now) + limits.idle_timeout)
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
        state.answers.insert(number, Instant::now());
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
        self.in_flight.0.state().answers.remove(&self.number);
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
            self.in_flight.0.state().answers.insert(self.number, Instant::now());
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
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn connection(protocol: Protocol) -> (Activity, Limits, Instant) {
        let opened = Instant::now();
        (Activity::new(protocol, opened), Limits::default(), opened)
    }

    #[test]
    fn a_new_connection_that_says_nothing_is_cut_at_the_header_timeout() {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let (activity, limits, opened) = connection(protocol);
            let end = opened + limits.header_timeout;
            assert_eq!(activity.judge(&limits, opened), Verdict::Wait(end));
            assert_eq!(activity.judge(&limits, end), Verdict::Cut(Cut::Silent));
        }
    }

    #[test]
    fn a_header_that_drips_is_cut_however_often_bytes_come() {
        let (activity, limits, opened) = connection(Protocol::Http1);
        activity.received(opened + 9 * SECOND);
        assert_eq!(activity.judge(&limits, opened + 10 * SECOND), Verdict::Cut(Cut::SlowHeader));
    }

    #[test]
    fn a_kept_alive_connection_may_idle_longer_than_a_header_may_take() {
        let (activity, limits, opened) = connection(Protocol::Http1);
        drop(activity.begin());
        assert!(matches!(activity.judge(&limits, opened + 30 * SECOND), Verdict::Wait(_)));
        activity.received(opened + 30 * SECOND);
        assert_eq!(activity.judge(&limits, opened + 40 * SECOND), Verdict::Cut(Cut::SlowHeader));
    }

    #[test]
    fn an_idle_connection_retires_and_a_working_one_does_not() {
        let (activity, limits, _) = connection(Protocol::Http2);
        let request = activity.begin();
        let late = Instant::now() + limits.idle_timeout + SECOND;
        assert!(matches!(activity.judge(&limits, late), Verdict::Wait(_)));
        drop(request);
        assert_eq!(activity.judge(&limits, late), Verdict::Retire);
    }

    #[test]
    fn an_old_connection_retires_and_gets_time_to_finish_its_work() {
        let (activity, limits, opened) = connection(Protocol::Http2);
        let request = activity.begin();
        let old = opened + limits.max_age;
        assert_eq!(activity.judge(&limits, old), Verdict::Retire);
        activity.retire(old);
        let end = old + limits.drain_timeout;
        assert!(matches!(activity.judge(&limits, end - SECOND), Verdict::Wait(_)));
        assert_eq!(activity.judge(&limits, end), Verdict::Cut(Cut::Overstayed));
        drop(request);
        assert_eq!(activity.judge(&limits, old + limits.handshake_timeout), Verdict::Cut(Cut::Overstayed));
    }

    #[tokio::test]
    async fn an_answer_that_gets_on_lives_and_one_that_does_not_is_cut() {
        use http_body_util::BodyExt as _;
        let (activity, limits, _) = connection(Protocol::Http2);
        let mut answer = activity.begin().carry(crate::http::body::full("one part"));
        let _other = activity.begin();
        let begun = activity.state().slowest().unwrap();
        answer.frame().await.unwrap().unwrap();
        let sent = activity.state().slowest().unwrap();
        assert!(sent > begun);
        assert!(matches!(activity.judge(&limits, sent + limits.idle_timeout - SECOND), Verdict::Wait(_)));
        let end = sent + limits.idle_timeout;
        assert_eq!(activity.judge(&limits, end), Verdict::Cut(Cut::Stalled));
        drop(answer);
        assert!(matches!(activity.judge(&limits, end), Verdict::Wait(_)));
    }

    #[test]
    fn a_client_that_does_not_read_its_answer_is_cut() {
        let (activity, limits, opened) = connection(Protocol::Http1);
        let _request = activity.begin();
        activity.blocked(true, opened);
        activity.blocked(true, opened + 30 * SECOND);
        assert_eq!(activity.judge(&limits, opened + limits.idle_timeout), Verdict::Cut(Cut::Stalled));
        activity.blocked(false, opened + 60 * SECOND);
        assert!(matches!(activity.judge(&limits, opened + 61 * SECOND), Verdict::Wait(_)));
    }
}
