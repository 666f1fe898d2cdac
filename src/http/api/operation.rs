//! Health and metrics.

use std::time::Instant;

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, LINK, VARY};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body;
use crate::http::call::Call;
use crate::http::head::Head;
use crate::http::metrics;
use crate::http::problem::{Problem, code};
use crate::http::reply::Reply;
use crate::http::route::HttpResponse;
use crate::service::Authority;
use crate::service::health::Check;

/// The answer to a browser or a person that looks what is here.
const PRODUCT: &str = "gatepass, an enrollment authority. Its HTTP API is described in /openapi.json.\n";

/// Name the product and its API document
///
/// For a person or a browser at the bare address.
#[utoipa::path(
    get,
    path = "/",
    responses((status = 200, description = "One line. The header `Link` names the document too (RFC 8631).", body = String,
        content_type = "text/plain", example = json!(PRODUCT))),
)]
pub(super) fn show_product(_: &Authority, _: &Head) -> Result<HttpResponse, Problem> {
    let mut answer = HttpResponse::new(body::full(PRODUCT));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(LINK, HeaderValue::from_static("</openapi.json>; rel=\"service-desc\""));
    // A browser gets the dashboard.
    headers.insert(VARY, HeaderValue::from_static("accept"));
    Ok(answer)
}

/// Report that the process answers
///
/// Always 200, also if the store fails.
#[utoipa::path(
    get,
    path = "/livez",
    responses((status = 200, description = "The process answers.", body = String, content_type = "text/plain", example = json!("ok\n"))),
)]
pub(super) fn livez(_: &Authority, _: &Head) -> Result<HttpResponse, Problem> {
    let mut answer = HttpResponse::new(body::full("ok\n"));
    let headers = answer.headers_mut();
    headers.reserve(6);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

#[derive(Serialize, ToSchema)]
pub(super) struct Readiness {
    #[schema(pattern = "^(ready|unready)$", example = "ready")]
    status: &'static str,
    checks: Vec<Check>,
}

impl Readiness {
    const READY: &'static str = "ready";

    pub(super) fn of(authority: &Authority) -> Self {
        let checks = authority.health.checks();
        let status = if checks.iter().all(|check| check.ok) { Self::READY } else { "unready" };
        Self { status, checks }
    }
}

/// Report whether tokens can be minted and redeemed
///
/// With the result of each check.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "Tokens can be minted and redeemed.", body = Readiness),
        (status = 503, description = "They cannot. Checks without `ok` have the reason.", body = Readiness),
    ),
)]
pub(super) async fn readyz(call: Call) -> Result<Reply, Problem> {
    let readiness = Readiness::of(&call.authority);
    let code = match readiness.status {
        Readiness::READY => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok(Reply::json(code, &readiness))
}

/// Show metrics
///
/// Open to anyone. With `http.public_metrics` off, open to users.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = 200, description = "Prometheus text format 0.0.4.", body = String, content_type = "text/plain",
            example = json!("# TYPE gatepass_mints_total counter\n")),
        code::SigningIn,
    ),
)]
pub(super) async fn fetch_metrics(call: Call) -> Result<Reply, Problem> {
    let text = metrics::text(Instant::now(), || call.authority.health.record_gauges());
    Ok(Reply::bytes(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text))
}
