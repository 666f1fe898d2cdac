//! Rows that are answered where the request arrives.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::header::HOST;
use http::request::Parts;

use crate::http::direct_request::{DirectRequest, Params};
use crate::http::problem::Problem;
use crate::http::route::{Answer, Direct, Quick, Route};
use crate::http::tls::Peer;
use crate::service::Authority;

/// A request to a direct row.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) parts: &'a Parts,
    pub(super) peer: &'a Peer,
    pub(super) params: &'a Params<'a>,
}

/// Calls the handler of a direct row. The row has no other handler.
pub(super) fn answer(
    authority: &Arc<Authority>,
    route: &Route,
    handler: &Direct,
    asked: Asked<'_>,
) -> Answer {
    let whole = |asked: &DirectRequest<'_>| Some(handler(asked));
    call(authority, route, whole, asked).unwrap_or_else(|| render(route, Err(Problem::internal())))
}

/// Calls the quick handler of a row. `None` leaves the request to a task.
pub(super) fn quick(
    authority: &Arc<Authority>,
    route: &Route,
    handler: &Quick,
    asked: Asked<'_>,
) -> Option<Answer> {
    call(authority, route, handler.as_ref(), asked)
}

/// Calls `handler`. Its panic becomes a 500, as in a task.
fn call(
    authority: &Arc<Authority>,
    route: &Route,
    handler: impl Fn(&DirectRequest<'_>) -> Option<Result<Answer, Problem>>,
    Asked { parts, peer, params }: Asked<'_>,
) -> Option<Answer> {
    let called = || {
        let query = parts.uri.query().unwrap_or("");
        handler(&DirectRequest { authority, peer, headers: &parts.headers, host: host(parts), query, params })
    };
    // A handler gets nothing that it could leave half changed. Locks are poisoned, and then passed over.
    let answer = catch_unwind(AssertUnwindSafe(called)).unwrap_or_else(|_| Some(Err(panicked(route))));
    answer.map(|answer| render(route, answer))
}

fn render(route: &Route, answer: Result<Answer, Problem>) -> Answer {
    answer.unwrap_or_else(|problem| problem.render(route.dialect).into())
}

/// `:authority` of HTTP/2 and the absolute form of HTTP/1.1 come before the Host field (RFC 9113 section 8.3.1, RFC 9112
/// section 3.2.2).
pub(super) fn host(parts: &Parts) -> &str {
    let named = || parts.headers.get(HOST)?.to_str().ok();
    parts.uri.authority().map(http::uri::Authority::as_str).or_else(named).unwrap_or("")
}

/// The panic's own text is on standard error. It may contain anything.
fn panicked(route: &Route) -> Problem {
    tracing::error!(route = route.path, "answering a request panicked");
    metrics::counter!("gatepass_panics_total").increment(1);
    Problem::internal()
}
