//! The metrics of a row's requests. Handles are looked up once, not for each request.

use std::sync::OnceLock;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Counter, Histogram};

/// The status label of a request without a response, because its client left.
pub const GONE: &str = "gone";

/// The statuses with a kept counter. Others are rare and looked up.
const USUAL: [StatusCode; 6] = [
    StatusCode::OK,
    StatusCode::CREATED,
    StatusCode::NO_CONTENT,
    StatusCode::NOT_MODIFIED,
    StatusCode::UNAUTHORIZED,
    StatusCode::GONE,
];

/// The handles of one row. Its first request makes them, when the recorder is certainly installed.
#[derive(Debug)]
pub struct Meters {
    method: Option<Method>,
    route: &'static str,
    usual: [OnceLock<Counter>; USUAL.len()],
    seconds: OnceLock<Histogram>,
}

impl Meters {
    /// The meters of the row of this method and template.
    pub fn of(method: Method, route: &'static str) -> Self {
        Self { method: Some(method), route, ..Self::unmatched() }
    }

    /// The meters of requests without a row.
    pub fn unmatched() -> Self {
        Self { method: None, route: "", usual: Default::default(), seconds: OnceLock::new() }
    }

    /// Counts a request by `method` with its `status`. Without one its client left.
    pub fn count(&self, method: &Method, status: Option<StatusCode>) {
        let place = status.and_then(|status| USUAL.iter().position(|usual| *usual == status));
        let kept =
            place.filter(|_| self.method.as_ref() == Some(method)).and_then(|place| self.usual.get(place));
        match kept {
            Some(kept) => kept.get_or_init(|| self.counter(method, status)).increment(1),
            None => self.counter(method, status).increment(1),
        }
    }

    /// Begins the series of requests that end with `status`.
    pub(super) fn begin(&self, status: StatusCode) {
        if let Some(method) = &self.method {
            self.counter(method, Some(status)).increment(0);
        }
    }

    /// Records the duration of a response.
    pub fn time(&self, took: Duration) {
        let route = self.route;
        let seconds =
            self.seconds.get_or_init(|| metrics::histogram!("gatepass_request_seconds", "route" => route));
        seconds.record(took);
    }

    fn counter(&self, method: &Method, status: Option<StatusCode>) -> Counter {
        let status = status.as_ref().map_or(GONE, StatusCode::as_str).to_owned();
        metrics::counter!("gatepass_requests_total", "method" => method_label(method), "route" => self.route,
            "status" => status)
    }
}

/// A method outside HTTP must not become a label: a stranger could make any number of them.
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
