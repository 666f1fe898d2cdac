//! Documents that anyone may fetch: made ahead, tagged, served from memory even when the store is down.

mod negotiation;
mod shelf;

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, VARY,
};
use http::{HeaderMap, Response, StatusCode};

use self::negotiation::{has, takes_gzip};
pub use self::shelf::Shelf;
use super::body;
use super::route::Answer;
use crate::id::Fingerprint;

/// A document with everything that its answers need: nothing of it is serialised, hashed or compressed per request.
#[derive(Clone, Debug)]
pub struct Document {
    media_type: HeaderValue,
    cache_control: HeaderValue,
    plain: Coded,
    gzip: Option<Coded>,
}

/// The document in one content coding, with that one's entity tag (RFC 9110 section 8.8.3).
#[derive(Clone, Debug)]
struct Coded {
    bytes: Bytes,
    etag: HeaderValue,
}

impl Document {
    /// `bytes` of `media_type`, which caches may keep for `max_age` seconds.
    pub fn new(media_type: &'static str, max_age: u32, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let etag = tag(&bytes, "");
        let seconds = format!("public, max-age={max_age}");
        Self {
            media_type: HeaderValue::from_static(media_type),
            cache_control: HeaderValue::try_from(seconds)
                .unwrap_or_else(|_| HeaderValue::from_static("no-cache")),
            plain: Coded { bytes, etag },
            gzip: None,
        }
    }

    /// The same, also in gzip (RFC 1952) where that saves an eighth or more. It takes a few milliseconds per 100 KiB.
    #[must_use]
    pub fn compressed(mut self) -> Self {
        let plain = &self.plain.bytes;
        let gzip = gzip(plain).filter(|gzip| gzip.len() <= plain.len() - plain.len() / 8);
        self.gzip = gzip.map(|gzip| Coded { bytes: gzip.into(), etag: tag(plain, "-gzip") });
        self
    }

    /// The document as it is, without a coding.
    pub const fn bytes(&self) -> &Bytes {
        &self.plain.bytes
    }

    /// The answer to a request with these headers: 304 if the caller has it already (RFC 9110 section 13.1.2), gzip if the
    /// caller takes that (section 12.5.3).
    pub fn serve(&self, headers: &HeaderMap) -> Answer {
        let gzip = self.gzip.as_ref().filter(|_| takes_gzip(headers.get_all(ACCEPT_ENCODING)));
        let coded = gzip.unwrap_or(&self.plain);
        let mut answer = Response::new(body::empty());
        let said = answer.headers_mut();
        said.reserve(8);
        said.insert(ETAG, coded.etag.clone());
        said.insert(CACHE_CONTROL, self.cache_control.clone());
        if self.gzip.is_some() {
            said.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if has(headers.get_all(IF_NONE_MATCH), &coded.etag) {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            return answer;
        }
        said.insert(CONTENT_TYPE, self.media_type.clone());
        if gzip.is_some() {
            said.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        *answer.body_mut() = body::full(coded.bytes.clone());
        answer
    }
}

/// A tag made of the plain bytes: the same document has the same tag after a restart.
fn tag(plain: &[u8], coding: &str) -> HeaderValue {
    let tag = HeaderValue::try_from(format!("\"{}{coding}\"", Fingerprint::of(plain)));
    // Hexadecimal in quotes is a header's value always; no other document has this one.
    tag.unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests;
