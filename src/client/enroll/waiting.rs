//! Enrolling on a machine that is ready before its network or its server, or that an administrator must approve: retries
//! until a deadline.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Enroll, EnrollResult, enroll};
use crate::client::ClientError;
use crate::clock::Clock;
use crate::secret::Secret;
use crate::verifier::fetch::pace::Backoff;

/// The shortest pause before a host that waits for approval asks again, whatever the server says.
const SHORTEST: Duration = Duration::from_secs(1);

/// The longest waits of an enrollment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience {
    /// For a server that cannot be reached or is busy.
    pub server: Duration,
    /// For the decision of an administrator, from the first answer that the host waits.
    pub approval: Duration,
}

/// A failure that is followed by another try.
#[derive(Debug)]
pub struct EnrollRetry<'a> {
    /// The failure, or the enrollment that waits for approval.
    pub error: &'a ClientError,
    /// Time until the next try.
    pub pause: Duration,
    /// Time until the last one.
    pub left: Duration,
}

/// Enrolls this host, as [`enroll`]. It repeats a failure that time alone can mend, with growing pauses, and waits for an
/// approval as the server asks, until `patience` is over.
///
/// # Errors
/// As [`enroll`]; at the deadline, the enrollment that waits, or the failure of the last try.
pub async fn enroll_within(
    patience: Patience,
    ask: &Enroll,
    token: &Secret<String>,
    clock: &dyn Clock,
    mut report: impl FnMut(&EnrollRetry<'_>),
) -> Result<EnrollResult, ClientError> {
    let mut wait = Wait::new(patience, Instant::now());
    loop {
        let now = clock.read().wall;
        let error = match enroll(ask, token, now).await {
            Err(error) if is_repeated(&error) => error,
            ended => return ended,
        };
        let asked = error.retry_after(now).unwrap_or_default();
        let Some((pause, left)) = wait.next(&error, asked, Instant::now()) else {
            return Err(wait.approval.unwrap_or(error));
        };
        report(&EnrollRetry { error: &error, pause, left });
        sleep(pause).await;
        wait.note(error);
    }
}

/// A wait that has begun.
struct Wait {
    patience: Patience,
    deadline: Instant,
    backoff: Backoff,
    /// The enrollment that waits for approval.
    approval: Option<ClientError>,
}

impl Wait {
    fn new(patience: Patience, now: Instant) -> Self {
        Self { patience, deadline: now + patience.server, backoff: Backoff::default(), approval: None }
    }

    /// The pause until the next try after `error`, and the time until the last one, which is at the deadline. `None` at the
    /// deadline. `asked` is the pause that the server asks for.
    fn next(&mut self, error: &ClientError, asked: Duration, now: Instant) -> Option<(Duration, Duration)> {
        let waits = matches!(error, ClientError::Waiting { .. });
        if waits && self.approval.is_none() {
            self.deadline = now + self.patience.approval;
        }
        let left = self.deadline.saturating_duration_since(now);
        if left.is_zero() {
            return None;
        }
        let pause = match waits {
            true => {
                self.backoff = Backoff::default();
                asked.max(SHORTEST)
            }
            false => self.backoff.failed().max(asked),
        };
        Some((pause.min(left), left))
    }

    /// Remembers an enrollment that waits.
    fn note(&mut self, error: ClientError) {
        if matches!(error, ClientError::Waiting { .. }) {
            self.approval = Some(error);
        }
    }
}

/// Returns true if the same call is repeated after a pause. An enrollment that nobody decided about in time begins again only
/// with another command.
fn is_repeated(error: &ClientError) -> bool {
    let is_over = matches!(error, ClientError::Pending { .. }) || error.code() == Some("enrollment_expired");
    can_enroll_later(error) && !is_over
}

/// Returns true if the same command can succeed later. Another server at the address is a matter for a person: the fingerprint
/// may be wrong.
pub fn can_enroll_later(error: &ClientError) -> bool {
    match error {
        ClientError::NoServer(failures) => failures.iter().any(can_enroll_later),
        ClientError::Connect(error) if error.is_of_trust() => false,
        other => {
            let ends_later = ["node_limit_exceeded", "token_suspended", "enrollment_expired"];
            other.code().is_some_and(|code| ends_later.contains(&code)) || other.is_later()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::problem::ServerProblem;
    use crate::clock::Timestamp;
    use crate::id::EnrollmentId;
    use crate::wire::{ProblemBody, WaitAnswer};

    const HOUR: Duration = Duration::from_secs(3600);

    fn waiting() -> ClientError {
        let now = Timestamp::from_secs(1_800_000_000);
        let enrollment = WaitAnswer {
            enrollment_id: EnrollmentId::generate(now),
            state: String::from("waiting"),
            code: String::from("Xk9_2fQa"),
            expires_at: now,
        };
        ClientError::Waiting { enrollment: Box::new(enrollment), seconds: 15 }
    }

    fn refused(status: u16, code: &str) -> ClientError {
        let body = ProblemBody { status, code: code.to_owned(), ..ProblemBody::default() };
        ClientError::Refused(Box::new(ServerProblem { body, ..ServerProblem::default() }))
    }

    fn seconds(pause: Option<(Duration, Duration)>) -> Option<(u64, u64)> {
        pause.map(|(pause, left)| (pause.as_secs(), left.as_secs()))
    }

    #[test]
    fn an_approval_has_its_own_deadline() {
        let begun = Instant::now();
        let mut wait = Wait::new(Patience { server: Duration::ZERO, approval: HOUR }, begun);
        let busy = refused(503, "store_unavailable");
        assert_eq!(wait.next(&busy, Duration::ZERO, begun), None, "the server has no patience");
        let asked = Duration::from_secs(15);
        assert_eq!(seconds(wait.next(&waiting(), asked, begun)), Some((15, 3600)));
        wait.note(waiting());
        let later = begun + Duration::from_secs(60);
        let next = wait.next(&busy, Duration::ZERO, later);
        assert!(next.is_some_and(|(pause, left)| pause.as_secs() < 15 && left.as_secs() == 3540), "{next:?}");
        wait.note(busy);
        let near = begun + Duration::from_secs(3590);
        assert_eq!(seconds(wait.next(&waiting(), asked, near)), Some((10, 10)), "the last try");
        assert_eq!(wait.next(&waiting(), asked, begun + HOUR), None);
        assert!(matches!(wait.approval, Some(ClientError::Waiting { .. })), "the code is shown at the end");
    }

    #[test]
    fn a_host_without_patience_asks_once() {
        let now = Instant::now();
        let patience = Patience { server: HOUR, approval: Duration::ZERO };
        assert_eq!(Wait::new(patience, now).next(&waiting(), HOUR, now), None);
    }

    #[test]
    fn a_server_cannot_make_a_host_ask_without_pause() {
        let now = Instant::now();
        let mut wait = Wait::new(Patience { server: HOUR, approval: HOUR }, now);
        assert_eq!(seconds(wait.next(&waiting(), Duration::ZERO, now)), Some((1, 3600)));
    }

    #[test]
    fn only_what_time_can_mend_is_repeated() {
        for repeated in [
            waiting(),
            refused(403, "node_limit_exceeded"),
            refused(403, "token_suspended"),
            refused(429, "too_many_waiting"),
            refused(503, "store_unavailable"),
        ] {
            assert!(can_enroll_later(&repeated) && is_repeated(&repeated), "{repeated:?}");
        }
        for final_refusal in ["enrollment_denied", "enrollment_changed", "binding_mismatch"] {
            assert!(!can_enroll_later(&refused(403, final_refusal)), "{final_refusal}");
        }
        let expired = refused(410, "enrollment_expired");
        assert!(can_enroll_later(&expired) && !is_repeated(&expired), "another run begins again");
    }
}
