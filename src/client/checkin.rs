//! The check-in of a host: it reports its state, and learns its next steps.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::authority::HostClient;
use super::error::ClientError;
use super::host::{HostFile, ThisHost};
use super::policy_file::{PolicyFile, PolicyMark};
use super::renewal::record::RenewalRecord;
use super::servers::Question;
use crate::clock::Timestamp;
use crate::text::printable;
use crate::wire::{CheckInAnswer, CheckInReport, HostHealth};

/// The route of check-ins.
const CHECKIN: &str = "/api/v1/checkin";
/// The route of the host's policy.
const POLICY: &str = "/api/v1/policy";
/// Maximum length of a message in characters.
const LONGEST_MESSAGE: usize = 256;

/// Checks `this` host in. Returns the host file, with the addresses of the answer, and the answer.
///
/// # Errors
/// If there is no identity, it has expired, or the server was not reached or refuses it. A server without check-ins answers
/// 404: see [`is_unknown_route`].
pub async fn check_in(
    this: &ThisHost,
    report: &CheckInReport,
    now: Timestamp,
) -> Result<(HostFile, CheckInAnswer), ClientError> {
    let client = HostClient::open(this, now).await?;
    let answer = client.ask::<CheckInAnswer>(&Question::post(CHECKIN, json!(report))).await?;
    let current = answer.body.server.as_deref().unwrap_or(&answer.url);
    Ok((client.follow(&answer.url, Some(current)), answer.body))
}

/// A policy as it was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchedPolicy {
    /// Its revision.
    pub mark: PolicyMark,
    /// True if the file had another one.
    pub is_new: bool,
    /// Time until a key of the host may be ready; `None`: each is.
    pub retry_after: Option<Duration>,
}

/// Fetches the policy of `this` host into the file. The file stays as it is if it has this policy.
///
/// # Errors
/// As [`check_in`], or the host has no policy, or the file cannot be written.
pub async fn fetch_policy(
    this: &ThisHost,
    file: &PolicyFile,
    now: Timestamp,
) -> Result<FetchedPolicy, ClientError> {
    let client = HostClient::open(this, now).await?;
    let answer = client.ask::<Map<String, Value>>(&Question::get(POLICY)).await?;
    let policy = Value::Object(answer.body);
    let unreadable = || ClientError::Answer { what: String::from("the policy has no id and revision") };
    let mark = PolicyMark::of(&policy).ok_or_else(unreadable)?;
    let is_new = file.held() != Some(mark);
    if is_new {
        file.write(&policy)?;
    }
    let retry_after = answer.retry_after.map(|after| after.pause(now));
    Ok(FetchedPolicy { mark, is_new, retry_after })
}

/// Returns true if the server does not know the route: it is of an earlier version.
pub fn is_unknown_route(error: &ClientError) -> bool {
    error.refusal().is_some_and(|problem| problem.body.status == 404)
}

/// The report of a daemon with this `record`, whose host has the policy `held`.
pub fn report(record: &RenewalRecord, held: Option<PolicyMark>) -> CheckInReport {
    let message = trouble(record).map(|trouble| shortened(&trouble)).unwrap_or_default();
    CheckInReport {
        version: String::from(env!("CARGO_PKG_VERSION")),
        status: if message.is_empty() { HostHealth::Healthy } else { HostHealth::Degraded },
        message,
        policy: held.map(|mark| mark.policy),
        policy_revision: held.map(|mark| mark.revision),
        // A server before outputs refuses the field.
        outputs_revision: held.map(|mark| mark.outputs_revision).filter(|revision| *revision > 0),
        ..CheckInReport::default()
    }
}

/// The first failure that the daemon has not overcome.
fn trouble(record: &RenewalRecord) -> Option<String> {
    let hook = |hook: &Option<super::renewal::record::HookRecord>| hook.as_ref()?.attempt.error.clone();
    let policy = || record.checkin.as_ref()?.policy.as_ref()?.policy_error.clone();
    let renewal = record.attempt.error.as_ref().map(|error| format!("renewal: {error}"));
    renewal
        .or_else(|| hook(&record.hook).map(|error| format!("hook: {error}")))
        .or_else(|| policy().map(|error| format!("policy: {error}")))
        .or_else(|| hook(&record.policy_hook).map(|error| format!("policy hook: {error}")))
}

/// One line in the form that the server accepts.
fn shortened(text: &str) -> String {
    printable(text.lines().next().unwrap_or_default()).chars().take(LONGEST_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::renewal::record::{Attempt, HookRecord};
    use crate::id::PolicyId;

    const NOW: Timestamp = Timestamp::from_secs(1_893_456_000);

    #[test]
    fn a_daemon_without_failures_is_healthy() {
        let held = PolicyMark { policy: PolicyId::generate(NOW), revision: 3, outputs_revision: 5 };
        let report = report(&RenewalRecord::default(), Some(held));
        assert_eq!((report.status, report.message.as_str()), (HostHealth::Healthy, ""));
        assert_eq!((report.policy, report.policy_revision), (Some(held.policy), Some(3)));
        assert_eq!(report.outputs_revision, Some(5));
        assert_eq!(report.version, env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn a_failed_hook_degrades_the_host() {
        let failed = format!("it ended with 3: {}\nsecond line", "\u{1b}".repeat(300));
        let attempt = Attempt::of(NOW, &Err::<(), _>(failed));
        let hook = Some(HookRecord { attempt, ..HookRecord::default() });
        let report = report(&RenewalRecord { policy_hook: hook, ..RenewalRecord::default() }, None);
        assert_eq!(report.status, HostHealth::Degraded);
        assert!(report.message.starts_with("policy hook: it ended with 3"), "{}", report.message);
        assert_eq!(report.message.chars().count(), LONGEST_MESSAGE);
        assert!(crate::text::is_plain(&report.message) && !report.message.contains("second"));
    }
}
