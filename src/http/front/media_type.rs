//! The coding of request bodies: JSON or a form in UTF-8, without a content coding.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};

use crate::http::problem::{Code, Problem};
use crate::http::route::Route;

/// Refuses a body that would have to be decoded before it is read. A body without a media type has the one of its route's
/// dialect.
pub(super) fn check(route: &Route, headers: &HeaderMap) -> Result<(), Problem> {
    if route.body_limit == 0 {
        return Ok(());
    }
    let mut codings = values(headers, CONTENT_ENCODING);
    if let Some(coding) = codings.find(|coding| coding.trim() != "identity") {
        return refused(format!("the body is coded as {coding:?}; send it without a content coding"));
    }
    let Some(media_type) = values(headers, CONTENT_TYPE).next() else { return Ok(()) };
    let mut parts = media_type.split(';').map(str::trim);
    (route.dialect.accepts)(parts.next().unwrap_or(""))?;
    let charset = parts.find_map(|part| part.strip_prefix("charset="));
    match charset.map(|charset| charset.trim_matches('"')) {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(other) => refused(format!("the body's charset is {other:?}; send UTF-8")),
    }
}

/// The values of a header in lower case. A value that is not text is empty.
fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = String> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("").to_ascii_lowercase())
}

fn refused(detail: String) -> Result<(), Problem> {
    Err(Problem::of(Code::UnsupportedMediaType, detail))
}
