//! Metrics in the text format of Prometheus. One recorder serves the process.

mod list;
mod process;

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;

pub use self::list::{Labels, METRICS, Metric, MetricKind};
use super::problem::{Code, Problem};
use super::route::Route;
use crate::clock::Timestamp;
use crate::service::ServiceError;

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Installs the recorder. Later calls change nothing.
pub fn install() {
    HANDLE.get_or_init(|| {
        let sizes = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
        let seconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("batch_size".to_owned()), &sizes)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("seconds".to_owned()), &seconds)
            });
        builder.ok().and_then(|builder| builder.install_recorder().ok())
    });
}

/// Counters of an operation's outcomes, by the path of its POST, with the outcomes of success.
const OUTCOMES: [(&str, &str, &[&str]); 5] = [
    ("/api/v1/enrollment-tokens", "gatepass_mints_total", &["done"]),
    ("/api/v1/service-tokens", "gatepass_service_mints_total", &["done"]),
    ("/api/v1/bootstrap", "gatepass_redemptions_total", &["done", "waiting"]),
    ("/api/v1/renew", "gatepass_renewals_total", &["done"]),
    ("/api/v1/access-token", "gatepass_access_tokens_total", &["done"]),
];

/// Counts the outcome of an operation: `done`, or the code of its error.
pub(crate) fn count<T>(counter: &'static str, result: &Result<T, ServiceError>) {
    count_as(counter, result, "done");
}

/// Counts the outcome of an operation: `success`, or the code of its error.
pub(super) fn count_as<T>(counter: &'static str, result: &Result<T, ServiceError>, success: &'static str) {
    let outcome = result.as_ref().err().map_or(success, |error| Problem::from(error.clone()).code.as_str());
    metrics::counter!(counter, "outcome" => outcome).increment(1);
}

/// Gives every metric its help, and every known series its 0, for a server with these `routes` that starts at `now`.
pub fn begin(routes: &[Route], now: Timestamp) {
    METRICS.iter().for_each(Metric::begin);
    routes.iter().for_each(begin_route);
    begin_output_calls();
    metrics::gauge!("gatepass_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    metrics::gauge!("process_start_time_seconds").set(now.since(Timestamp::from_secs(0)).as_secs_f64());
}

/// Begins the series of the calls to clusters: each call has every outcome.
fn begin_output_calls() {
    for call in ["create", "check", "invalidate"] {
        for outcome in ["done", "unreachable", "refused"] {
            metrics::counter!("gatepass_output_calls_total", "call" => call, "outcome" => outcome)
                .increment(0);
        }
    }
}

/// Begins the series of a route: each status of success, and the outcomes that its handler documents.
fn begin_route(route: &Route) {
    let answers = route.answers();
    let statuses = answers.iter().filter_map(|name| name.parse::<StatusCode>().ok());
    statuses.filter(StatusCode::is_success).for_each(|status| route.meters.begin(status));
    let outcomes =
        OUTCOMES.iter().find(|(path, ..)| *path == route.path && route.method == http::Method::POST);
    let Some((_, counter, successes)) = outcomes else { return };
    let codes = answers.iter().filter_map(|name| Code::find(name)).map(Code::as_str);
    for outcome in codes.chain(successes.iter().copied()) {
        metrics::counter!(*counter, "outcome" => outcome).increment(0);
    }
}

/// Maximum age of the text. A stranger's requests must not cost a rendering each.
const FRESH: Duration = Duration::from_secs(1);

/// The newest text, and the moment of its rendering.
static TEXT: Mutex<Option<(Instant, Bytes)>> = Mutex::new(None);

/// The metrics at `now` as text, which all responses of a second share. `record` sets gauges before a rendering.
pub fn text(now: Instant, record: impl FnOnce()) -> Bytes {
    let mut text = TEXT.lock();
    match &*text {
        Some((since, known)) if now.saturating_duration_since(*since) < FRESH => known.clone(),
        _ => {
            record();
            process::measure();
            let rendered = Bytes::from(render());
            *text = Some((now, rendered.clone()));
            rendered
        }
    }
}

/// Renders the metrics.
pub(super) fn render() -> String {
    HANDLE.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}

/// Folds measurements into their histograms, for a timer. Without it they would grow.
pub fn upkeep() {
    if let Some(handle) = HANDLE.get().and_then(Option::as_ref) {
        handle.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_rendered_once_a_second() {
        let (now, rendered) = (Instant::now() + Duration::from_secs(3600), std::cell::Cell::new(0));
        let text = |at| text(at, || rendered.set(rendered.get() + 1));
        let first = text(now);
        let second = text(now + FRESH / 2);
        assert_eq!((rendered.get(), first.as_ptr()), (1, second.as_ptr()), "they share their bytes");
        text(now + FRESH);
        assert_eq!(rendered.get(), 2);
    }
}
