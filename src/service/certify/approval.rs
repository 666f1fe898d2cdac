//! Approval of new hosts: rules admit them, or they wait until a person decides.

use std::time::Duration;

use super::opaque_key::of_credential;
use super::redeem::{RedeemTicket, replacement};
use super::{Enrollment, judged};
use crate::admission::{Applicant, HostClaims, Rules};
use crate::approval::Approval;
use crate::ca::Csr;
use crate::clock::Timestamp;
use crate::id::EnrollmentId;
use crate::ledger::{Action, Draft, Subjects};
use crate::service::{Caller, HostCaller, HostError, ServiceError, TokenError};
use crate::store::{
    Admission, EnrollmentRecord, EnrollmentState, ExpireEnrollment, Gate, JudgedRule, KEEP_AFTER_EXPIRY,
    NewEnrollment, Otherwise, Policy, Redeem, Redeemed,
};
use crate::token::Grant;

/// The longest wait for a decision, whatever the token's expiry.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The terms of approvals.
#[derive(Clone, Copy, Debug)]
pub struct ApprovalTerms {
    /// Maximum number of hosts of one token that wait.
    pub max_waiting_per_token: u32,
    /// The minter of a token does not approve its hosts.
    pub four_eyes: bool,
    /// Time for which a denied key is refused.
    pub denied_for: Duration,
}

impl Enrollment {
    /// Admits a new host, or lets it wait. After [`Redeemed::FactsChanged`], rules, default mode and policy are as in the store.
    pub(super) async fn admit(
        &self,
        caller: &Caller,
        ticket: &RedeemTicket,
        (admission, policy): (Admission, Option<&Policy>),
        replaced: Option<&HostCaller>,
        now: Timestamp,
    ) -> Result<Redeemed, ServiceError> {
        let (store, spans, rules) = (self.base.store.as_ref(), &self.capacity.spans, self.rules.load());
        // Read before the gate is judged: if the mode changes in between, the transaction notices.
        let default_mode = spans.stored_approval();
        let command = Redeem {
            grant: ticket.grant.clone(),
            replaces: replaced.map(|old| replacement(caller, old, admission.certificate.host, now)),
            gate: self.gate(caller, ticket, (&rules, policy), now),
            admission,
            default_mode,
        };
        let outcome = store.redeem(command).await?;
        if outcome == Redeemed::FactsChanged {
            self.rules.catch_up(&rules, store).await?;
            spans.catch_up(default_mode, store).await?;
            self.catch_up(judged(policy)).await?;
        }
        Ok(outcome)
    }

    /// The approval that the new host of a ticket needs. The emergency token needs none.
    fn gate(
        &self,
        caller: &Caller,
        ticket: &RedeemTicket,
        (rules, policy): (&Rules, Option<&Policy>),
        now: Timestamp,
    ) -> Option<Gate> {
        let terms = &ticket.grant.terms;
        let of_policy = policy.map_or(Approval::Off, |policy| policy.terms.approval);
        let mode = terms.approval.max(of_policy).max(self.capacity.spans.approval());
        if mode == Approval::Off || self.is_emergency(&ticket.grant) {
            return None;
        }
        let applicant = Applicant {
            cluster: terms.bindings.cluster.clone(),
            roles: terms.roles.clone(),
            address: caller.address,
            name: ticket.presented.claims.name.clone(),
        };
        let rules = rules.matching(&applicant, terms.policy);
        let rules = rules.map(|(rule, revision)| JudgedRule { rule, revision }).collect();
        let otherwise = match mode {
            Approval::Off | Approval::Warn => Otherwise::Warn,
            Approval::Require => Otherwise::Wait(Box::new(self.new_enrollment(caller, ticket, now))),
        };
        Some(Gate { rules, otherwise })
    }

    fn new_enrollment(&self, caller: &Caller, ticket: &RedeemTicket, now: Timestamp) -> NewEnrollment {
        let (id, code) = (EnrollmentId::generate(now), ticket.csr.thumbprint().code());
        let HostClaims { name, cluster, credential, .. } = &ticket.presented.claims;
        let entry = caller.did(Action::EnrollmentWaiting, now).about(Subjects::token(ticket.grant.token.id));
        let entry = entry.with("enrollment", id.to_string()).with("code", code.as_str());
        let entry = entry.with("key", ticket.csr.spki_hash().to_string());
        let entry = of_credential(entry, *credential);
        let entry = name.iter().fold(entry, |entry, name| entry.with("name", name.as_str()));
        NewEnrollment {
            id,
            public_key: ticket.csr.public_key().to_vec(),
            code,
            expires_at: now.plus(LONGEST_WAIT),
            most_of_token: self.approval.max_waiting_per_token,
            entry: cluster.iter().fold(entry, |entry, cluster| entry.with("cluster", cluster.as_str())),
        }
    }

    /// The enrollment of a key that waits under this token. `None`: it may begin.
    ///
    /// # Errors
    /// The key was denied, the wait has expired, its token has ended, or the host now claims something else.
    pub(super) async fn waiting(
        &self,
        grant: &Grant,
        csr: &Csr,
        claims: &HostClaims,
        now: Timestamp,
    ) -> Result<Option<EnrollmentRecord>, ServiceError> {
        let found = self.base.store.enrollment_of(grant.token.id, csr.spki_hash(), now).await?;
        let Some(found) = found else { return Ok(None) };
        match found.state {
            EnrollmentState::Denied => {
                let reason = found.decision.and_then(|decision| decision.reason);
                Err(HostError::Denied { reason: reason.unwrap_or_default() }.into())
            }
            EnrollmentState::Expired => {
                self.base.store.expire_enrollment(self.expiry(&found, now)).await?;
                Err(HostError::EnrollmentExpired.into())
            }
            EnrollmentState::Ended => Err(TokenError::Revoked.into()),
            EnrollmentState::Approved => Ok(None),
            EnrollmentState::Waiting
                if found.name != claims.name
                    || found.cluster != claims.cluster
                    || found.credential != claims.credential =>
            {
                Err(HostError::EnrollmentChanged.into())
            }
            EnrollmentState::Waiting => Ok(Some(found)),
        }
    }

    fn expiry(&self, waited: &EnrollmentRecord, now: Timestamp) -> ExpireEnrollment {
        let entry = Caller::SYSTEM.did(Action::EnrollmentExpired, now).about(Subjects::token(waited.token));
        ExpireEnrollment {
            enrollment: waited.id,
            keep_until: self.keep_decided(now),
            entry: of_enrollment(entry, waited.id),
        }
    }

    /// End of the record of an approval or expiry that is decided at `now`.
    pub(super) fn keep_decided(&self, now: Timestamp) -> Timestamp {
        now.plus(self.capacity.spans.load().retention.max(KEEP_AFTER_EXPIRY))
    }
}

/// An entry about an enrollment.
pub(super) fn of_enrollment(entry: Draft, id: EnrollmentId) -> Draft {
    entry.with("enrollment", id.to_string())
}
