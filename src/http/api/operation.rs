//! What operators watch.

use http::StatusCode;
use serde::Serialize;

use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::service::health::Check;

/// `GET /livez`: the process answers.
pub(super) async fn livez(_call: Call) -> Result<Reply, Problem> {
    Ok(Reply::bytes(StatusCode::OK, "text/plain; charset=utf-8", "ok\n").header("cache-control", "no-store"))
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
