//! The native dialect: RFC 9457 problems.

use serde_json::json;

use super::{Code, Problem};
use crate::http::problem::dialect::{Dialect, ErrorSchema};
use crate::wire::ProblemBody;

/// RFC 9457 problems. Request bodies are JSON.
pub static NATIVE: Dialect = Dialect {
    name: "native",
    covers: |_| true,
    accepts,
    oauth_clients: false,
    cookies: true,
    page: None,
    media_type: "application/problem+json",
    body,
    schema: ErrorSchema { name: "Problem", code: "/code", prefix: "" },
};

fn accepts(media_type: &str) -> Result<(), Problem> {
    if media_type == "application/json" || media_type.ends_with("+json") {
        return Ok(());
    }
    let detail = "send JSON, with the header Content-Type: application/json";
    Err(Problem::of(Code::UnsupportedMediaType, detail))
}

fn body(problem: &Problem) -> String {
    let Problem { code, detail, fields, .. } = problem;
    json!(ProblemBody {
        kind: format!("urn:gatepass:problem:{}", code.as_str()),
        title: code.title().to_owned(),
        status: code.status().as_u16(),
        detail: detail.clone(),
        code: code.as_str().to_owned(),
        fields: fields.clone(),
    })
    .to_string()
}
