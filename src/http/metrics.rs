//! Metrics in the text format of Prometheus. One recorder serves the process.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

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

/// Returns the metrics as text.
pub fn render() -> String {
    HANDLE.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}

/// Folds measurements into their histograms, for a timer. Without it they would grow.
pub fn upkeep() {
    if let Some(handle) = HANDLE.get().and_then(Option::as_ref) {
        handle.run_upkeep();
    }
}
