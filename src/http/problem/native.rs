//! The native dialect: RFC 9457 problems.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{Code, Problem};
use crate::http::dialect::{Dialect, ErrorSchema};
use crate::service::FieldError;

/// RFC 9457 problems. Request bodies are JSON.
pub static NATIVE: Dialect = Dialect {
    name: "native",
    covers: |_| true,
    accepts,
    media_type: "application/problem+json",
    body,
    schema: Some(ErrorSchema { name: "Problem", code: "code", prefix: "" }),
};

/// An error (RFC 9457). Match `code`.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(in crate::http) struct NativeBody<'a> {
    /// `urn:gatepass:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "urn:gatepass:problem:not_found")]
    kind: String,
    /// The code in words.
    #[schema(example = "Not found")]
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, example = 404)]
    status: u16,
    /// The cause and the next step, for people. Never a secret.
    #[schema(example = "there is no such token")]
    detail: &'a str,
    /// The code that scripts match.
    #[schema(pattern = "^[a-z_]+$", example = "not_found")]
    code: &'a str,
    /// The error of each invalid field.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    fields: &'a [FieldError],
}

fn accepts(media_type: &str) -> Result<(), Problem> {
    if media_type == "application/json" || media_type.ends_with("+json") {
        return Ok(());
    }
    let detail = "send JSON, with the header Content-Type: application/json";
    Err(Problem::of(Code::UnsupportedMediaType, detail))
}

fn body(problem: &Problem) -> Value {
    let Problem { code, detail, fields, .. } = problem;
    json!(NativeBody {
        kind: format!("urn:gatepass:problem:{}", code.as_str()),
        title: code.title(),
        status: code.status().as_u16(),
        detail,
        code: code.as_str(),
        fields,
    })
}
