//! Tags, codings, and when a document is made anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, HeaderName};
use http_body_util::BodyExt as _;

use super::*;

const TEXT: &str = "what is said again and again, again and again, again and again, again and again";

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
fn a_caller_that_has_the_document_gets_304() {
    let first = document().serve(&HeaderMap::new());
    assert_eq!(first.status(), 200);
    let etag = first.headers()[ETAG].to_str().unwrap().to_owned();
    for known in [etag.clone(), format!("W/{etag}"), format!("\"a\", {etag}"), "*".to_owned()] {
        let again = document().serve(&headers(&[(IF_NONE_MATCH, &known)]));
        assert_eq!((again.status().as_u16(), again.headers().get(CONTENT_TYPE)), (304, None), "{known}");
        assert_eq!(again.headers()[ETAG], etag);
        assert_eq!(again.headers()[VARY], "accept-encoding");
    }
    let two_lines = headers(&[(IF_NONE_MATCH, "\"a\""), (IF_NONE_MATCH, &etag)]);
    assert_eq!(document().serve(&two_lines).status(), 304);
    for unknown in ["\"a\"", "W/\"a\"", "", etag.trim_matches('"')] {
        assert_eq!(document().serve(&headers(&[(IF_NONE_MATCH, unknown)])).status(), 200, "{unknown}");
    }
    let other = Document::new("text/plain", 30, "other").serve(&headers(&[(IF_NONE_MATCH, &etag)]));
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn who_takes_gzip_gets_it_under_a_tag_of_its_own() {
    let plain = document().serve(&HeaderMap::new());
    let coded = document().serve(&accepts("gzip"));
    assert_eq!(coded.headers()[CONTENT_ENCODING], "gzip");
    assert_ne!(coded.headers()[ETAG], plain.headers()[ETAG]);
    for answer in [&plain, &coded] {
        assert_eq!(answer.headers()[VARY], "accept-encoding");
    }
    let etag = coded.headers()[ETAG].to_str().unwrap().to_owned();
    let known = [(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, etag.as_str())];
    assert_eq!(document().serve(&headers(&known)).status(), 304);
    assert_eq!(document().serve(&headers(&known[1..])).status(), 200, "that tag is gzip's");
    let bytes = coded.into_body().collect().await.unwrap().to_bytes();
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    decoder.write_all(&bytes).unwrap();
    assert_eq!(decoder.finish().unwrap(), TEXT.as_bytes());
}

#[test]
fn gzip_is_for_those_alone_who_ask_for_it() {
    let coded = |value| document().serve(&accepts(value)).headers().contains_key(CONTENT_ENCODING);
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
fn what_gzip_does_not_make_smaller_is_served_as_it_is() {
    let answer = Document::new("text/plain", 30, "short").compressed().serve(&accepts("gzip"));
    assert_eq!((answer.headers().get(CONTENT_ENCODING), answer.headers().get(VARY)), (None, None));
    Document::new("text/plain", 30, "").compressed().serve(&accepts("gzip"));
}

#[test]
fn a_document_is_made_once_for_each_source() {
    let (shelf, made) = (Shelf::<String, str>::default(), AtomicUsize::new(0));
    let ask = |name: &str, source: &Arc<str>| {
        let document = shelf.document(name, source, |source| {
            made.fetch_add(1, Ordering::Relaxed);
            Document::new("text/plain", 30, source.to_owned())
        });
        document.bytes().clone()
    };
    let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
    assert_eq!((ask("a", &one), ask("a", &one)), ("one".into(), "one".into()));
    assert_eq!(made.load(Ordering::Relaxed), 1);
    assert_eq!((ask("a", &two), ask("b", &two), ask("a", &two)), ("two".into(), "two".into(), "two".into()));
    assert_eq!(made.load(Ordering::Relaxed), 3);
}

#[test]
fn a_source_that_has_gone_is_not_held_back() {
    let shelf = Shelf::<u8, String>::default();
    let source = Arc::new("one".to_owned());
    let make = |source: &String| Document::new("text/plain", 30, source.clone());
    shelf.document(&1, &source, make);
    let watch = Arc::downgrade(&source);
    drop(source);
    assert!(watch.upgrade().is_none());
    shelf.document(&2, &Arc::new("two".to_owned()), make);
    assert_eq!(shelf.len(), 1, "its document has gone with the next");
}
