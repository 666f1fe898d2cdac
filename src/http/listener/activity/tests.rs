//! The verdict of the limits at each moment.

use super::*;
use crate::http::stream::stream;

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
        assert_eq!(activity.judge(&limits, opened), Verdict::Wait(end));
        assert_eq!(activity.judge(&limits, end), Verdict::Cut(Cut::Silent));
    }
}

#[test]
fn a_dripping_header_is_cut() {
    let (activity, limits, opened) = connection(Protocol::Http1);
    activity.received(opened + 9 * SECOND);
    assert_eq!(activity.judge(&limits, opened + 10 * SECOND), Verdict::Cut(Cut::SlowHeader));
}

#[test]
fn an_idle_connection_outlasts_the_header_timeout() {
    let (activity, limits, opened) = connection(Protocol::Http1);
    drop(activity.begin());
    assert!(matches!(activity.judge(&limits, opened + 30 * SECOND), Verdict::Wait(_)));
    activity.received(opened + 30 * SECOND);
    assert_eq!(activity.judge(&limits, opened + 40 * SECOND), Verdict::Cut(Cut::SlowHeader));
}

#[test]
fn only_an_idle_connection_retires() {
    let (activity, limits, _) = connection(Protocol::Http2);
    let request = activity.begin();
    let late = Instant::now() + limits.idle_timeout + SECOND;
    assert!(matches!(activity.judge(&limits, late), Verdict::Wait(_)));
    drop(request);
    assert_eq!(activity.judge(&limits, late), Verdict::Retire);
}

#[test]
fn an_old_connection_retires_after_its_work() {
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
async fn a_stalled_response_is_cut() {
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
fn an_unread_response_is_cut() {
    let (activity, limits, opened) = connection(Protocol::Http1);
    let _request = activity.begin();
    activity.blocked(true, opened);
    activity.blocked(true, opened + 30 * SECOND);
    assert_eq!(activity.judge(&limits, opened + limits.idle_timeout), Verdict::Cut(Cut::Stalled));
    activity.blocked(false, opened + 60 * SECOND);
    assert!(matches!(activity.judge(&limits, opened + 61 * SECOND), Verdict::Wait(_)));
}
#[test]
fn a_stream_may_be_silent_but_not_unread() {
    let (activity, limits, _) = connection(Protocol::Http2);
    let (sender, body) = stream(4);
    let _answer = activity.begin().carry(body);
    let late = Instant::now() + limits.idle_timeout * 2;
    assert!(matches!(activity.judge(&limits, late), Verdict::Wait(_)));
    sender.offer("an event".into()).unwrap();
    let since = activity.state().slowest_stream().unwrap();
    let end = since + limits.stream_timeout;
    assert!(matches!(activity.judge(&limits, end - SECOND), Verdict::Wait(at) if at <= end));
    assert_eq!(activity.judge(&limits, end), Verdict::Cut(Cut::Stalled));
}

#[test]
fn a_socket_that_blocks_a_stream_is_cut_sooner() {
    let (activity, limits, opened) = connection(Protocol::Http1);
    let _answer = activity.begin().carry(stream(4).1);
    activity.blocked(true, opened);
    let end = opened + limits.stream_timeout;
    assert_eq!(activity.judge(&limits, end), Verdict::Cut(Cut::Stalled));
    assert!(matches!(activity.judge(&limits, end - SECOND), Verdict::Wait(at) if at <= end));
}

#[test]
fn a_retiring_connection_ends_its_streams() {
    let (activity, _, opened) = connection(Protocol::Http2);
    let (first, body) = stream(4);
    let _first = activity.begin().carry(body);
    let late = activity.begin();
    assert!(!first.is_gone());
    activity.retire(opened);
    assert!(first.is_gone());
    let (second, body) = stream(4);
    let _second = late.carry(body);
    assert!(second.is_gone());
}
