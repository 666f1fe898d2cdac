//! Conditional requests and content codings.

use std::io::Write as _;

use http::{HeaderMap, HeaderName};

use super::*;

const TEXT: &str = "a text that repeats, and repeats, and repeats, and repeats, and repeats, and repeats";

fn serve(document: &Document, headers: &HeaderMap) -> Response<Bytes> {
    super::serve(document, headers).0
}

fn document() -> Document {
    Document::new("text/plain", 30, TEXT).compressed()
}

fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value.parse().unwrap());
    }
    headers
}

fn accepts(value: &str) -> HeaderMap {
    headers(&[(ACCEPT_ENCODING, value)])
}

#[test]
fn a_client_that_has_the_document_gets_304() {
    let first = serve(&document(), &HeaderMap::new());
    assert_eq!(first.status(), 200);
    let etag = first.headers()[ETAG].to_str().unwrap().to_owned();
    for known in [etag.clone(), format!("W/{etag}"), format!("\"a\", {etag}"), "*".to_owned()] {
        let again = serve(&document(), &headers(&[(IF_NONE_MATCH, &known)]));
        assert_eq!((again.status().as_u16(), again.headers().get(CONTENT_TYPE)), (304, None), "{known}");
        assert_eq!(again.headers()[ETAG], etag);
        assert_eq!(again.headers()[VARY], "accept-encoding");
    }
    let two_lines = headers(&[(IF_NONE_MATCH, "\"a\""), (IF_NONE_MATCH, &etag)]);
    assert_eq!(serve(&document(), &two_lines).status(), 304);
    for unknown in ["\"a\"", "W/\"a\"", "", etag.trim_matches('"')] {
        assert_eq!(serve(&document(), &headers(&[(IF_NONE_MATCH, unknown)])).status(), 200, "{unknown}");
    }
    let other = serve(&Document::new("text/plain", 30, "other"), &headers(&[(IF_NONE_MATCH, &etag)]));
    assert_eq!(other.status(), 200);
}

#[test]
fn gzip_has_an_entity_tag_of_its_own() {
    let plain = serve(&document(), &HeaderMap::new());
    let coded = serve(&document(), &accepts("gzip"));
    assert_eq!(coded.headers()[CONTENT_ENCODING], "gzip");
    assert_ne!(coded.headers()[ETAG], plain.headers()[ETAG]);
    for answer in [&plain, &coded] {
        assert_eq!(answer.headers()[VARY], "accept-encoding");
    }
    let etag = coded.headers()[ETAG].to_str().unwrap().to_owned();
    let known = [(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, etag.as_str())];
    assert_eq!(serve(&document(), &headers(&known)).status(), 304);
    assert_eq!(serve(&document(), &headers(&known[1..])).status(), 200, "that tag is gzip's");
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    decoder.write_all(coded.body()).unwrap();
    assert_eq!(decoder.finish().unwrap(), TEXT.as_bytes());
}

#[test]
fn gzip_is_sent_only_if_accepted() {
    let coded = |value| serve(&document(), &accepts(value)).headers().contains_key(CONTENT_ENCODING);
    for yes in ["gzip", "GZIP;q=0.1", "br, gzip", "x-gzip", "*", "identity;q=0.5, *;q=0.1", "gzip ; q=1"] {
        assert!(coded(yes), "{yes}");
    }
    for no in [
        "",
        "identity",
        "br",
        "gzip;q=0",
        "gzip; Q=0.000",
        "gzip;q=0, *",
        "*;q=0",
        "gzip;q=x",
        "gzip;q=2",
        "gzip;x",
    ] {
        assert!(!coded(no), "{no}");
    }
}

#[test]
fn an_incompressible_document_is_sent_plain() {
    let answer = serve(&Document::new("text/plain", 30, "short").compressed(), &accepts("gzip"));
    assert_eq!((answer.headers().get(CONTENT_ENCODING), answer.headers().get(VARY)), (None, None));
    serve(&Document::new("text/plain", 30, "").compressed(), &accepts("gzip"));
}
