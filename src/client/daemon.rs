//! Renewing in a loop, and running the hooks beside it.

mod event;
mod hooks;
mod renewals;

use std::future::Future;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use self::event::DaemonEvent;
use self::renewals::Renewals;
use super::directory::{load_enrolled, repair};
use super::error::ClientError;
use super::hook::Hook;
use super::host::ThisHost;
use super::renewal::{DaemonLock, note};
use crate::clock::Clock;

/// The usual [`Daemon::nap`].
const NAP: Duration = Duration::from_secs(60);
/// Shortest sleep. A time that has nearly come must not make a loop spin.
const SHORTEST_NAP: Duration = Duration::from_millis(1);

/// A certificate directory to keep renewed.
pub struct Daemon<'a> {
    /// The identity to renew.
    pub host: ThisHost,
    /// The hook that each new certificate is owed.
    pub hook: Option<Hook>,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Maximum sleep between two looks at clock and identity, to notice a suspended machine, a stepped clock, and a change by
    /// another command.
    pub nap: Duration,
    /// Notified to read the identity again, and to try now.
    pub reload: Notify,
}

impl<'a> Daemon<'a> {
    /// The daemon of an identity, without a hook.
    pub fn new(host: ThisHost, clock: &'a dyn Clock) -> Self {
        Self { host, hook: None, clock, nap: NAP, reload: Notify::new() }
    }

    /// Renews each certificate in time until `shutdown`. Nothing else ends it but the server's own report that the host is
    /// revoked. A hook that runs holds up neither the renewals nor the end.
    ///
    /// # Errors
    /// The host is revoked. At the start, the identity cannot be read, or another daemon renews it.
    pub async fn run(
        &self,
        report: impl Fn(DaemonEvent<'_>) + Sync,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ClientError> {
        let dir = &self.host.cert_dir;
        repair(dir)?;
        let host = load_enrolled(dir)?;
        let _lock = DaemonLock::take(dir).await?;
        note(&self.host, |record| record.pid = Some(std::process::id()));
        let (renewed, stop) = (Notify::new(), CancellationToken::new());
        let renewals = async {
            let ended = tokio::select! {
                () = shutdown => Ok(()),
                error = Renewals::new(self, &report, &renewed, host).run() => Err(error),
            };
            stop.cancel();
            ended
        };
        let (ended, ()) = tokio::join!(renewals, hooks::run(self, &report, &renewed, &stop));
        note(&self.host, |record| {
            (record.pid, record.next_attempt_at) = (None, None);
            if let Err(error) = &ended {
                record.attempt.error = Some(error.to_string());
            }
        });
        ended
    }
}

#[cfg(test)]
mod tests;
