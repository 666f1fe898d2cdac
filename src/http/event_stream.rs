//! Answers that are streams of server-sent events (HTML, section 9.2).

use bytes::Bytes;
use futures_util::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};

use super::body;
use super::route::HttpResponse;

/// The header by which a client that opens a stream again names the last event it has seen.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A stream of these encoded events.
pub fn answer(events: impl Stream<Item = Bytes> + Send + 'static) -> HttpResponse {
    let mut answer = HttpResponse::new(body::stream(events));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx buffers a response unless this header forbids it.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    answer
}
