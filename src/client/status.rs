//! The state of the host's identity.

use std::time::Duration;

use serde::Serialize;

use super::authority::{HostClient, server_clock};
use super::directory::{examine, repair};
use super::error::ClientError;
use super::host::{HostFile, ThisHost};
use super::renewal::RenewalStatus;
use super::servers::ServerAnswer;
use crate::clock::Timestamp;
use crate::wire::HostSummary;

/// Maximum clock skew. A larger one breaks tokens and certificates.
const TOLERATED_SKEW: Duration = Duration::from_secs(60);

/// The state of an identity.
#[derive(Clone, Debug, Serialize)]
pub struct HostStatus {
    /// The host file.
    pub host: HostFile,
    /// Seconds until the certificate expires; 0 if it has.
    pub seconds_left: u64,
    /// Reasons why the identity cannot be used.
    pub faults: Vec<String>,
    /// True if renewal is due.
    pub due: bool,
    /// True if nobody has renewed in time.
    pub late: bool,
    /// True if a hook is owed that no daemon is about to run, or the policy or its hook has failed.
    pub hook_late: bool,
    /// The renewals of the identity.
    pub renewal: RenewalStatus,
    /// The answer of the server.
    pub server: Reached,
    /// URL of the server that knows the host.
    pub answered_by: Option<String>,
    /// Seconds that this machine's clock is ahead of the server's (negative: behind), if the server sent its time.
    pub clock_ahead: Option<i64>,
}

/// The answer of the server to this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "why")]
pub enum Reached {
    /// The server knows the host.
    Good,
    /// The server refuses the host.
    Refused(String),
    /// The server was not reached.
    Unreachable(String),
    /// The server was not asked: an expired certificate, or one with a fault, is not presented.
    NotAsked,
}

impl HostStatus {
    /// Exit code: 0 good; 1 action needed soon; 2 the identity does not work. With `check`, a certificate that expires within
    /// that span needs action; without, one whose renewal is late.
    pub fn exit_code(&self, check: Option<Duration>) -> u8 {
        let skewed = self.clock_ahead.is_some_and(is_skewed);
        let ending = check.map_or(self.late, |check| self.seconds_left < check.as_secs());
        match self.server {
            _ if !self.faults.is_empty() => 2,
            _ if self.seconds_left == 0 => 2,
            Reached::Refused(_) | Reached::NotAsked => 2,
            // The certificate works at other services.
            Reached::Unreachable(_) => 1,
            Reached::Good if ending || skewed || self.hook_late => 1,
            Reached::Good => 0,
        }
    }
}

/// Returns true if a clock that is this many seconds ahead breaks tokens and certificates.
pub const fn is_skewed(ahead: i64) -> bool {
    ahead.unsigned_abs() > TOLERATED_SKEW.as_secs()
}

/// Reads the identity of `this` host and asks the server about it.
///
/// # Errors
/// If there is no identity, or its files are damaged.
pub async fn status(this: &ThisHost, now: Timestamp) -> Result<HostStatus, ClientError> {
    // Without write access, an interrupted change stays as it is.
    let _ = repair(&this.cert_dir);
    let (mut host, faults) = examine(&this.cert_dir)?;
    let presented = match faults.is_empty() {
        false => None,
        true => Some(present(this, now).await),
    };
    let (server, answered_by, date) = match presented.transpose() {
        Ok(None) => (Reached::NotAsked, None, None),
        Ok(Some((shown, answer))) => {
            host = shown;
            (Reached::Good, Some(answer.url), answer.date)
        }
        Err(ClientError::Refused(problem)) if !problem.is_transient() => {
            (Reached::Refused(problem.to_string()), None, problem.date)
        }
        Err(ClientError::Expired { .. }) => (Reached::NotAsked, None, server_clock(this).await),
        Err(error) if error.is_of_address() || error.is_transient() => {
            (Reached::Unreachable(error.to_string()), None, None)
        }
        Err(error) => return Err(error),
    };
    let clock_ahead = date.map(|server| now.secs() - server.secs());
    let renewal = RenewalStatus::read(&this.cert_dir, &host.life, now);
    let hook_late = renewal.is_hook_late(now) || renewal.is_policy_late();
    // A clock that is far ahead must not make the certificate look expired.
    let now = if host.is_live(now) { now } else { date.unwrap_or(now) };
    let (due, late) = (host.is_due(now), renewal.is_late(&host.life, now));
    let seconds_left = host.life.expires_at.since(now).as_secs();
    let faults = faults.iter().map(ToString::to_string).collect();
    Ok(HostStatus {
        seconds_left,
        faults,
        due,
        late,
        hook_late,
        renewal,
        host,
        server,
        answered_by,
        clock_ahead,
    })
}

/// Presents the certificate to the server.
async fn present(
    this: &ThisHost,
    now: Timestamp,
) -> Result<(HostFile, ServerAnswer<HostSummary>), ClientError> {
    HostClient::open(this, now).await?.present().await
}
