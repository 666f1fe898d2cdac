//! The errors of OAuth endpoints (RFC 6749 section 5.2).

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::http::problem::dialect::{Dialect, ErrorSchema};
use crate::http::problem::{Code, Problem};

/// `{"error","error_description"}`. Request bodies are forms.
pub(in crate::http::api) static OAUTH: Dialect = Dialect {
    name: "oauth",
    covers: |path| path.starts_with("/oauth2/"),
    accepts,
    oauth_clients: true,
    cookies: true,
    page: None,
    media_type: "application/json",
    body,
    schema: ErrorSchema { name: "OAuthError", code: "/error", prefix: "oauth_" },
};

/// An OAuth error (RFC 6749 section 5.2).
#[derive(Serialize, ToSchema)]
pub(in crate::http::api) struct OAuthError<'a> {
    /// The code that scripts match.
    #[schema(pattern = "^[a-z_]+$", example = "invalid_request")]
    error: &'a str,
    /// The cause and the next step, for people.
    #[schema(example = "the parameter token is missing")]
    error_description: &'a str,
}

fn accepts(media_type: &str) -> Result<(), Problem> {
    match media_type {
        "application/x-www-form-urlencoded" => Ok(()),
        _ => Err(Problem::bad_request(
            "send a form, with the header Content-Type: application/x-www-form-urlencoded",
        )),
    }
}

fn body(problem: &Problem) -> String {
    json!(OAuthError { error: error(problem.code), error_description: &problem.detail }).to_string()
}

/// RFC 6749 defines codes for some problems. The others keep their own.
fn error(code: Code) -> &'static str {
    match code {
        Code::Unauthenticated => "invalid_client",
        Code::Forbidden => "unauthorized_client",
        Code::InternalError => "server_error",
        code if code.status() == StatusCode::SERVICE_UNAVAILABLE => "temporarily_unavailable",
        code => code.as_str(),
    }
}
