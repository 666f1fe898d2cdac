//! The verbs about hosts that wait for a decision.

use crate::clock::Timestamp;
use crate::id::{EnrollmentId, RuleId};
use crate::ledger::Draft;
use crate::store::Admission;

/// Maximum number of enrollments that wait, of all tokens.
pub const MOST_WAITING: u32 = 10_000;

/// Maximum number of enrollments that wait, of one token and one site: an IPv4 address or an IPv6 /64.
pub const MOST_WAITING_AT_SITE: u32 = 100;

/// The approval that a new host needs.
pub struct Gate {
    /// The rules that match it, oldest first. The first one with room admits it.
    pub rules: Vec<JudgedRule>,
    /// The treatment of a host that no rule admits.
    pub otherwise: Otherwise,
}

/// A rule as it was judged. One with another revision in the store makes the outcome [`Redeemed::FactsChanged`](crate::store::Redeemed::FactsChanged).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedRule {
    /// One that matches the host.
    pub rule: RuleId,
    /// State of the rule that was judged.
    pub revision: u64,
}

/// The treatment of a host that no rule admits.
pub enum Otherwise {
    /// It is admitted, and its entry gets the detail `approval: warn`.
    Warn,
    /// It waits.
    Wait(Box<NewEnrollment>),
}

/// An enrollment that begins to wait. Name, cluster, roles and key are those of the [`Admission`] beside it.
pub struct NewEnrollment {
    /// Public id, which the host shows too.
    pub id: EnrollmentId,
    /// The public key of the host, as a DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
    pub public_key: Vec<u8>,
    /// The code that host and approver compare.
    pub code: String,
    /// The end of the wait.
    pub expires_at: Timestamp,
    /// Maximum number of waiting enrollments of the token.
    pub most_of_token: u32,
    /// The entry of the wait; written instead of the admission's.
    pub entry: Draft,
}

/// See [`Verbs::approve_enrollment`](crate::store::Verbs::approve_enrollment). A refusal leaves the host waiting.
pub struct ApproveEnrollment {
    /// Id of the enrollment.
    pub enrollment: EnrollmentId,
    /// The host that is admitted. Its key is that of the enrollment.
    pub admission: Admission,
    /// End of the record.
    pub keep_until: Timestamp,
}

/// See [`Verbs::deny_enrollment`](crate::store::Verbs::deny_enrollment).
pub struct DenyEnrollment {
    /// Id of the enrollment.
    pub enrollment: EnrollmentId,
    /// The reason, for the host.
    pub reason: String,
    /// True if the use that the enrollment holds is spent. Otherwise the token gets it back.
    pub keep_use: bool,
    /// End of the record: until then the key is refused.
    pub keep_until: Timestamp,
    /// The entry of the decision.
    pub entry: Draft,
}

/// See [`Verbs::expire_enrollment`](crate::store::Verbs::expire_enrollment).
pub struct ExpireEnrollment {
    /// Id of the enrollment.
    pub enrollment: EnrollmentId,
    /// End of the record.
    pub keep_until: Timestamp,
    /// The entry of the expiry; not written if collection was first.
    pub entry: Draft,
}
