//! What operators watch.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use serde::Serialize;

use crate::http::body;
use crate::http::call::Call;
use crate::http::inquiry::Inquiry;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::route::Answer;
use crate::service::health::Check;

/// `GET /livez`: the process answers.
pub(super) fn livez(_inquiry: &Inquiry<'_>) -> Result<Answer, Problem> {
    let mut answer = Answer::new(body::full("ok\n"));
    let headers = answer.headers_mut();
    headers.reserve(6);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

#[derive(Serialize)]
struct Readiness {
    status: &'static str,
    checks: Vec<Check>,
}

/// `GET /readyz`: whether tokens can be minted and redeemed now, and if not, why.
pub(super) async fn readyz(call: Call) -> Result<Reply, Problem> {
    let checks = call.authority.checks();
    let ready = checks.iter().all(|check| check.ok);
    let (code, status) = match ready {
        true => (StatusCode::OK, "ready"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unready"),
    };
    Ok(Reply::json(code, &Readiness { status, checks }))
}

/// `GET /metrics`: Prometheus text format 0.0.4.
pub(super) async fn metrics(call: Call) -> Result<Reply, Problem> {
    call.authority.record_gauges();
    let text = crate::http::metrics::render();
    Ok(Reply::bytes(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text))
}
