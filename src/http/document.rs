//! Responses that serve a published document, by the request's conditions and codings.

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, GetAll, HeaderValue, IF_NONE_MATCH,
    VARY,
};
use http::{HeaderMap, Response, StatusCode};

use super::reply::Reply;
use crate::service::document::Document;

/// The response to a request with these headers.
///
/// Returns 304 if the client has the document (RFC 9110 section 13.1.2), and gzip if the client accepts it
/// (section 12.5.3).
pub fn serve(document: &Document, headers: &HeaderMap) -> Reply {
    let gzip = document.gzip.as_ref().filter(|_| accepts_gzip(headers.get_all(ACCEPT_ENCODING)));
    let representation = gzip.unwrap_or(&document.plain);
    let mut response = Response::new(Bytes::new());
    let sent = response.headers_mut();
    sent.reserve(8);
    sent.insert(ETAG, representation.etag.clone());
    sent.insert(CACHE_CONTROL, document.cache_control.clone());
    if document.gzip.is_some() {
        sent.insert(VARY, HeaderValue::from_static("accept-encoding"));
    }
    let known = representation.etag.to_str().is_ok_and(|etag| matches(headers.get_all(IF_NONE_MATCH), etag));
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Reply(response);
    }
    sent.insert(CONTENT_TYPE, document.media_type.clone());
    if gzip.is_some() {
        sent.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    *response.body_mut() = representation.bytes.clone();
    Reply(response)
}

/// Returns true if `If-None-Match` names this tag, weakly or strongly, or any tag (RFC 9110 section 13.1.2).
pub(super) fn matches(values: GetAll<'_, HeaderValue>, etag: &str) -> bool {
    members(values).any(|member| member == "*" || member.strip_prefix("W/").unwrap_or(member) == etag)
}

/// Returns true if `Accept-Encoding` accepts gzip, by name or by `*`, with a weight above zero.
///
/// Without the header there is no coding: scripts that save a body do not expect one.
fn accepts_gzip(values: GetAll<'_, HeaderValue>) -> bool {
    let (mut named, mut any) = (None, None);
    for member in members(values) {
        let (coding, parameters) = member.split_once(';').unwrap_or((member, ""));
        let coding = coding.trim();
        let accepted = Some(above_zero(parameters));
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            named = accepted;
        } else if coding == "*" {
            any = accepted;
        }
    }
    named.or(any).unwrap_or(false)
}

/// Returns true if the weight is above zero (RFC 9110 section 12.4.2); a malformed one is not.
fn above_zero(parameters: &str) -> bool {
    let Some((name, value)) = parameters.split_once('=') else { return parameters.trim().is_empty() };
    let weight = value.trim().parse::<f32>();
    name.trim().eq_ignore_ascii_case("q") && weight.is_ok_and(|weight| weight > 0.0 && weight <= 1.0)
}

/// The members of a list over all its header lines (RFC 9110 section 5.6.1).
fn members(values: GetAll<'_, HeaderValue>) -> impl Iterator<Item = &str> {
    let lines = values.into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty())
}

#[cfg(test)]
mod tests;
