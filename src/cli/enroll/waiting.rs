//! The wait of `gatepass enroll`, for the server and for an approval.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use indicatif::ProgressBar;
use tokio::sync::Notify;

use crate::cli::error::CliError;
use crate::cli::output::note;
use crate::cli::{page, progress, signals};
use crate::client::ClientError;
use crate::client::enroll::{
    Enroll, EnrollResult, EnrollRetry, Patience, WaitAnswer, can_enroll_later, enroll_within,
};
use crate::clock::SystemClock;
use crate::secret::Secret;
use crate::text::printable;

/// Enrolls this host. It waits no longer than `patience`, and until SIGINT or SIGTERM.
pub(super) async fn enroll_in_time(
    patience: Patience,
    ask: &Enroll,
    token: &Secret<String>,
) -> Result<EnrollResult, CliError> {
    let mut waiting = Waiting::new(token);
    let stop = Arc::clone(&waiting.stop);
    let ended = tokio::select! {
        ended = enroll_within(patience, ask, token, &SystemClock, |retry| waiting.show(retry)) => Some(ended),
        () = stop.notified() => None,
    };
    waiting.end();
    match ended {
        Some(ended) => ended.map_err(failed),
        None => Err(waiting.interrupted()),
    }
}

/// The failure of an enrollment, which can be one to try again.
fn failed(error: ClientError) -> CliError {
    match can_enroll_later(&error) {
        true => CliError::Later(error),
        false => error.into(),
    }
}

/// A wait as it is shown: one changing line on a terminal, else a line for each new cause.
struct Waiting<'t> {
    /// It names the server of the page for the approver.
    token: &'t Secret<String>,
    spinner: Option<ProgressBar>,
    cause: String,
    /// The enrollment that waits for approval, and the seconds between two questions about it.
    approval: Option<(WaitAnswer, u64)>,
    /// Notified by SIGINT and SIGTERM, once the wait has begun.
    stop: Arc<Notify>,
    begun: bool,
}

impl<'t> Waiting<'t> {
    fn new(token: &'t Secret<String>) -> Self {
        let (spinner, cause, stop) = (None, String::new(), Arc::default());
        Self { token, spinner, cause, approval: None, stop, begun: false }
    }

    fn show(&mut self, retry: &EnrollRetry<'_>) {
        self.catch_signals();
        match retry.error {
            ClientError::Waiting { enrollment, seconds } => self.show_approval(enrollment, *seconds),
            _ => self.show_failure(retry),
        }
    }

    /// Ends the wait at SIGINT and SIGTERM from now on. The first process of a container ignores them otherwise.
    fn catch_signals(&mut self) {
        if !std::mem::replace(&mut self.begun, true)
            && let Ok(ended) = signals::end()
        {
            let stop = Arc::clone(&self.stop);
            tokio::spawn(async move {
                ended.await;
                stop.notify_one();
            });
        }
    }

    fn show_approval(&mut self, enrollment: &WaitAnswer, seconds: u64) {
        let known = self.approval.as_ref().map(|(known, _)| known.enrollment_id);
        if known != Some(enrollment.enrollment_id) {
            self.end();
            let page = page::link(self.token.expose(), &format!("/approvals/{}", enrollment.enrollment_id));
            note(announcement(enrollment, page));
        }
        self.cause.clear();
        self.approval = Some((enrollment.clone(), seconds));
        self.set_message("waiting for approval");
    }

    fn show_failure(&mut self, EnrollRetry { error, pause, left }: &EnrollRetry<'_>) {
        let cause = error.to_string().replace('\n', " ");
        if io::stderr().is_terminal() {
            let (pause, left) = (pause.as_secs(), left.as_secs());
            self.set_message(&format!("{cause}; next try in {pause} s, {left} s left"));
        } else if cause != self.cause {
            note(format!("gatepass: {cause}; trying again for {} s", left.as_secs()));
            self.cause = cause;
        }
    }

    fn set_message(&mut self, message: &str) {
        if io::stderr().is_terminal() {
            let spinner = self.spinner.get_or_insert_with(progress::timed);
            spinner.set_message(message.to_owned());
        }
    }

    fn end(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    fn interrupted(self) -> CliError {
        match self.approval {
            Some((enrollment, seconds)) => {
                CliError::Later(ClientError::Waiting { enrollment: Box::new(enrollment), seconds })
            }
            None => CliError::Interrupted,
        }
    }
}

/// The facts that a person needs to approve this host.
fn announcement(enrollment: &WaitAnswer, page: Option<String>) -> String {
    let WaitAnswer { enrollment_id: id, code, expires_at, .. } = enrollment;
    let page = page.map(|page| format!("\n  page        {}", printable(&page))).unwrap_or_default();
    format!(
        "gatepass: this host waits for approval until {expires_at}\n  enrollment  {id}\n  code        {}\n  approve     gatepass enrollment \
         approve {id}{page}\nThe approver must see the same code.",
        printable(code)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::EnrollmentId;

    #[test]
    fn the_announcement_has_what_an_approver_needs() {
        let now = Timestamp::from_millis(1_800_000_000_307);
        let (id, code) = (EnrollmentId::generate(now), String::from("Xk9_2fQa"));
        let answer = WaitAnswer { enrollment_id: id, state: String::from("waiting"), code, expires_at: now };
        let text = announcement(&answer, Some("https://a.test/approvals/1".to_owned()));
        for word in [
            "\n  page        https://a.test/approvals/1\n",
            &format!("enrollment approve {id}"),
            "Xk9_2fQa",
            "2027-01-15T08:00:00Z",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }
}
