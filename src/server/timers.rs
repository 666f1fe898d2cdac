//! The background tasks of a running server: periodic ones, and those that also wait for a change.

mod periodic;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ca_files::client_anchors;
use super::tls_files::{Presented, TlsSource};
use super::{local, publisher};
use crate::http::tls::Tls;
use crate::service::Authority;
use crate::service::ca::crl::Crls;
use crate::service::ca::live::LiveCas;

pub use periodic::Timer;
pub(super) use periodic::revoke_due;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Starts every timer; `stop` ends them.
pub(super) fn start(
    timers: &TaskTracker,
    authority: &Arc<Authority>,
    tls: &Arc<Tls>,
    source: TlsSource,
    keys_dir: &Path,
    stop: &CancellationToken,
) {
    periodic::start(timers, authority, Timer::period, stop);
    let (crls, cas) = (Arc::clone(&authority.crls), Arc::clone(&authority.cas));
    timers.spawn(sign_crls(crls, cas, stop.clone()));
    timers.spawn(publisher::run(Arc::clone(&authority.status_lists), stop.clone()));
    timers.spawn(publisher::heartbeats(Arc::clone(&authority.status_lists), stop.clone()));
    let authority = Arc::clone(authority);
    timers.spawn(renew_tls(authority, Arc::clone(tls), source, keys_dir.to_owned(), stop.clone()));
}

/// Signs the CRLs at once, then hourly, and within a second of a revocation or a new CA. Retries every ten seconds.
async fn sign_crls(crls: Arc<Crls>, cas: Arc<LiveCas>, stop: CancellationToken) {
    let mut changes = crls.changes();
    let mut ca_changes = cas.changes();
    loop {
        changes.mark_unchanged();
        ca_changes.mark_unchanged();
        let signed = crls.sign().await;
        let next = match &signed {
            Ok(()) => HOUR,
            Err(error) => {
                tracing::warn!(%error, "the CRLs could not be signed; the previous ones are served");
                10 * SECOND
            }
        };
        let due = Instant::now() + next;
        let soonest = Instant::now() + SECOND;
        let revoked = tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(due) => false,
            _ = changes.changed() => true,
            _ = ca_changes.changed() => true,
        };
        // At most one CRL a second. The next one holds the revocations in between.
        let wait = if revoked { soonest } else { Instant::now() };
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep_until(wait) => {}
        }
    }
}

/// Renews the listener's certificate at two thirds of its life, or loads files that have changed.
async fn renew_tls(
    authority: Arc<Authority>,
    tls: Arc<Tls>,
    source: TlsSource,
    keys_dir: PathBuf,
    stop: CancellationToken,
) {
    let mut written = source.written_at();
    let mut ca_changes = authority.cas.changes();
    let mut made_at = authority.time.now();
    let mut ticks = interval_at(Instant::now() + 10 * SECOND, 10 * SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let rotated = tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => false,
            _ = ca_changes.changed() => true,
        };
        let due = rotated
            || match &source {
                TlsSource::Outside(_) => source.written_at() != written,
                TlsSource::Own(_) => {
                    let ends = authority.health.server_certificate_expires_at().unwrap_or(made_at);
                    authority.time.now() >= made_at.plus(ends.since(made_at) * 2 / 3)
                }
            };
        if !due {
            continue;
        }
        written = source.written_at();
        match swap(&authority, &tls, &source, &keys_dir) {
            Ok(()) => {
                made_at = authority.time.now();
                tracing::info!("the listener has a new certificate");
            }
            Err(error) => {
                tracing::warn!(error, "the listener keeps its certificate: the new one cannot be used")
            }
        }
    }
}

fn swap(authority: &Authority, tls: &Tls, source: &TlsSource, keys_dir: &Path) -> Result<(), String> {
    let cas = authority.cas.load();
    let Presented { identity, expires_at, root } =
        source.identity(&cas, &authority.time).map_err(|error| error.to_string())?;
    tls.swap(identity, client_anchors(&cas)).map_err(|error| error.to_string())?;
    authority.health.server_certificate_is(expires_at);
    local::point_to(keys_dir, root).map_err(|error| error.to_string())
}
