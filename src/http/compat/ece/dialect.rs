//! The errors of Elastic Cloud Enterprise.

use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::http::problem::dialect::{Dialect, ErrorSchema};

/// `{"errors":[{"code","message"}]}`. Request bodies are JSON of any media type.
pub(in crate::http) static ECE: Dialect = Dialect {
    name: "ece",
    covers: |path| {
        path.contains("/platform/configuration/security/")
            || path.starts_with("/api/v1/users/auth/")
            || path == "/api/v1/user"
    },
    accepts: |_| Ok(()),
    oauth_clients: false,
    cookies: false,
    page: None,
    media_type: "application/json",
    body,
    schema: ErrorSchema { name: "BasicFailedReply", code: "/errors/0/code", prefix: "ece_" },
};

/// The body of an error.
#[derive(Serialize, ToSchema)]
pub(in crate::http::compat) struct BasicFailedReply<'a> {
    /// One error.
    errors: [FailedReplyElement<'a>; 1],
}

#[derive(Serialize, ToSchema)]
#[schema(as = BasicFailedReplyElement)]
struct FailedReplyElement<'a> {
    /// The code that scripts match.
    #[schema(example = "root.unauthenticated")]
    code: &'a str,
    /// The cause and the next step, for people.
    #[schema(example = "sign in with a user name and a password")]
    message: &'a str,
    /// The invalid fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    fields: Vec<&'a str>,
}

fn body(problem: &Problem) -> String {
    let fields = problem.fields.iter().map(|fault| fault.field.as_str()).collect();
    let code = problem.compat_code.unwrap_or(code(problem.status()));
    json!(BasicFailedReply { errors: [FailedReplyElement { code, message: &problem.detail, fields }] })
        .to_string()
}

fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "root.unauthenticated",
        StatusCode::FORBIDDEN => "root.unauthorized",
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => "enrollment_tokens.invalid_token_request",
        StatusCode::NOT_FOUND => "root.resource_not_found",
        StatusCode::METHOD_NOT_ALLOWED => "root.method_not_allowed",
        StatusCode::CONFLICT => "enrollment_tokens.emergency_token",
        StatusCode::TOO_MANY_REQUESTS => "root.too_many_requests",
        status if status.is_client_error() => "root.bad_request",
        _ => "root.unavailable",
    }
}
