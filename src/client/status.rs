//! The state of the host's identity.

use std::path::Path;
use std::time::Duration;

use http::Method;
use serde::Serialize;

use super::authority::{connect, server_time};
use super::directory::load_enrolled;
use super::error::ClientError;
use super::host::HostFile;
use super::problem::ServerProblem;
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

/// Reads the identity in `dir` and asks the server about it.
///
/// # Errors
/// If there is no identity, or its files are damaged.
pub async fn status(dir: &Path, now: Timestamp) -> Result<HostStatus, ClientError> {
    let host = load_enrolled(dir)?;
    let (server, clock_ahead) = match connect(dir, now) {
        Ok((connector, _)) => match connector.request(Method::GET, "/api/v1/whoami", &[], None).await {
            Ok(response) => {
                let ahead = server_time(&response.headers).map(|server| now.secs() - server.secs());
                let reached = match response.status.is_success() {
                    true => Reached::Good,
                    false => Reached::Refused(ServerProblem::of(&response).to_string()),
                };
                (reached, ahead)
            }
            Err(error) => (Reached::Unreachable(error.to_string()), None),
        },
        Err(ClientError::Expired { .. }) => (Reached::NotAsked, None),
        Err(error) => return Err(error),
    };
    let seconds_left = host.life.expires_at.since(now).as_secs();
    Ok(HostStatus { seconds_left, due: host.is_due(now), host, server, clock_ahead })
}
