//! Health and metrics.

use std::time::Instant;

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
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
struct Readiness {
    #[schema(pattern = "^(ready|unready)$", example = "ready")]
    status: &'static str,
    checks: Vec<Check>,
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
    let checks = call.authority.health.checks();
    let ready = checks.iter().all(|check| check.ok);
    let (code, status) = match ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unready"),
    };
    Ok(Reply::json(code, &Readiness { status, checks }))
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
