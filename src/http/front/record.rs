//! The record of a request: one log line and one count, also if its client left.

use std::net::IpAddr;
use std::time::Instant;

use http::{Method, StatusCode};
use tracing::Level;

use super::refusal_lines::RefusalLines;
use crate::access::Permission;
use crate::http::meters::{GONE, Meters};
use crate::http::problem::NATIVE;
use crate::http::problem::dialect::Dialect;
use crate::http::route::Route;
use crate::id::RequestId;

/// A request in progress. Dropping it without a status records that its client left.
pub(super) struct Record<'a> {
    method: Method,
    address: IpAddr,
    id: RequestId,
    started: Instant,
    meters: &'a Meters,
    refusals: &'a RefusalLines,
    row: Option<&'a Route>,
    status: Option<StatusCode>,
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
        Self { method, address, id, started, meters, refusals, row: None, status: None, is_probe: false }
    }

    /// The level of the line. Probes, and requests that anyone can make at will, must not fill a log. An internal error always
    /// has a line, because its user reports the id of the request.
    fn level(&self) -> Level {
        let is_failure = self.status.is_some_and(|status| status.is_server_error());
        let is_refusal = is_failure || self.status.is_none_or(|status| status.is_client_error());
        let is_public = self.row.is_none_or(|row| row.permission == Permission::Anyone);
        if self.is_probe {
            Level::TRACE
        } else if self.status == Some(StatusCode::INTERNAL_SERVER_ERROR) {
            Level::INFO
        } else if is_refusal && (is_failure || self.row.is_none() || !is_public) {
            let status = self.status.as_ref().map_or(0, StatusCode::as_u16);
            if self.refusals.admit(self.address, status, Instant::now()) { Level::INFO } else { Level::DEBUG }
        } else if is_public {
            Level::DEBUG
        } else {
            Level::INFO
        }
    }

    /// The start of the request.
    pub(super) const fn started(&self) -> Instant {
        self.started
    }

    /// Assigns the request to a row.
    pub(super) fn belongs_to(&mut self, row: &'a Route) {
        self.meters = &row.meters;
        self.row = Some(row);
        self.is_probe = row.is_health();
    }

    /// Marks the request as a probe, such as OPTIONS of the server.
    pub(super) const fn is_probe(&mut self) {
        self.is_probe = true;
    }

    /// The path template of its row, or an empty text.
    pub(super) fn template(&self) -> &'static str {
        self.row.map_or("", |row| row.path)
    }

    /// The dialect of its row.
    pub(super) fn dialect(&self) -> &'static Dialect {
        self.row.map_or(&NATIVE, |row| row.dialect)
    }

    /// Records the status of the response.
    pub(super) fn answered(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Record<'_> {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        if self.status.is_some() {
            self.meters.time(took);
        }
        self.meters.count(&self.method, self.status);
        let (method, route, address) = (&self.method, self.template(), self.address);
        let status = self.status.as_ref().map_or(GONE, StatusCode::as_str);
        macro_rules! line {
            ($level:expr) => {
                tracing::event!($level, %method, route, status, %address, request = %self.id, ?took, "request")
            };
        }
        match self.level() {
            Level::TRACE => line!(Level::TRACE),
            Level::DEBUG => line!(Level::DEBUG),
            _ => line!(Level::INFO),
        }
    }
}
