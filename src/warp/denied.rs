//! Why a filter lets nobody through, and how that reads on the wire: RFC 9457 problems, RFC 6750 challenges.

use ::warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use ::warp::http::{HeaderValue, StatusCode};
use ::warp::reject::{Reject, Rejection};
use ::warp::reply::Response;
use serde_json::json;

use crate::token::VerifyError;
use crate::verifier;
use crate::verifier::hosts::HostRefusal;

/// How soon a service whose data is too old is worth asking again, in seconds.
const RETRY_AFTER_SECONDS: &str = "5";

/// Why a request is not let in. The filters of this room reject with it; [`recover`] renders it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No `Authorization: Bearer`.
    #[error("a service token is needed; send it as `Authorization: Bearer`")]
    NoToken,
    /// More than one credential, or one that is no text.
    #[error("send one Authorization header, with one service token")]
    Ambiguous,
    /// A token that is not good here.
    #[error(transparent)]
    Token(#[from] verifier::Refusal),
    /// Somebody, but without the role that this route wants.
    #[error("this needs the role {role:?}; ask for a token, or enroll the host, with it")]
    MissingRole {
        /// The role.
        role: String,
    },
    /// A host that is not let in.
    #[error(transparent)]
    Host(#[from] HostRefusal),
}

impl Reject for Denied {}

impl Denied {
    /// The status of the answer.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Ambiguous => StatusCode::BAD_REQUEST,
            Self::MissingRole { .. } => StatusCode::FORBIDDEN,
            Self::Token(error) if error.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Host(refusal) if refusal.is_unavailable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoToken | Self::Token(_) | Self::Host(_) => StatusCode::UNAUTHORIZED,
        }
    }

    /// The code that scripts match; also the end of the problem's `type`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ambiguous => "invalid_request",
            Self::MissingRole { .. } => "insufficient_scope",
            Self::NoToken => "unauthenticated",
            Self::Token(error) if error.is_unavailable() => "verifier_stale",
            Self::Host(refusal) if refusal.is_unavailable() => "verifier_stale",
            Self::Token(_) => "invalid_token",
            Self::Host(_) => "invalid_certificate",
        }
    }

    /// The challenge of RFC 6750 section 3: without an error code for who brought no token.
    const fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::NoToken => Some("Bearer realm=\"gatepass\""),
            Self::Ambiguous => Some("Bearer realm=\"gatepass\", error=\"invalid_request\""),
            Self::MissingRole { .. } => Some("Bearer realm=\"gatepass\", error=\"insufficient_scope\""),
            Self::Token(error) if !error.is_unavailable() => {
                Some("Bearer realm=\"gatepass\", error=\"invalid_token\"")
            }
            Self::Token(_) | Self::Host(_) => None,
        }
    }

    /// What a stranger may know. Why exactly a token was refused helps who forges one.
    fn detail(&self) -> String {
        match self {
            Self::Token(error) if !error.is_unavailable() && !is_of_good_signature(error) => {
                "the token is not valid for this service; ask for a new one for this audience".to_owned()
            }
            told => told.to_string(),
        }
    }

    /// The answer: a problem document (RFC 9457) that no cache keeps.
    pub fn response(&self) -> Response {
        let (status, code) = (self.status(), self.code());
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
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}

/// Whether the token's signature was good: its holder may know what is wrong with it.
const fn is_of_good_signature(refusal: &verifier::Refusal) -> bool {
    match refusal {
        verifier::Refusal::Token(error) => matches!(error, VerifyError::Expired | VerifyError::NotYetValid),
        _ => true,
    }
}

/// Renders a [`Denied`] as an answer and passes every other rejection on: for `Filter::recover`, behind all routes.
///
/// # Errors
/// The rejection, if it is none of this room's.
pub async fn recover(rejection: Rejection) -> Result<Response, Rejection> {
    match rejection.find::<Denied>() {
        Some(refusal) => Ok(refusal.response()),
        None => Err(rejection),
    }
}
