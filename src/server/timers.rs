//! What happens by itself: each timer is a use case, called on its time, until the server stops.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::ca_files::client_anchors;
use super::tls_files::{Presented, TlsSource};
use super::{local, publisher};
use crate::http::tls::Tls;
use crate::id::random;
use crate::service::{Authority, ServiceError};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Starts every timer; they end when `stopped` turns true.
pub(super) fn start(
    authority: &Arc<Authority>,
    tls: &Arc<Tls>,
    source: TlsSource,
    keys_dir: &Path,
    stopped: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut timers = JoinSet::new();
    let with = || (Arc::clone(authority), stopped.clone());
    let (a, stop) = with();
    timers.spawn(every("refusals", SECOND, stop, move || write_refusals(Arc::clone(&a))));
    let (a, stop) = with();
    timers.spawn(every("clock mark", MINUTE, stop, move || mark_clock(Arc::clone(&a))));
    let (a, stop) = with();
    timers.spawn(every("API key uses", MINUTE, stop, move || write_key_uses(Arc::clone(&a))));
    let (a, stop) = with();
    timers.spawn(every("sessions", MINUTE, stop, move || write_seen_sessions(Arc::clone(&a))));
    let (a, stop) = with();
    timers.spawn(every("collection", HOUR, stop, move || collect(Arc::clone(&a))));
    let (a, stop) = with();
    timers.spawn(every("due revocations", 5 * SECOND, stop, move || revoke_due(Arc::clone(&a))));
    let (a, stop) = with();
    timers.spawn(sign_crls(a, stop));
    let (a, stop) = with();
    timers.spawn(publisher::run(a, stop));
    let (a, stop) = with();
    timers.spawn(every("heartbeats", SECOND, stop, move || beat(Arc::clone(&a))));
    let (a, stop) = with();
    timers.spawn(every("rate limits", MINUTE, stop, move || sweep(Arc::clone(&a))));
    let (a, stop) = with();
    timers.spawn(renew_tls(a, Arc::clone(tls), source, keys_dir.to_owned(), stop));
    let (a, stop) = with();
    timers.spawn(every("store probe", 2 * SECOND, stop, move || probe_store(Arc::clone(&a))));
    timers.spawn(every("metrics", 5 * SECOND, stopped.clone(), || async {
        crate::http::metrics::upkeep();
        Ok(())
    }));
    timers
}

async fn write_refusals(authority: Arc<Authority>) -> Result<(), ServiceError> {
    authority.write_refusals().await
}

async fn write_seen_sessions(authority: Arc<Authority>) -> Result<(), ServiceError> {
    authority.write_seen_sessions().await
}

async fn mark_clock(authority: Arc<Authority>) -> Result<(), ServiceError> {
    authority.mark_clock().await
}

async fn write_key_uses(authority: Arc<Authority>) -> Result<(), ServiceError> {
    authority.write_key_uses().await
}

async fn probe_store(authority: Arc<Authority>) -> Result<(), ServiceError> {
    authority.probe_store().await
}

/// Each subscriber's turn comes every fifteen seconds.
async fn beat(authority: Arc<Authority>) -> Result<(), ServiceError> {
    authority.status_lists().feed().beat();
    Ok(())
}

async fn sweep(authority: Arc<Authority>) -> Result<(), ServiceError> {
    authority.throttles().sweep();
    authority.forgive_guesses();
    Ok(())
}

async fn collect(authority: Arc<Authority>) -> Result<(), ServiceError> {
    let collected = authority.collect().await?;
    if collected.total() > 0 {
        tracing::info!(?collected, "collected what had expired");
    }
    metrics::counter!("gatepass_collected_total").increment(collected.total());
    Ok(())
}

/// Revokes what is due; before anything is answered, too.
pub(super) async fn revoke_due(authority: Arc<Authority>) -> Result<(), ServiceError> {
    let tokens = authority.revoke_due().await?;
    if tokens > 0 {
        tracing::info!(tokens, "tokens whose time had come are revoked");
    }
    Ok(())
}

