//! The record of a request: one log line and one count, also if its client left.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::{Method, Response, StatusCode};
use tracing::Level;

use super::refusal_lines::RefusalLines;
use crate::access::{Actor, Permission};
use crate::http::meters::{GONE, Meters};
use crate::http::problem::dialect::Dialect;
use crate::http::problem::{Code, NATIVE};
use crate::http::route::Route;
use crate::id::RequestId;

/// Maximum number of characters of a method in a line.
const MOST_OF_METHOD: usize = 16;

/// The id of a request, and its actor as soon as the credential has been checked.
pub(super) struct RequestTrace {
    pub(super) id: RequestId,
    actor: OnceLock<Actor>,
}

impl RequestTrace {
    /// Names the actor of the request.
    pub(super) fn is_by(&self, actor: &Actor) {
        // One credential is checked per request.
        let _ = self.actor.set(actor.clone());
    }
}

/// A request in progress. Dropping it without a status records that its client left.
pub(super) struct Record<'a> {
    method: Method,
    address: IpAddr,
    trace: Arc<RequestTrace>,
    started: Instant,
    meters: &'a Meters,
    refusals: &'a RefusalLines,
    row: Option<&'a Route>,
    status: Option<StatusCode>,
    code: Option<&'static str>,
    is_probe: bool,
}

impl<'a> Record<'a> {
    /// The request `id` of `address` begins. `unmatched` counts it until its row is known.
    pub(super) fn begin(
        method: &Method,
        address: IpAddr,
        id: RequestId,
        unmatched: &'a Meters,
        refusals: &'a RefusalLines,
    ) -> Self {
        let (method, started, meters) = (method.clone(), Instant::now(), unmatched);
        let trace = Arc::new(RequestTrace { id, actor: OnceLock::new() });
        let (row, status, code, is_probe) = (None, None, None, false);
        Self { method, address, trace, started, meters, refusals, row, status, code, is_probe }
    }

    /// The level of the line. Probes, and requests that anyone can make at will, must not fill a log. An internal error always
    /// has a line, because its user reports the id of the request.
    fn level(&self) -> Level {
        let is_failure = self.status.is_some_and(|status| status.is_server_error());
        let is_refusal = is_failure || self.status.is_none_or(|status| status.is_client_error());
        let is_public = self.row.is_none_or(|row| row.permission == Permission::Anyone);
        if self.status == Some(StatusCode::INTERNAL_SERVER_ERROR) {
            Level::ERROR
        } else if self.is_probe && (is_public || !is_refusal) {
            Level::TRACE
        } else if is_refusal && (is_failure || self.row.is_none() || !is_public) {
            self.level_of_refusal()
        } else if self.row.is_some_and(Route::writes_entries) {
            Level::INFO
        } else {
            Level::DEBUG
        }
    }

    /// The level of a refusal: the first of its address and status has a line. A client that left was not refused.
    fn level_of_refusal(&self) -> Level {
        let status = self.status.as_ref().map_or(0, StatusCode::as_u16);
        match self.refusals.admit(self.address, status, Instant::now()) {
            true if self.status.is_none() => Level::INFO,
            true => Level::WARN,
            false => Level::DEBUG,
        }
    }

    /// The trace, for the task that finds the actor.
    pub(super) fn trace(&self) -> Arc<RequestTrace> {
        Arc::clone(&self.trace)
    }

    /// The start of the request.
    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// Assigns the request to a row.
    pub(super) fn belongs_to(&mut self, row: &'a Route) {
        self.meters = &row.meters;
        self.row = Some(row);
        self.is_probe = row.is_monitoring();
    }

    /// Marks the request as a probe, such as OPTIONS of the server.
    pub(super) const fn is_probe(&mut self) {
        self.is_probe = true;
    }

    /// The path template of its row, or an empty text.
    pub(super) fn template(&self) -> &'static str {
        self.row.map_or("", |row| row.path)
    }

    /// The method. It may be any token of a stranger, so a long one is cut.
    fn short_method(&self) -> &str {
        let method = self.method.as_str();
        method.get(..MOST_OF_METHOD).unwrap_or(method)
    }

    /// The dialect of its row.
    pub(super) fn dialect(&self) -> &'static Dialect {
        self.row.map_or(&NATIVE, |row| row.dialect)
    }

    /// Records the response: its status, and the code of its problem.
    pub(super) fn answered<B>(mut self, response: &Response<B>) {
        self.status = Some(response.status());
        self.code = response.extensions().get::<Code>().map(|code| code.as_str());
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        if self.status.is_some() {
            self.meters.time(took);
        }
        self.meters.count(&self.method, self.status);
        let (method, route, from) = (self.short_method(), self.template(), self.address);
        let status = self.status.map(|status| status.as_u16());
        let code = if status.is_none() { Some(GONE) } else { self.code };
        let actor = self.trace.actor.get().unwrap_or(&Actor::Anyone);
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(target: "gatepass::request", $level, method = %method, route = %route, status,
                    code = code.map(display), %actor, %from, request = %self.trace.id, ?took, "request")
            };
        }
        match self.level() {
            Level::TRACE => line!(Level::TRACE),
            Level::DEBUG => line!(Level::DEBUG),
            Level::INFO => line!(Level::INFO),
            Level::WARN => line!(Level::WARN),
            Level::ERROR => line!(Level::ERROR),
        }
    }
}
