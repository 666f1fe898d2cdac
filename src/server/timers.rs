//! The background tasks of a running server: periodic ones, and those that also wait for a change.

mod periodic;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ca_files::client_anchors;
use super::tls_files::{Presented, TlsSource};
use super::{local, publisher};
use crate::ca::dns_names;
use crate::http::tls::Tls;
use crate::name::DnsName;
use crate::service::ca::crl::Crls;
use crate::service::ca::live::LiveCas;
use crate::service::health::Health;
use crate::service::own_names::OwnNames;
use crate::service::trust::LiveTrust;
use crate::service::{Authority, TimeKeeper};

pub use periodic::Timer;
pub(super) use periodic::revoke_due;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Starts every timer; `stop` ends them.
pub(super) fn start(
    timers: &TaskTracker,
    authority: &Authority,
    tls: &Arc<Tls>,
    source: TlsSource,
    keys_dir: PathBuf,
    stop: &CancellationToken,
) {
    let Authority { time, trust, names, cas, ca, status_lists, health, upkeep, .. } = authority;
    periodic::start(timers, upkeep, Timer::period, stop);
    timers.spawn(sign_crls(Arc::clone(&ca.crls), Arc::clone(cas), stop.clone()));
    timers.spawn(publisher::run(Arc::clone(status_lists), stop.clone()));
    timers.spawn(publisher::heartbeats(Arc::clone(status_lists), stop.clone()));
    let (time, trust, cas) = (Arc::clone(time), Arc::clone(trust), Arc::clone(cas));
    let (health, tls) = (Arc::clone(health), Arc::clone(tls));
    let names = Arc::clone(names);
    let listener = ListenerCertificate { time, trust, names, cas, health, tls, source, keys_dir };
    timers.spawn(listener.renew(stop.clone()));
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

/// The listener's certificate and the handles that renewing it takes.
struct ListenerCertificate {
    time: Arc<TimeKeeper>,
    trust: Arc<LiveTrust>,
    names: Arc<OwnNames>,
    cas: Arc<LiveCas>,
    health: Arc<Health>,
    tls: Arc<Tls>,
    source: TlsSource,
    keys_dir: PathBuf,
}

impl ListenerCertificate {
    /// Renews the certificate at two thirds of its life or when its names change, or loads files that have changed.
    async fn renew(self, stop: CancellationToken) {
        let (mut written, mut names) = (self.source.written_at(), self.source.names());
        let (mut ca_changes, mut trust_changes) = (self.cas.changes(), self.trust.changes());
        let mut made_at = self.time.now();
        let mut ticks = interval_at(Instant::now() + 10 * SECOND, 10 * SECOND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let rotated = tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => false,
                _ = ca_changes.changed() => true,
                _ = trust_changes.changed() => false,
            };
            let renamed = self.source.names() != names;
            let due = match &self.source {
                TlsSource::Outside(_) => self.source.written_at() != written,
                TlsSource::Own(_) => {
                    let ends = self.health.server_certificate_expires_at().unwrap_or(made_at);
                    self.time.now() >= made_at.plus(ends.since(made_at) * 2 / 3)
                }
            };
            if !due && !rotated && !renamed {
                continue;
            }
            (written, names) = (self.source.written_at(), self.source.names());
            match self.swap() {
                Ok(outside) => {
                    if let Err(error) = self.names.add(outside).await {
                        tracing::warn!(%error, "the names in the certificate could not be recorded");
                    }
                    made_at = self.time.now();
                    tracing::info!("the listener has a new certificate");
                }
                Err(error) => {
                    tracing::warn!(error, "the listener keeps its certificate: the new one cannot be used")
                }
            }
        }
    }

    /// Uses a new certificate. Returns the names in it if it is external.
    fn swap(&self) -> Result<Vec<DnsName>, String> {
        let cas = self.cas.load();
        let Presented { identity, expires_at, pins } =
            self.source.identity(&cas, &self.time).map_err(|error| error.to_string())?;
        let outside = match (&self.source, identity.chain.first()) {
            (TlsSource::Outside(_), Some(leaf)) => dns_names(leaf),
            _ => Vec::new(),
        };
        self.tls.swap(identity, client_anchors(&cas)).map_err(|error| error.to_string())?;
        self.health.server_certificate_is(expires_at);
        local::pin(&self.keys_dir, pins).map_err(|error| error.to_string())?;
        Ok(outside)
    }
}
