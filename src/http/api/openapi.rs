//! `GET /openapi.json`: the API for programs.

use std::sync::OnceLock;

use serde_json::Value;

use super::described::{bodies, described};
use crate::http::direct_request::DirectRequest;
use crate::http::document::serve as serve_document;
use crate::http::openapi::{self, NotModified, tags};
use crate::http::route::{Answer, Route};
use crate::service::document::Document;

/// Cache lifetime, in seconds.
const AGE: u32 = 300;

/// The document of the native API at `url`.
pub fn document(public_metrics: bool, url: &str) -> Value {
    openapi::document(&super::routes(public_metrics), &bodies(), url)
}

/// The row. The external URL never changes in a run, so that the document is made once.
pub(super) fn route(public_metrics: bool) -> Route {
    let made = OnceLock::new();
    described!(serve).direct(move |asked| Ok(serve(asked, public_metrics, &made)))
}

/// Fetch this document
///
/// OpenAPI 3.1: every native route, with shapes, errors and credentials.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = tags::OPERATION,
    responses(
        (status = 200, description = "The document.", body = Object, content_type = "application/json",
            example = json!({ "openapi": "3.1.0" })),
        NotModified,
    ),
)]
pub(super) fn serve(asked: &DirectRequest<'_>, public_metrics: bool, made: &OnceLock<Document>) -> Answer {
    let make = || {
        let text = document(public_metrics, asked.authority.trust.issuers().current()).to_string();
        Document::new("application/json", AGE, text).compressed()
    };
    serve_document(made.get_or_init(make), asked.headers)
}

#[cfg(test)]
mod tests;
