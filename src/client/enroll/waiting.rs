//! Enrolling on a machine that is ready before its network or its server: retries until a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Enroll, EnrollResult, enroll};
use crate::client::ClientError;
use crate::clock::Clock;
use crate::secret::Secret;
use crate::verifier::fetch::pace::Backoff;

/// A failure that is followed by another try.
#[derive(Debug)]
pub struct EnrollRetry<'a> {
    /// The failure.
    pub error: &'a ClientError,
    /// Time until the next try.
    pub pause: Duration,
    /// Time until the last one.
    pub left: Duration,
}

/// Enrolls this host, as [`enroll`]. It repeats a failure that time alone can mend until `wait` has passed, with growing
/// pauses.
///
/// # Errors
/// As [`enroll`]; at the deadline, the failure of the last try.
pub async fn enroll_within(
    wait: Duration,
    ask: &Enroll,
    token: &Secret<String>,
    clock: &dyn Clock,
    mut report: impl FnMut(&EnrollRetry<'_>),
) -> Result<EnrollResult, ClientError> {
    let (deadline, mut backoff) = (Instant::now() + wait, Backoff::default());
    loop {
        let now = clock.read().wall;
        let error = match enroll(ask, token, now).await {
            Err(error) if can_enroll_later(&error) && !matches!(error, ClientError::Pending { .. }) => error,
            ended => return ended,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(error);
        }
        // The last try is at the deadline.
        let pause = backoff.failed().max(error.retry_after(now).unwrap_or_default()).min(left);
        report(&EnrollRetry { error: &error, pause, left });
        sleep(pause).await;
    }
}

/// Returns true if time alone may mend the failure. Another server at the address is a matter for a person: the fingerprint may
/// be wrong.
pub fn can_enroll_later(error: &ClientError) -> bool {
    match error {
        ClientError::NoServer(failures) => failures.iter().any(can_enroll_later),
        ClientError::Connect(error) if error.is_of_trust() => false,
        other => other.is_later(),
    }
}
