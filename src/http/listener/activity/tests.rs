//! The verdict of the limits at each moment.

use std::time::Duration;

use super::*;
use crate::http::listener::trial::stream;

const SECOND: Duration = Duration::from_secs(1);

fn connection(protocol: Protocol) -> (Activity, Limits, Instant) {
    let opened = Instant::now();
    (Activity::new(protocol, opened), Limits::default(), opened)
}

#[test]
fn a_silent_connection_is_cut() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let (activity, limits, opened) = connection(protocol);
        let end = opened + limits.header_timeout;
        assert_eq!(activity.judge(&limits, opened), NextStep::Wait(end));
        assert_eq!(activity.judge(&limits, end), NextStep::Cut(Cut::Silent));
    }
}

#[test]
fn a_dripping_header_is_cut() {
    let (activity, limits, opened) = connection(Protocol::Http1);
    activity.received(opened + 9 * SECOND);
    assert_eq!(activity.judge(&limits, opened + 10 * SECOND), NextStep::Cut(Cut::SlowHeader));
}

#[test]
fn an_idle_connection_outlasts_the_header_timeout() {
    let (activity, limits, opened) = connection(Protocol::Http1);
    drop(activity.begin());
    assert!(matches!(activity.judge(&limits, opened + 30 * SECOND), NextStep::Wait(_)));
    activity.received(opened + 30 * SECOND);
    assert_eq!(activity.judge(&limits, opened + 40 * SECOND), NextStep::Cut(Cut::SlowHeader));
}

#[test]
fn only_an_idle_connection_retires() {
    let (activity, limits, _) = connection(Protocol::Http2);
    let request = activity.begin();
    let late = Instant::now() + limits.idle_timeout + SECOND;
    assert!(matches!(activity.judge(&limits, late), NextStep::Wait(_)));
    drop(request);
    assert_eq!(activity.judge(&limits, late), NextStep::Retire);
}

#[test]
fn an_old_connection_retires_after_its_work() {
    let (activity, limits, opened) = connection(Protocol::Http2);
    let request = activity.begin();
    let old = opened + limits.max_age;
    assert_eq!(activity.judge(&limits, old), NextStep::Retire);
    activity.retire(old);
    let end = old + limits.drain_timeout;
    assert!(matches!(activity.judge(&limits, end - SECOND), NextStep::Wait(_)));
    assert_eq!(activity.judge(&limits, end), NextStep::Cut(Cut::Overstayed));
    drop(request);
    assert_eq!(activity.judge(&limits, old + limits.handshake_timeout), NextStep::Cut(Cut::Overstayed));
}

#[tokio::test]
async fn a_stalled_response_is_cut() {
    let (activity, limits, _) = connection(Protocol::Http1);
    let mut answer = activity.begin().carry(crate::http::body::full(vec![0; 100_000]));
    let _other = activity.begin();
    let stall = || activity.state().first_stall(&limits).unwrap().0;
    let begun = stall();
    assert!(matches!(poll(&mut answer).await, Poll::Ready(Some(part)) if part.len() < 100_000));
    let end = stall();
    assert!(end > begun);
    assert!(matches!(activity.judge(&limits, end - SECOND), NextStep::Wait(_)));
    assert_eq!(activity.judge(&limits, end), NextStep::Cut(Cut::Stalled));
    drop(answer);
    assert!(matches!(activity.judge(&limits, end), NextStep::Wait(_)));
}

#[tokio::test]
async fn a_stalled_stream_is_reset_alone() {
    let (activity, limits, _) = connection(Protocol::Http2);
    let answer = activity.begin().carry(crate::http::body::full("one part"));
    StreamTasks(activity.clone()).execute(async move {
        let _answer = answer;
        std::future::pending::<()>().await;
    });
    let _other = activity.begin();
    let (end, step) = activity.state().first_stall(&limits).unwrap();
    assert_eq!((activity.judge(&limits, end), step), (NextStep::Reset, NextStep::Reset));
    activity.reset_stalled(&limits, end);
    assert!(matches!(activity.judge(&limits, end), NextStep::Wait(_)));
    while activity.state().requests.len() > 1 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_last_part_keeps_its_request_in_flight() {
    let (activity, limits, _) = connection(Protocol::Http2);
    let mut answer = activity.begin().carry(crate::http::body::full("one part"));
    let part = poll(&mut answer).await;
    drop(answer);
    let (end, _) = activity.state().first_stall(&limits).unwrap();
    assert_eq!(activity.judge(&limits, end), NextStep::Cut(Cut::Stalled));
    drop(part);
    assert!(activity.state().requests.is_empty());
}

#[test]
fn an_unread_response_is_cut() {
    let (activity, limits, opened) = connection(Protocol::Http1);
    let _request = activity.begin();
    activity.blocked(true, opened);
    activity.blocked(true, opened + 5 * SECOND);
    assert_eq!(activity.judge(&limits, opened + limits.stall_timeout), NextStep::Cut(Cut::Stalled));
    activity.blocked(false, opened + 9 * SECOND);
    assert!(matches!(activity.judge(&limits, opened + 11 * SECOND), NextStep::Wait(_)));
}

/// Polls the body once.
async fn poll(answer: &mut TrackedBody) -> Poll<Option<Bytes>> {
    let part = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *answer).poll_frame(cx))).await;
    part.map(|part| Some(part?.unwrap().into_data().unwrap()))
}

#[tokio::test]
async fn a_stream_may_be_silent_but_not_unread() {
    let (activity, limits, _) = connection(Protocol::Http2);
    let (sender, body) = stream();
    let mut answer = activity.begin().carry(body);
    assert_eq!(poll(&mut answer).await, Poll::Pending);
    let late = Instant::now() + limits.idle_timeout * 2;
    assert!(matches!(activity.judge(&limits, late), NextStep::Wait(_)));
    sender.send("an event".into()).await.unwrap();
    assert_eq!(poll(&mut answer).await, Poll::Ready(Some("an event".into())));
    // The client opens no window for the next part: the body is not polled.
    let (end, _) = activity.state().first_stall(&limits).unwrap();
    assert!(end <= Instant::now() + limits.stall_timeout);
    assert!(matches!(activity.judge(&limits, end - SECOND), NextStep::Wait(at) if at <= end));
    assert_eq!(activity.judge(&limits, end), NextStep::Cut(Cut::Stalled));
}

#[tokio::test]
async fn a_retiring_connection_ends_its_streams() {
    let (activity, _, opened) = connection(Protocol::Http2);
    let (first, body) = stream();
    let mut answer = activity.begin().carry(body);
    let late = activity.begin();
    let waiting = tokio::spawn(async move {
        let part = std::future::poll_fn(|cx| Pin::new(&mut answer).poll_frame(cx)).await;
        (part.is_none(), answer)
    });
    while activity.state().requests[0].waker.is_none() {
        tokio::task::yield_now().await;
    }
    activity.retire(opened);
    assert!(waiting.await.unwrap().0);
    assert!(first.is_closed());
    let (second, body) = stream();
    second.send("last".into()).await.unwrap();
    let mut late = late.carry(body);
    assert_eq!(poll(&mut late).await, Poll::Ready(Some("last".into())));
    assert_eq!(poll(&mut late).await, Poll::Ready(None));
}
