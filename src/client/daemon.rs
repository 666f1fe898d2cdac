//! Renewing for as long as the machine runs.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::directory::load;
use super::error::ClientError;
use super::first_use::{Fresh, first_use};
use super::host::HostFile;
use super::renew::renew;
use crate::clock::{Clock, Timestamp};

/// The first pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// How long to sleep at most before the clock is looked at again: a suspended machine or a stepped clock is noticed.
const NAP: Duration = Duration::from_secs(60);

/// What the daemon tells whoever runs it.
#[derive(Debug)]
pub enum DaemonEvent<'a> {
    /// It waits for this moment.
    Waiting(Timestamp),
    /// It renewed.
    Renewed(&'a HostFile),
    /// It failed and tries again at that moment.
    Failed(&'a ClientError, Timestamp),
    /// The server has not seen the certificate that it renewed; it is shown again at that moment.
    Unseen(&'a ClientError, Timestamp),
    /// The command after a renewal failed.
    CommandFailed(String),
}

/// What to renew, and what to run afterwards.
pub struct Daemon<'a> {
    /// The certificate directory.
    pub dir: PathBuf,
    /// A command for `sh -c` after each renewal. It finds the directory in `GATEPASS_CERT_DIR`.
    pub on_renew: Option<String>,
    /// The time.
    pub clock: &'a dyn Clock,
}

impl Daemon<'_> {
    /// Renews at two thirds of each certificate's life, spread by jitter, until `shutdown` or a failure that time does
    /// not heal.
    ///
    /// # Errors
    /// That failure: revoked, expired, damaged files.
    pub async fn run(
        &self,
        mut told: impl FnMut(DaemonEvent<'_>),
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), ClientError> {
        tokio::pin!(shutdown);
        let host = load(&self.dir)?.ok_or_else(|| ClientError::NotEnrolled { dir: self.dir.clone() })?;
        let (mut failures, mut seen) = (0, false);
        let mut at = due(&host, random_share());
        told(DaemonEvent::Waiting(at));
        loop {
            tokio::select! {
                () = &mut shutdown => return Ok(()),
                () = self.wait(at, seen, &mut told) => {}
            }
            let renewed = tokio::select! {
                () = &mut shutdown => return Ok(()),
                renewed = renew(&self.dir, self.now()) => renewed,
            };
            match renewed {
                Ok(Fresh { host, unseen }) => {
                    (failures, seen) = (0, unseen.is_none());
                    told(DaemonEvent::Renewed(&host));
                    if let Some(why) = self.after().await {
                        told(DaemonEvent::CommandFailed(why));
                    }
                    at = due(&host, random_share());
                    told(DaemonEvent::Waiting(at));
                }
                Err(error) if error.is_transient() => {
                    at = self.now().plus(pause(failures, random_share()));
                    (failures, seen) = (failures + 1, true);
                    told(DaemonEvent::Failed(&error, at));
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.clock.read().wall
    }

    /// Waits for `at`. Meanwhile the server is shown a certificate that it has not `seen`: one whose first use failed or,
    /// as nobody knows after a start, the one that is there.
    async fn wait(&self, at: Timestamp, seen: bool, told: &mut impl FnMut(DaemonEvent<'_>)) {
        let mut failures = 0;
        while !seen && self.now() < at {
            let Err(error) = first_use(&self.dir, self.now()).await else { break };
            let again = match error.is_transient() {
                true => self.now().plus(pause(failures, random_share())).min(at),
                false => at,
            };
            failures += 1;
            told(DaemonEvent::Unseen(&error, again));
            self.until(again).await;
        }
        self.until(at).await;
    }

    async fn until(&self, at: Timestamp) {
        while self.now() < at {
            tokio::time::sleep(at.since(self.now()).min(NAP)).await;
        }
    }

    async fn after(&self) -> Option<String> {
        run_command(self.on_renew.as_deref()?, &self.dir).await.err()
    }
}

/// Runs the command that follows a renewal: it learns the directory, and no secret that this process holds.
///
/// # Errors
/// How it failed.
pub async fn run_command(command: &str, dir: &Path) -> Result<(), String> {
    let mut shell = tokio::process::Command::new("/bin/sh");
    shell.arg("-c").arg(command).env("GATEPASS_CERT_DIR", dir).stdin(std::process::Stdio::null());
    for secret in ["GATEPASS_TOKEN", "GATEPASS_PASSWORD", "GATEPASS_ADMIN_PASSWORD", "GATEPASS_API_KEY"] {
        shell.env_remove(secret);
    }
    match shell.kill_on_drop(true).status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the --on-renew command ended with {status}")),
        Err(error) => Err(format!("the --on-renew command did not start: {error}")),
    }
}

/// When to renew: from `renew_after` on, within a tenth of what is left then, so that hosts that were enrolled together
/// do not come together.
fn due(host: &HostFile, share: f64) -> Timestamp {
    host.renew_after.plus((host.expires_at.since(host.renew_after) / 10).mul_f64(share))
}

/// How long to wait after the `failures`-th failure in a row: doubling, capped, between half and all of it.
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
    fn renewal_begins_at_two_thirds_and_is_spread_over_a_tenth_of_the_rest() {
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
    async fn the_command_after_a_renewal_learns_the_directory_and_its_failure_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let command = "test -d \"$GATEPASS_CERT_DIR\" && test -z \"$GATEPASS_TOKEN\"";
        assert_eq!(run_command(command, dir.path()).await, Ok(()));
        assert!(run_command("exit 3", dir.path()).await.unwrap_err().contains('3'));
    }

    #[tokio::test]
    async fn a_daemon_without_an_identity_says_so_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let clock = crate::clock::ManualClock::at(Timestamp::from_secs(0));
        let daemon = Daemon { dir: dir.path().to_owned(), on_renew: None, clock: &clock };
        let ended = daemon.run(|_| {}, std::future::pending()).await;
        assert!(matches!(ended, Err(ClientError::NotEnrolled { .. })));
    }

    #[tokio::test]
    async fn a_daemon_ends_well_when_it_is_told_to() {
        let dir = tempfile::tempdir().unwrap();
        let host = host_file(Timestamp::from_secs(0), Timestamp::from_secs(3000));
        std::fs::write(dir.path().join("host.json"), serde_json::to_string(&host).unwrap()).unwrap();
        let clock = crate::clock::ManualClock::at(Timestamp::from_secs(0));
        let daemon = Daemon { dir: dir.path().to_owned(), on_renew: None, clock: &clock };
        assert!(daemon.run(|_| {}, std::future::ready(())).await.is_ok());
    }
}
