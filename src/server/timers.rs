//! The background tasks of a running server: periodic ones, and those that also wait for a change.

mod output_keys;
pub(super) mod periodic;
mod pulse;
mod supervisor;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::ca_files::client_anchors;
use super::tls_files::{Presented, TlsSource};
use super::{local, publisher};
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
pub use pulse::Pulse;
pub(super) use supervisor::Supervisor;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Starts every timer that waits for a change.
pub(super) fn start(
    timers: &Supervisor,
    authority: &Authority,
    tls: &Arc<Tls>,
    source: TlsSource,
    keys_dir: PathBuf,
    reload: &Reload,
) {
    let Authority { time, trust, names, cas, ca, status_lists, health, output_keys: keys, .. } = authority;
    let (crls, changed) = (Arc::clone(&ca.crls), Arc::clone(cas));
    timers.run("crls", move |stop| sign_crls(Arc::clone(&crls), Arc::clone(&changed), stop));
    let keys = Arc::clone(keys);
    timers.run("output keys", move |stop| output_keys::run(Arc::clone(&keys), stop));
    let lists = Arc::clone(status_lists);
    timers.run("status lists", move |stop| publisher::run(Arc::clone(&lists), stop));
    let lists = Arc::clone(status_lists);
    timers.run("heartbeats", move |stop| publisher::heartbeats(Arc::clone(&lists), stop));
    let lists = Arc::clone(status_lists);
    timers.run("status list files", move |stop| publisher::write_files(Arc::clone(&lists), stop));
    let (time, trust, cas) = (Arc::clone(time), Arc::clone(trust), Arc::clone(cas));
    let (health, tls, names, reload) =
        (Arc::clone(health), Arc::clone(tls), Arc::clone(names), reload.clone());
    let listener = ListenerCertificate { time, trust, names, cas, health, tls, source, keys_dir, reload };
    let (listener, mut begun) = (Arc::new(listener), false);
    timers.run("listener certificate", move |stop| {
        let again = std::mem::replace(&mut begun, true);
        Arc::clone(&listener).renew(again, stop)
    });
}

/// Asks a running server to read again the files that it can reload: the external TLS certificates and their keys.
#[derive(Clone, Default)]
pub struct Reload(Arc<Asked>);

/// A request to read files again, and its end.
#[derive(Default)]
struct Asked {
    begin: Notify,
    done: Notify,
}

impl Reload {
    /// Reads the files now. Completes when the server has taken or refused them.
    pub async fn now(&self) {
        let done = self.0.done.notified();
        self.0.begin.notify_one();
        done.await;
    }
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
    reload: Reload,
}

impl ListenerCertificate {
    /// Renews the certificate when it is due or its names change, or loads files that have changed. After
    /// a panic it runs `again`, and renews immediately, because it does not know what changed before.
    async fn renew(self: Arc<Self>, again: bool, stop: CancellationToken) {
        let (mut written, mut names) = (self.source.written_at(), self.source.names());
        let (mut ca_changes, mut trust_changes) = (self.cas.changes(), self.trust.changes());
        let mut ticks = interval_at(Instant::now() + 10 * SECOND, 10 * SECOND);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let restarted = Notify::new();
        if again {
            restarted.notify_one();
        }
        loop {
            let (rotated, asked) = tokio::select! {
                () = stop.cancelled() => return,
                () = restarted.notified() => (true, true),
                () = self.reload.0.begin.notified() => (self.source.has_files(), true),
                _ = ticks.tick() => (false, false),
                _ = ca_changes.changed() => (true, false),
                _ = trust_changes.changed() => (false, false),
            };
            let renamed = self.source.names() != names;
            let changed = self.source.written_at() != written;
            let due = changed || self.source.is_due(&self.cas.load(), &self.time);
            if due || rotated || renamed {
                (written, names) = (self.source.written_at(), self.source.names());
                self.replace().await;
            }
            if asked {
                self.reload.0.done.notify_waiters();
            }
        }
    }

    /// Uses a new certificate, or keeps the one in use.
    async fn replace(&self) {
        match self.swap() {
            Ok(outside) => {
                if let Err(error) = self.names.add(outside).await {
                    tracing::warn!(%error, "the names in the certificate could not be recorded");
                }
                tracing::info!("the listener has a new certificate");
            }
            Err(error) => {
                tracing::warn!(error, "the listener keeps its certificate: the new one cannot be used");
            }
        }
    }

    /// Uses new certificates. Returns the names in the external ones.
    fn swap(&self) -> Result<Vec<DnsName>, String> {
        let cas = self.cas.load();
        let Presented { identities, expires_at, pins, outside_names } =
            self.source.identities(&cas, &self.time).map_err(|error| error.to_string())?;
        self.tls.swap(identities, client_anchors(&cas)).map_err(|error| error.to_string())?;
        self.health.server_certificate_is(expires_at);
        local::pin(&self.keys_dir, pins).map_err(|error| error.to_string())?;
        Ok(outside_names)
    }
}
