//! Rejections of the filters, as RFC 9457 problems with RFC 6750 challenges.

use ::warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use ::warp::http::{HeaderValue, StatusCode};
use ::warp::reject::{Reject, Rejection};
use ::warp::reply::Response;
use serde_json::json;

use crate::token::VerifyError;
use crate::verifier;
use crate::verifier::hosts::HostRefusal;

/// `Retry-After` of a service whose keys or lists are stale, in seconds.
const RETRY_AFTER_SECONDS: &str = "5";
/// Status and code of a service that cannot judge.
const STALE: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "verifier_stale");

/// A rejected request. The filters of this module reject with it; [`recover`] renders it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No `Authorization: Bearer`.
    #[error("a service token is needed; send it as `Authorization: Bearer`")]
    NoToken,
    /// Several credentials, or one that is not text.
    #[error("send one Authorization header, with one service token")]
    Ambiguous,
    /// A refused token.
    #[error(transparent)]
    Token(#[from] verifier::Refusal),
    /// A valid credential without the role that this route requires.
    #[error("this needs the role {role:?}; ask for a token, or enroll the host, with it")]
    MissingRole {
        /// Name of the required role.
        role: String,
    },
    /// A refused host.
    #[error(transparent)]
    Host(#[from] HostRefusal),
}

impl Reject for Denied {}

impl Denied {
    /// The status of the response.
    pub const fn status(&self) -> StatusCode {
        self.answer().0
    }

    /// The code that scripts match, which is also the end of the problem's `type`.
    pub const fn code(&self) -> &'static str {
        self.answer().1
    }

    const fn answer(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NoToken => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::Ambiguous => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::MissingRole { .. } => (StatusCode::FORBIDDEN, "insufficient_scope"),
            Self::Token(error) if error.is_unavailable() => STALE,
            Self::Host(refusal) if refusal.is_unavailable() => STALE,
            Self::Token(_) => (StatusCode::UNAUTHORIZED, "invalid_token"),
            Self::Host(_) => (StatusCode::UNAUTHORIZED, "invalid_certificate"),
        }
    }

    /// The challenge of RFC 6750 section 3, without an error code if the request has no token.
    fn challenge(&self) -> Option<String> {
        match self {
            Self::NoToken => Some("Bearer realm=\"gatepass\"".to_owned()),
            Self::Token(error) if error.is_unavailable() => None,
            Self::Host(_) => None,
            _ => Some(format!("Bearer realm=\"gatepass\", error=\"{}\"", self.code())),
        }
    }

    /// The detail shown to the client. The exact reason would help to forge a token.
    fn detail(&self) -> String {
        match self {
            Self::Token(error) if !error.is_unavailable() && !is_of_good_signature(error) => {
                "the token is not valid for this service; ask for a new one for this audience".to_owned()
            }
            told => told.to_string(),
        }
    }

    /// The response: a problem document (RFC 9457) that caches do not store.
    pub fn response(&self) -> Response {
        let (status, code) = self.answer();
        let words = code.replace('_', " ");
        let (first, rest) = words.split_at(1);
        let problem = json!({
            "type": format!("urn:gatepass:problem:{code}"),
            "title": first.to_uppercase() + rest,
            "status": status.as_u16(),
            "detail": self.detail(),
            "code": code,
        });
        let mut response = Response::new(problem.to_string().into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge().and_then(|text| text.try_into().ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}

/// Returns true if the signature is valid: then the client may see the exact reason.
const fn is_of_good_signature(refusal: &verifier::Refusal) -> bool {
    match refusal {
        verifier::Refusal::Token(error) => matches!(error, VerifyError::Expired | VerifyError::NotYetValid),
        _ => true,
    }
}

/// Renders a [`Denied`] as a response and passes on every other rejection. Use it with `Filter::recover` after all routes.
///
/// # Errors
/// The rejection, if it is not a [`Denied`].
pub async fn recover(rejection: Rejection) -> Result<Response, Rejection> {
    match rejection.find::<Denied>() {
        Some(refusal) => Ok(refusal.response()),
        None => Err(rejection),
    }
}
