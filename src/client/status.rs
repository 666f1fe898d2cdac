//! The state of the host's identity.

use std::time::Duration;

use serde::Serialize;

use super::authority::HostClient;
use super::directory::load_enrolled;
use super::error::ClientError;
use super::host::{HostFile, ThisHost};
use crate::clock::Timestamp;

/// Maximum clock skew. A larger one breaks tokens and certificates.
const TOLERATED_SKEW: Duration = Duration::from_secs(60);

/// The state of an identity.
#[derive(Clone, Debug, Serialize)]
pub struct HostStatus {
    /// The host file.
    pub host: HostFile,
    /// Seconds until the certificate expires; 0 if it has.
    pub seconds_left: u64,
    /// True if renewal is due.
    pub due: bool,
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
    /// The server was not asked: an expired certificate is not presented.
    NotAsked,
}

impl HostStatus {
    /// Exit code: 0 good; 1 action needed soon (renewal due, clock off); 2 the identity does not work.
    pub fn exit_code(&self) -> u8 {
        let skewed = self.clock_ahead.is_some_and(|ahead| ahead.unsigned_abs() > TOLERATED_SKEW.as_secs());
        match self.server {
            Reached::Good if self.seconds_left == 0 => 2,
            Reached::Good if self.due || skewed => 1,
            Reached::Good => 0,
            Reached::Refused(_) | Reached::Unreachable(_) | Reached::NotAsked => 2,
        }
    }
}

/// Reads the identity of `this` host and asks the server about it.
///
/// # Errors
/// If there is no identity, or its files are damaged.
pub async fn status(this: &ThisHost, now: Timestamp) -> Result<HostStatus, ClientError> {
    let mut host = load_enrolled(&this.cert_dir)?;
    let presented = match HostClient::open(this, now) {
        Ok(client) => client.present().await,
        Err(error) => Err(error),
    };
    let (server, answered_by, date) = match presented {
        Ok((shown, answer)) => {
            host = shown;
            (Reached::Good, Some(answer.url), answer.date)
        }
        Err(ClientError::Refused(problem)) => (Reached::Refused(problem.to_string()), None, problem.date),
        Err(ClientError::Expired { .. }) => (Reached::NotAsked, None, None),
        Err(error) if error.is_of_address() => (Reached::Unreachable(error.to_string()), None, None),
        Err(error) => return Err(error),
    };
    let clock_ahead = date.map(|server| now.secs() - server.secs());
    let seconds_left = host.life.expires_at.since(now).as_secs();
    Ok(HostStatus { seconds_left, due: host.is_due(now), host, server, answered_by, clock_ahead })
}
