//! Renewing and checking in in a loop, and running the hooks beside it.

mod checkins;
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
use super::policy_file::PolicyFile;
use super::renewal::{DaemonLock, Occasion, note};
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
    /// The file of the host's policy.
    pub policy: Option<PolicyOut>,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Maximum sleep between two looks at clock and identity, to notice a suspended machine, a stepped clock, and a change by
    /// another command.
    pub nap: Duration,
    /// Notified to read the identity again, and to try now.
    pub reload: Notify,
}

/// The file of a host's policy, and the hook that each new policy is owed.
#[derive(Debug)]
pub struct PolicyOut {
    /// Written with each new revision.
    pub file: PolicyFile,
    /// Runs after each write.
    pub hook: Option<Hook>,
}

impl<'a> Daemon<'a> {
    /// The daemon of an identity, without a hook.
    pub fn new(host: ThisHost, clock: &'a dyn Clock) -> Self {
        Self { host, hook: None, policy: None, clock, nap: NAP, reload: Notify::new() }
    }

    /// Renews each certificate in time, and checks in, until `shutdown`. Nothing else ends it but the server's own report that the host is
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
        note(&self.host, |record| {
            record.pid = Some(std::process::id());
            record.checkin = None;
        });
        let (changed, stop) = (Changed::default(), CancellationToken::new());
        let renewals = async {
            let ended = tokio::select! {
                () = shutdown => Ok(()),
                error = Renewals::new(self, &report, &changed, host).run() => Err(error),
            };
            stop.cancel();
            ended
        };
        let hook = hooks::run(
            self,
            (self.hook.as_ref(), Occasion::Certificate),
            &report,
            (&changed.certificate, &stop),
        );
        let (ended, (), ()) =
            tokio::join!(renewals, hook, self.run_policy_hook(&report, &changed.policy, &stop));
        note(&self.host, |record| {
            (record.pid, record.next_attempt_at) = (None, None);
            if let Some(checkin) = &mut record.checkin {
                checkin.next_at = None;
            }
            if let Err(error) = &ended {
                record.attempt.error = Some(error.to_string());
            }
        });
        ended
    }

    /// Runs the hook of the policy, if the daemon writes one.
    async fn run_policy_hook(
        &self,
        report: &impl Fn(DaemonEvent<'_>),
        changed: &Notify,
        stop: &CancellationToken,
    ) {
        match &self.policy {
            Some(PolicyOut { file, hook }) => {
                let occasion = Occasion::Policy(file);
                hooks::run(self, (hook.as_ref(), occasion), report, (changed, stop)).await;
            }
            None => note(&self.host, |record| record.policy_hook = None),
        }
    }
}

/// Notified when the certificate or the policy is another one.
#[derive(Default)]
struct Changed {
    certificate: Notify,
    policy: Notify,
}

#[cfg(test)]
mod tests;
