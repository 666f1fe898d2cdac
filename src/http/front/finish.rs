//! The last changes to every response.

use http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Response, StatusCode, Version};
use hyper::body::Body as _;

use crate::http::ResponseBody;
use crate::http::body;
use crate::id::RequestId;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Adds the headers of every response.
pub(super) fn finish(
    mut response: Response<ResponseBody>,
    method: &Method,
    version: Version,
    id: RequestId,
) -> Response<ResponseBody> {
    let status = response.status();
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        // RFC 9110 section 15.5.16.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    let response = if *method == Method::HEAD { without_body(response) } else { response };
    if version < Version::HTTP_2 { announce_close(response) } else { response }
}

/// The content that a page may load and the addresses that it may send to (CSP level 3). Nothing of another site, and no
/// script or style inside the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; \
                      trusted-types page";

/// Adds the headers of a page. Under `no-referrer` browsers would send `Origin: null` with the site's own forms.
/// With `is_strict`, the browser uses https only for a year (RFC 6797). Under a root of gatepass, a new root would leave it no way
/// past its warning.
pub(super) fn page(mut response: Response<ResponseBody>, is_strict: bool) -> Response<ResponseBody> {
    let headers = response.headers_mut();
    if is_strict {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Lets pages of any site read a public document. Credentials are never allowed with `*`.
pub(super) fn cross_origin(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// The answer to OPTIONS.
pub(super) fn options(allowed: &str) -> Response<ResponseBody> {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if let Ok(allowed) = HeaderValue::try_from(allowed) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

/// Replaces a `Basic` challenge in the response to a page. On `Basic` a browser asks for a password in a dialog of its
/// own, and keeps it for pages of any site. A 401 needs some challenge (RFC 9110 section 15.5.2).
pub(super) fn without_dialog(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    let challenge = response.headers_mut().get_mut(WWW_AUTHENTICATE);
    if let Some(basic) = challenge.filter(|challenge| challenge.as_bytes().starts_with(b"Basic ")) {
        *basic = HeaderValue::from_static("Bearer realm=\"gatepass\"");
    }
    response
}

/// HEAD reports the length of GET's body, if it is known (RFC 9110 section 9.3.2).
fn without_body(response: Response<ResponseBody>) -> Response<ResponseBody> {
    let (mut parts, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|_| parts.status != StatusCode::NOT_MODIFIED) {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(parts, body::empty())
}

/// Announces the end of the connection after a body that was not read to its end. Otherwise the client would send its
/// next request into it, and could not know if that one was processed (RFC 9112 section 9.6).
fn announce_close(mut response: Response<ResponseBody>) -> Response<ResponseBody> {
    if matches!(response.status(), StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
