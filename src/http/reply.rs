//! Responses of handlers.

use bytes::Bytes;
use futures_util::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::ResponseBody;
use super::body;

/// A response with its whole body.
#[derive(Clone, Debug)]
pub struct Reply(pub Response<Bytes>);

impl Reply {
    /// `value` as JSON. Caches must not store it.
    pub fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let body = serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec());
        Self::bytes(status, "application/json", body).header("cache-control", "no-store")
    }

    /// `value` as JSON with status 200.
    pub fn ok(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// A body of this media type.
    pub fn bytes(status: StatusCode, media_type: &str, body: impl Into<Bytes>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        Self(response).header("content-type", media_type)
    }

    /// A redirect that a browser follows with GET (RFC 9110 section 15.4.4).
    pub fn see_other(address: &str) -> Self {
        Self::empty(StatusCode::SEE_OTHER).header("location", address)
    }

    /// A response without a body. Caches must not store it.
    pub fn empty(status: StatusCode) -> Self {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        Self(response).header("cache-control", "no-store")
    }

    /// The same response with a header set.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0.headers_mut().insert(HeaderName::from_static(name), value);
        }
        self
    }
}

/// JSON Lines that are sent part by part. Caches must not store them.
pub fn json_lines(
    status: StatusCode,
    parts: impl Stream<Item = Bytes> + Send + 'static,
) -> Response<ResponseBody> {
    let mut response = Response::new(body::stream(parts));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx buffers a response unless this header forbids it.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

impl From<Reply> for Response<ResponseBody> {
    fn from(Reply(response): Reply) -> Self {
        response.map(body::full)
    }
}
