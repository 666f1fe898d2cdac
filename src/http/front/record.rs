//! What is told of a request: one line in the log, one count, whether it was answered or its client went away.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use http::request::Parts;
use http::{Method, StatusCode};

use crate::http::problem::Dialect;
use crate::http::tls::Peer;
use crate::id::RequestId;

/// The status label of a request whose client went away before its answer.
const GONE: &str = "gone";

/// The row that a request belongs to, once that is known.
#[derive(Clone, Default)]
pub(super) struct Found(Arc<OnceLock<(&'static str, Dialect)>>);

impl Found {
    /// Notes the row's template and dialect.
    pub(super) fn set(&self, template: &'static str, dialect: Dialect) {
        // A request has one row: the first is the one.
        let _ = self.0.set((template, dialect));
    }
}

/// A request that is being answered. Dropping it tells that nobody waits for the answer any more.
pub(super) struct Record {
    method: Method,
    address: String,
    id: RequestId,
    started: Instant,
    found: Found,
    status: Option<StatusCode>,
}

impl Record {
    /// The request `id` begins.
    pub(super) fn begin(parts: &Parts, id: RequestId) -> Self {
        let address = parts.extensions.get::<Peer>().map(|peer| peer.address.ip().to_string());
        Self {
            method: parts.method.clone(),
            address: address.unwrap_or_default(),
            id,
            started: Instant::now(),
            found: Found::default(),
            status: None,
        }
    }

    /// Where its row is to be noted.
    pub(super) fn found(&self) -> Found {
        self.found.clone()
    }

    /// The template of its row; empty if there is none.
    pub(super) fn template(&self) -> &'static str {
        self.found.0.get().map_or("", |(template, _)| template)
    }

    /// The dialect of its row.
    pub(super) fn dialect(&self) -> Dialect {
        self.found.0.get().map_or(Dialect::Native, |(_, dialect)| *dialect)
    }

    /// It is answered.
    pub(super) fn answered(mut self, status: StatusCode) {
        self.status = Some(status);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let (method, route, address, took) =
            (&self.method, self.template(), &self.address, self.started.elapsed());
        let status = self.status.as_ref().map_or(GONE, StatusCode::as_str).to_owned();
        if self.status.is_some() {
            metrics::histogram!("gatepass_request_seconds", "route" => route).record(took);
        }
        tracing::info!(%method, route, status, address, request = %self.id, ?took, "request");
        metrics::counter!("gatepass_requests_total", "method" => method_label(method), "route" => route,
            "status" => status)
        .increment(1);
    }
}

/// A method that is none of HTTP's own must not become a label: a stranger could make any number of them.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
