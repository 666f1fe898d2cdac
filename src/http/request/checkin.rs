//! The body of a check-in.

use crate::clock::Timestamp;
use crate::name::{Labels, free_text};
use crate::service::{FieldError, RequestError};
use crate::store::CheckIn;
use crate::text::is_plain;
use crate::wire::CheckInReport;

/// Maximum length of a message in characters.
pub(in crate::http) const LONGEST_MESSAGE: usize = 256;

/// Maximum number of outputs that a check-in reports as failed.
const MOST_FAILED: usize = 16;

/// Checks every text of a check-in at `at`.
///
/// # Errors
/// [`RequestError::Fields`] with every invalid field, `faults` of the decoding included.
pub(in crate::http) fn judge_checkin(
    report: CheckInReport,
    at: Timestamp,
    mut faults: Vec<FieldError>,
) -> Result<CheckIn, RequestError> {
    let CheckInReport {
        version,
        status,
        message,
        labels,
        policy,
        policy_revision,
        outputs_revision: _,
        outputs_failed,
    } = report;
    if let Err(error) = free_text("version", &version) {
        faults.push(FieldError::of("version", &error));
    }
    let length = message.chars().count();
    if length > LONGEST_MESSAGE {
        let most = format!("is {length} characters long; at most {LONGEST_MESSAGE} are allowed");
        faults.push(FieldError::new("message", most));
    } else if !is_plain(&message) {
        faults.push(FieldError::new("message", "has control or invisible characters: leave them out"));
    }
    if policy.is_none() && policy_revision.is_some() {
        faults.push(FieldError::new("policy", "is missing: a revision is one of a policy"));
    }
    if outputs_failed.len() > MOST_FAILED {
        let most = format!("has {} outputs; at most {MOST_FAILED} are allowed", outputs_failed.len());
        faults.push(FieldError::new("outputs_failed", most));
    }
    // The store counts revisions from 1, in signed numbers.
    if policy_revision.is_some_and(|revision| revision == 0 || i64::try_from(revision).is_err()) {
        faults.push(FieldError::new("policy_revision", "is no revision: revisions count from 1"));
    }
    let labels = Labels::parse(&labels).unwrap_or_else(|wrong| {
        faults.extend(wrong.into_iter().map(|(name, why)| FieldError::new(place(&name), why)));
        Labels::default()
    });
    RequestError::refuse(faults)?;
    Ok(CheckIn { at, version, status, message, labels, policy, policy_revision })
}

fn place(name: &str) -> String {
    if name.is_empty() { String::from("labels") } else { format!("labels.{name}") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::id::PolicyId;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    fn report() -> CheckInReport {
        CheckInReport {
            version: String::from("1.0"),
            message: "\u{fc}".repeat(LONGEST_MESSAGE),
            labels: BTreeMap::from([(String::from("site"), String::from("eu-1"))]),
            policy: Some(PolicyId::generate(NOW)),
            policy_revision: Some(3),
            ..CheckInReport::default()
        }
    }

    fn faults(report: CheckInReport) -> Vec<String> {
        match judge_checkin(report, NOW, Vec::new()) {
            Err(RequestError::Fields(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_check_in_is_taken_as_it_is() {
        let checkin = judge_checkin(report(), NOW, Vec::new()).unwrap();
        let CheckInReport { version, status, message, labels, policy, policy_revision, .. } = report();
        assert_eq!((checkin.at, checkin.version, checkin.status), (NOW, version, status));
        assert_eq!((checkin.message, checkin.labels), (message, Labels::parse(&labels).unwrap()));
        assert_eq!(checkin.policy_revision, policy_revision);
        assert!(checkin.policy.is_some() && policy.is_some());
    }

    #[test]
    fn every_wrong_field_of_a_check_in_is_named() {
        let wrong = CheckInReport {
            version: "x".repeat(129),
            message: "x".repeat(LONGEST_MESSAGE + 1),
            labels: BTreeMap::from([(String::from("a b"), String::from("x"))]),
            policy: None,
            ..report()
        };
        assert_eq!(faults(wrong), ["version", "message", "policy", "labels.a b"]);
        for revision in [0, 1 << 63, u64::MAX] {
            let wrong = CheckInReport { policy_revision: Some(revision), ..report() };
            assert_eq!(faults(wrong), ["policy_revision"], "{revision}");
        }
        let hidden = CheckInReport { message: String::from("a\u{202e}b"), ..report() };
        assert_eq!(faults(hidden), ["message"]);
        let many = (0..33).map(|number| (format!("n{number}"), String::new())).collect();
        assert_eq!(faults(CheckInReport { labels: many, ..report() }), ["labels"]);
    }
}
