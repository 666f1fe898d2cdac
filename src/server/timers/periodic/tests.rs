//! Each timer runs periodically.

use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;
use crate::clock::SystemClock;
use crate::config::{Config, Environment, Overrides};
use crate::server::Server;
use crate::service::Authority;

const RUNS: &str = "gatepass_timer_runs_total";

/// Longest wait, longer than any machine needs.
const PATIENCE: Duration = Duration::from_secs(120);

async fn authority(data_dir: &std::path::Path) -> Arc<Authority> {
    let overrides = Overrides::local(data_dir);
    let config = Config::load(None, &Environment::from_pairs([("", "")]), overrides).unwrap();
    Arc::clone(Server::open(config, Arc::new(SystemClock)).await.unwrap().authority())
}

/// Number of finished runs of `timer`.
fn runs(rendered: &str, timer: Timer) -> u64 {
    let series = format!("{RUNS}{{timer=\"{}\",outcome=\"done\"}} ", timer.name());
    rendered.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn every_timer_runs_until_the_server_stops() {
    let dir = tempfile::tempdir().unwrap();
    let authority = authority(&dir.path().join("data")).await;
    // Only this thread's measurements: other tests measure too.
    let recorder = PrometheusBuilder::new().build_recorder();
    let (measured, _recording) = (recorder.handle(), metrics::set_default_local_recorder(&recorder));
    let timers = Supervisor::default();
    start(&timers, &authority.upkeep, |_| Duration::from_millis(5), &Arc::default());
    let all_ran_twice = async {
        while Timer::VARIANTS.iter().any(|timer| runs(&measured.render(), *timer) < 2) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, all_ran_twice).await;
    waited.unwrap_or_else(|_| panic!("some did not:\n{}", measured.render()));
    tokio::time::timeout(PATIENCE, timers.stop()).await.unwrap();
}

#[test]
fn every_timer_has_its_own_name() {
    let names = Timer::VARIANTS.iter().map(|timer| timer.name()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(names.len(), Timer::VARIANTS.len());
}

/// FLEETS: an ephemeral host that lapses "is collected within an hour".
#[test]
fn collection_runs_within_the_hour() {
    assert!(Timer::Collection.period() * 11 / 10 <= Duration::from_secs(3600));
}
