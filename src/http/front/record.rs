//! The record of a request: one log line and one count, also if its client left.

use std::net::IpAddr;
use std::time::Instant;

use http::{Method, StatusCode};

use crate::http::meters::{GONE, Meters};
use crate::http::problem::NATIVE;
use crate::http::problem::dialect::Dialect;
use crate::http::route::{Route, Serve};
use crate::id::RequestId;

/// A request in progress. Dropping it without a status records that its client left.
pub(super) struct Record<'a> {
    method: Method,
    address: IpAddr,
    id: RequestId,
    started: Instant,
    meters: &'a Meters,
    row: Option<&'a Route>,
    status: Option<StatusCode>,
    is_probe: bool,
}

impl<'a> Record<'a> {
    /// The request `id` of `address` begins. `unmatched` counts it until its row is known.
    pub(super) fn begin(method: &Method, address: IpAddr, id: RequestId, unmatched: &'a Meters) -> Self {
        let (method, started) = (method.clone(), Instant::now());
        Self { method, address, id, started, meters: unmatched, row: None, status: None, is_probe: false }
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
        // Probes and public documents are requested often and must not fill a log.
        match self.row.map(|row| &row.serve) {
            _ if self.is_probe => {
                tracing::trace!(%method, route, status, %address, request = %self.id, ?took, "request");
            }
            Some(Serve::Direct(_) | Serve::DirectOr(..)) => {
                tracing::debug!(%method, route, status, %address, request = %self.id, ?took, "request");
            }
            _ => tracing::info!(%method, route, status, %address, request = %self.id, ?took, "request"),
        }
    }
}