/// Does `work` every `period`, give or take a tenth, until `stopped`. A failure is told and tried again next time.
async fn every<F, W>(name: &'static str, period: Duration, mut stopped: watch::Receiver<bool>, work: W)
where
    F: Future<Output = Result<(), ServiceError>>,
    W: Fn() -> F,
{
    let mut ticks = interval_at(Instant::now() + jittered(period), period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The series is there before the first run: a timer that never runs is seen by its zero.
    metrics::counter!("gatepass_timer_runs_total", "timer" => name, "outcome" => "done").increment(0);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = ticks.tick() => {}
        }
        let outcome = work().await;
        metrics::counter!("gatepass_timer_runs_total", "timer" => name,
            "outcome" => if outcome.is_ok() { "done" } else { "failed" })
        .increment(1);
        if let Err(error) = outcome {
            tracing::warn!(timer = name, %error, "a timer's work failed; it is tried again");
        }
    }
}

fn jittered(period: Duration) -> Duration {
    let [byte] = random::<1>();
    period.mul_f64(0.9 + 0.2 * f64::from(byte) / 255.0)
}

/// Signs the CRLs at once, then hourly, and within a second of a revocation or a new CA; after a failure every ten seconds.
async fn sign_crls(authority: Arc<Authority>, mut stopped: watch::Receiver<bool>) {
    let mut changes = authority.store().revocations().changes();
    let mut ca_changes = authority.ca_changes();
    loop {
        changes.mark_unchanged();
        ca_changes.mark_unchanged();
        let signed = authority.sign_crls().await;
        let next = match &signed {
            Ok(()) => HOUR,
            Err(error) => {
                tracing::warn!(%error, "the CRLs could not be signed; the ones signed before are served");
                10 * SECOND
            }
        };
        let due = Instant::now() + next;
        let soonest = Instant::now() + SECOND;
        let revoked = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep_until(due) => false,
            _ = changes.changed() => true,
            _ = ca_changes.changed() => true,
        };
        // At most one a second: what is revoked in between is on the next.
        let wait = if revoked { soonest } else { Instant::now() };
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = tokio::time::sleep_until(wait) => {}
        }
    }
}

/// Renews the listener's certificate at two thirds of its life, or takes up files that have changed.
async fn renew_tls(
    authority: Arc<Authority>,
    tls: Arc<Tls>,
    source: TlsSource,
    keys_dir: PathBuf,
    mut stopped: watch::Receiver<bool>,
) {
    let mut written = source.written_at();
    let mut ca_changes = authority.ca_changes();
    let mut made_at = authority.now();
    let mut ticks = interval_at(Instant::now() + 10 * SECOND, 10 * SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let rotated = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = ticks.tick() => false,
            _ = ca_changes.changed() => true,
        };
        let due = rotated
            || match &source {
                TlsSource::Outside(_) => source.written_at() != written,
                TlsSource::Own(_) => {
                    let ends = authority.server_certificate_expires_at().unwrap_or(made_at);
                    authority.now() >= made_at.plus(ends.since(made_at) * 2 / 3)
                }
            };
        if !due {
            continue;
        }
        written = source.written_at();
        match swap(&authority, &tls, &source, &keys_dir) {
            Ok(()) => {
                made_at = authority.now();
                tracing::info!("the listener has a new certificate");
            }
            Err(error) => {
                tracing::warn!(error, "the listener keeps its certificate: the new one cannot be used")
            }
        }
    }
}

fn swap(authority: &Authority, tls: &Tls, source: &TlsSource, keys_dir: &Path) -> Result<(), String> {
    let Presented { identity, expires_at, root } =
        source.identity(authority).map_err(|error| error.to_string())?;
    tls.swap(identity, client_anchors(authority)).map_err(|error| error.to_string())?;
    authority.server_certificate_is(expires_at);
    local::point_to(keys_dir, root).map_err(|error| error.to_string())
}
