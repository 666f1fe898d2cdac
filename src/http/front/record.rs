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

    /// The level of the line, and the number of refusals that were left out before it. Probes, and requests that anyone can
    /// make at will, must not fill a log.
    fn level(&self) -> (Level, u64) {
        let refused = self.status.is_none_or(|status| status.is_client_error() || status.is_server_error());
        let is_public = self.row.is_none_or(|row| row.permission == Permission::Anyone);
        if self.is_probe {
            (Level::TRACE, 0)
        } else if is_public && (self.row.is_some() || !refused) {
            (Level::DEBUG, 0)
        } else if refused {
            let status = self.status.as_ref().map_or(0, StatusCode::as_u16);
            match self.refusals.admit(self.address, status, Instant::now()) {
                Some(left_out) => (Level::INFO, left_out),
                None => (Level::DEBUG, 0),
            }
        } else {
            (Level::INFO, 0)
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
        let (level, left_out) = self.level();
        macro_rules! line {
            ($level:expr, $($more:tt)*) => {
                tracing::event!($level, %method, route, status, %address, request = %self.id, ?took, $($more)*)
            };
        }
        match level {
            Level::TRACE => line!(Level::TRACE, "request"),
            Level::DEBUG => line!(Level::DEBUG, "request"),
            _ if left_out > 0 => {
                line!(Level::INFO, left_out, "request, and refusals like it that were left out")
            }
            _ => line!(Level::INFO, "request"),
        }
    }
}
