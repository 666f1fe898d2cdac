//! Renewing in a loop.

use std::future::Future;
use std::time::Duration;

use super::directory::load_enrolled;
use super::error::ClientError;
use super::first_use::{Fresh, first_use};
use super::hook::after_renewal;
use super::host::{HostFile, ThisHost};
use super::renew::renew;
use crate::clock::{Clock, Timestamp};
use crate::wire::CertificateLife;

/// The first pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// The usual [`Daemon::nap`].
pub const NAP: Duration = Duration::from_secs(60);

/// Events of the daemon.
#[derive(Debug)]
pub enum DaemonEvent<'a> {
    /// The next renewal is at this time.
    Waiting(Timestamp),
    /// A renewal succeeded.
    Renewed(&'a Fresh),
    /// A renewal failed, and is retried at this time.
    Failed(&'a ClientError, Timestamp),
    /// The server has not seen the new certificate, which is presented again at this time.
    Unseen(&'a ClientError, Timestamp),
    /// The command after a renewal failed.
    CommandFailed(String),
}

/// A certificate directory to keep renewed.
pub struct Daemon<'a> {
    /// The identity to renew.
    pub host: ThisHost,
    /// A command for `sh -c` after each renewal, with the directory in `GATEPASS_CERT_DIR`.
    pub on_renew: Option<String>,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Maximum sleep between two looks at the clock, to notice a suspended machine or a stepped clock.
    pub nap: Duration,
}

impl Daemon<'_> {
    /// Renews at two thirds of each certificate's lifetime, with jitter, until `shutdown` or a permanent failure.
    ///
    /// # Errors
    /// The permanent failure: revoked, expired, damaged files.
    pub async fn run(
        &self,
        mut report: impl FnMut(DaemonEvent<'_>),
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ClientError> {
        tokio::pin!(shutdown);
        let host = load_enrolled(&self.host.cert_dir)?;
        let (mut failures, mut seen) = (0, false);
        let mut at = due(&host, random_share());
        report(DaemonEvent::Waiting(at));
        loop {
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                () = self.wait(at, seen, &mut report) => {}
            }
            let renewed = tokio::select! {
                () = &mut shutdown => return Ok(()),
                renewed = renew(&self.host, self.now()) => renewed,
            };
            match renewed {
                Ok(fresh) => {
                    (failures, seen) = (0, fresh.unseen.is_none());
                    report(DaemonEvent::Renewed(&fresh));
                    if let Some(why) = self.after().await {
                        report(DaemonEvent::CommandFailed(why));
                    }
                    at = due(&fresh.host, random_share());
                    report(DaemonEvent::Waiting(at));
                }
                Err(error) if error.is_transient() => {
                    at = self.now().plus(pause(failures, random_share()));
                    (failures, seen) = (failures + 1, true);
                    report(DaemonEvent::Failed(&error, at));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.read().wall
    }

    /// Waits for `at`, and presents the certificate to the server until the server has `seen` it. After a start that is
    /// unknown.
    async fn wait(&self, at: Timestamp, seen: bool, report: &mut impl FnMut(DaemonEvent<'_>)) {
        let mut failures = 0;
        while !seen && self.now() < at {
            let Err(error) = first_use(&self.host, self.now()).await else { break };
            let again = match error.is_transient() {
                true => self.now().plus(pause(failures, random_share())).min(at),
                false => at,
            };
            failures += 1;
            report(DaemonEvent::Unseen(&error, again));
            self.until(again).await;
        }
        self.until(at).await;
    }

    async fn until(&self, at: Timestamp) {
        while self.now() < at {
            tokio::time::sleep(at.since(self.now()).min(self.nap)).await;
        }
    }

    async fn after(&self) -> Option<String> {
        after_renewal(self.on_renew.as_deref()?, &self.host.cert_dir).await.err()
    }
}

/// Time of the next renewal: `renew_after` plus up to a tenth of the remaining lifetime, so that hosts enrolled together
/// renew apart.
fn due(host: &HostFile, share: f64) -> Timestamp {
    let CertificateLife { expires_at, renew_after } = host.life;
    renew_after.plus((expires_at.since(renew_after) / 10).mul_f64(share))
}

/// Pause after a number of failures in a row: doubled each time, capped, with jitter of one half.
fn pause(failures: u32, share: f64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.min(16)));
    doubled.min(LONGEST_PAUSE).mul_f64(0.5 + share / 2.0)
}

/// A number from 0 to 1.
fn random_share() -> f64 {
    f64::from(u32::from_be_bytes(crate::id::random())) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::directory::tests::host_file;

    #[test]
    fn renewal_starts_at_two_thirds_with_jitter() {
        let host = host_file(Timestamp::from_secs(0), Timestamp::from_secs(3000));
        assert_eq!(due(&host, 0.0), Timestamp::from_secs(2000));
        assert_eq!(due(&host, 1.0), Timestamp::from_secs(2100));
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        assert_eq!(pause(0, 1.0), Duration::from_secs(30));
        assert_eq!(pause(3, 1.0), Duration::from_secs(240));
        assert_eq!(pause(3, 0.0), Duration::from_secs(120));
        assert_eq!(pause(u32::MAX, 1.0), LONGEST_PAUSE);
    }

    #[tokio::test]
    async fn a_daemon_without_an_identity_fails() {
        let dir = tempfile::tempdir().unwrap();
        let clock = crate::clock::ManualClock::at(Timestamp::from_secs(0));
        let daemon = Daemon { host: ThisHost::at(dir.path()), on_renew: None, clock: &clock, nap: NAP };
        let ended = daemon.run(|_| {}, std::future::pending()).await;
        assert!(matches!(ended, Err(ClientError::NotEnrolled { .. })));
    }

    #[tokio::test]
    async fn a_daemon_stops_on_shutdown() {
        let dir = tempfile::tempdir().unwrap();
        let host = host_file(Timestamp::from_secs(0), Timestamp::from_secs(3000));
        std::fs::write(dir.path().join("host.json"), serde_json::to_string(&host).unwrap()).unwrap();
        let clock = crate::clock::ManualClock::at(Timestamp::from_secs(0));
        let daemon = Daemon { host: ThisHost::at(dir.path()), on_renew: None, clock: &clock, nap: NAP };
        assert!(daemon.run(|_| {}, std::future::ready(())).await.is_ok());
    }
}
