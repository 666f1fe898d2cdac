//! Documents that anyone may fetch: made ahead, tagged, served from memory even when the store is down.

use http::{HeaderMap, StatusCode, header};

use super::reply::Reply;
use crate::id::Fingerprint;

/// `bytes` with an entity tag (RFC 9110 section 8.8.3); 304 if the caller has them already.
pub fn serve(headers: &HeaderMap, media_type: &str, max_age: u32, bytes: impl Into<bytes::Bytes>) -> Reply {
    let bytes = bytes.into();
    let tag = format!("\"{}\"", Fingerprint::of(&bytes));
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let fresh = known.flat_map(|value| value.split(',')).any(|value| {
        let value = value.trim();
        value == "*" || value.strip_prefix("W/").unwrap_or(value) == tag
    });
    let reply = match fresh {
        true => Reply::bytes(StatusCode::NOT_MODIFIED, media_type, bytes::Bytes::new()),
        false => Reply::bytes(StatusCode::OK, media_type, bytes),
    };
    reply.header("etag", &tag).header("cache-control", &format!("public, max-age={max_age}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_has_the_document_gets_304() {
        let first = serve(&HeaderMap::new(), "text/plain", 30, "one");
        assert_eq!(first.status(), 200);
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, first.0.headers()[header::ETAG].clone());
        let second = serve(&headers, "text/plain", 30, "one");
        assert_eq!((second.status().as_u16(), second.0.body().len()), (304, 0));
        assert_eq!(serve(&headers, "text/plain", 30, "two").status(), 200);
    }
}
