//! Published documents: serialised, tagged and compressed once, when their content changes.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;

use crate::id::Fingerprint;

/// A document that anyone may fetch, ready to be sent.
///
/// Making one hashes and compresses its bytes; cloning one copies no bytes.
#[derive(Clone, Debug)]
pub struct Document {
    /// The value of `Content-Type`.
    pub media_type: HeaderValue,
    /// The value of `Cache-Control`.
    pub cache_control: HeaderValue,
    /// The document without a content coding.
    pub plain: Representation,
    /// The document in gzip, if that is smaller.
    pub gzip: Option<Representation>,
}

/// A document in one content coding, with the entity tag of that coding (RFC 9110 section 8.8.3).
#[derive(Clone, Debug)]
pub struct Representation {
    /// The body.
    pub bytes: Bytes,
    /// The strong entity tag.
    pub etag: HeaderValue,
}

impl Document {
    /// A document of this media type that caches may keep for `max_age` seconds.
    pub fn new(media_type: &'static str, max_age: u32, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let etag = etag(&bytes, "");
        let cache_control = HeaderValue::try_from(format!("public, max-age={max_age}"));
        Self {
            media_type: HeaderValue::from_static(media_type),
            cache_control: cache_control.unwrap_or_else(|_| HeaderValue::from_static("no-cache")),
            plain: Representation { bytes, etag },
            gzip: None,
        }
    }

    /// Adds a gzip representation (RFC 1952) if it is smaller by an eighth or more.
    ///
    /// Compressing takes a few milliseconds per 100 KiB.
    #[must_use]
    pub fn compressed(mut self) -> Self {
        let plain = &self.plain.bytes;
        let gzip = gzip(plain).filter(|gzip| gzip.len() <= plain.len() - plain.len() / 8);
        self.gzip = gzip.map(|gzip| Representation { bytes: gzip.into(), etag: etag(plain, "-gzip") });
        self
    }
}

/// A tag derived from the plain bytes: the same document keeps its tag across restarts.
fn etag(plain: &[u8], coding: &str) -> HeaderValue {
    let tag = HeaderValue::try_from(format!("\"{}{coding}\"", Fingerprint::of(plain)));
    // Quoted hexadecimal is always a valid header value.
    tag.unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}
