//! Rows that are answered where the request arrives.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::request::Parts;

use super::internal_error;
use crate::http::inquiry::{Inquiry, Params};
use crate::http::problem::Problem;
use crate::http::route::{Answer, Direct, Route};
use crate::http::tls::Peer;
use crate::service::Authority;

/// Calls a direct row's handler. What panics in it ends with it, as in a task.
pub(super) fn answer(
    authority: &Arc<Authority>,
    route: &Route,
    handler: &Direct,
    parts: &Parts,
    params: &Params<'_>,
) -> Answer {
    let called = || {
        let peer = parts.extensions.get::<Peer>().ok_or_else(internal_error)?;
        let query = parts.uri.query().unwrap_or("");
        handler(&Inquiry { authority, peer, headers: &parts.headers, query, params })
    };
    // A handler is given nothing that it could leave half changed behind it: locks are poisoned, and then passed over.
    let answer = catch_unwind(AssertUnwindSafe(called)).unwrap_or_else(|_| Err(panicked(route)));
    answer.unwrap_or_else(|problem| problem.render(route.dialect).into())
}

/// The panic's own words are on standard error; they may hold anything.
fn panicked(route: &Route) -> Problem {
    tracing::error!(route = route.path, "answering a request panicked");
    metrics::counter!("gatepass_panics_total").increment(1);
    internal_error()
}
