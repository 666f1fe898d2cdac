//! Errors of the request itself.

use super::FieldError;
use crate::access::Excess;

/// The request is wrong, goes beyond the caller's limits, or names something that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Every invalid field of the request.
    #[error("the request has {} invalid field(s)", .0.len())]
    Fields(Vec<FieldError>),
    /// Every limit of the caller that the request exceeds.
    #[error("{}", beyond(.0))]
    BeyondLimits(Vec<Excess>),
    /// The thing does not exist.
    #[error("there is no {what} {id}")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
        /// Its id as requested, if it is safe to repeat.
        id: String,
    },
    /// The caller used the idempotency key for another request.
    #[error(
        "this Idempotency-Key was sent with another body within a day: send the same body, or another key"
    )]
    IdempotencyConflict,
    /// The thing changed since the caller read it (`If-Match`).
    #[error("it has changed since you read it; nothing was done: read it again")]
    Stale,
    /// There are as many auto-approve rules as there may be.
    #[error("there are {most} auto-approve rules, which is the most: delete some first")]
    TooManyRules {
        /// Maximum number of rules.
        most: u32,
    },
    /// There are as many policies as there may be.
    #[error("there are {most} policies, which is the most: delete some first")]
    TooManyPolicies {
        /// Maximum number of policies.
        most: u32,
    },
    /// Another policy has the name.
    #[error("a policy {name:?} exists already: choose another name")]
    PolicyExists {
        /// The name that is taken.
        name: String,
    },
    /// Hosts that are not revoked have the policy.
    #[error("{} this policy: move hosts to another policy, or revoke them", holders(*.hosts))]
    PolicyInUse {
        /// Number of these hosts.
        hosts: u64,
    },
    /// There are as many outputs as there may be.
    #[error("there are {most} outputs, which is the most: delete some first")]
    TooManyOutputs {
        /// Maximum number of outputs.
        most: u32,
    },
    /// Another output has the name.
    #[error("an output {name:?} exists already: choose another name")]
    OutputExists {
        /// The name that is taken.
        name: String,
    },
    /// Policies have the output.
    #[error("{} this output: take it out first", users(*.policies))]
    OutputInUse {
        /// Number of these policies.
        policies: u64,
    },
    /// The selection of a bulk operation changed since it was counted.
    #[error("the selection has {count} now and changed since it was counted; nothing was done: count again")]
    CountChanged {
        /// The current number of things selected.
        count: u64,
    },
}

impl RequestError {
    /// The thing with this id does not exist.
    pub fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// Fails if a field is invalid.
    ///
    /// # Errors
    /// [`RequestError::Fields`] with every one of `faults`.
    pub fn refuse(faults: Vec<FieldError>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self::Fields(faults)) }
    }
}

/// The hosts that have something.
fn holders(hosts: u64) -> String {
    if hosts == 1 { "1 host has".to_owned() } else { format!("{hosts} hosts have") }
}

/// The policies that have something.
fn users(policies: u64) -> String {
    if policies == 1 { "1 policy has".to_owned() } else { format!("{policies} policies have") }
}

fn beyond(excess: &[Excess]) -> String {
    let each = excess.iter().map(|excess| format!("{}: {}", excess.limit, excess.message));
    format!("this is beyond your limits: {}", each.collect::<Vec<_>>().join("; "))
}
