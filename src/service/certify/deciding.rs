//! Decisions about waiting hosts. An approval admits the host as a redemption does, with the key that it proved then.

use futures_util::StreamExt as _;

use super::approval::of_enrollment;
use super::opaque_key::{allows_keys, of_credential};
use super::{Enrollment, Warrant, judged};
use crate::access::{Actor, OpaqueKey};
use crate::admission::HostCredential;
use crate::ca::Csr;
use crate::clock::Timestamp;
use crate::id::{EnrollmentId, HostId};
use crate::ledger::{Action, Subjects};
use crate::name::Role;
use crate::service::base::ATTEMPTS;
use crate::service::membership::{allowed_roles, refuse_outside};
use crate::service::revocable::judge_facts;
use crate::service::{Caller, HostError, RequestError, ServiceError, TokenError};
use crate::store::{
    Admission, ApproveEnrollment, Deciding, DenyEnrollment, EnrollmentFilter, EnrollmentRecord,
    EnrollmentState, HostFacts, Page, PageQuery, Policy, StoreError, Waiting,
};

/// Number of decisions of one request that are made at once: they share commits.
const AT_ONCE: usize = 32;

/// A decision about a waiting host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is admitted.
    Approve {
        /// Its roles; `None`: those of the token.
        roles: Option<Vec<Role>>,
    },
    /// It is refused, and its key.
    Deny {
        /// The reason, for the host.
        reason: String,
        /// True if the token's use is spent.
        keep_use: bool,
    },
}

impl Verdict {
    const fn state(&self) -> EnrollmentState {
        match self {
            Self::Approve { .. } => EnrollmentState::Approved,
            Self::Deny { .. } => EnrollmentState::Denied,
        }
    }
}

/// An enrollment after a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The enrollment.
    pub record: EnrollmentRecord,
    /// False if it was decided so before.
    pub changed: bool,
}

impl Enrollment {
    /// A page of the enrollments that match, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_enrollments(
        &self,
        filter: EnrollmentFilter,
        page: PageQuery<EnrollmentId>,
    ) -> Result<Page<EnrollmentRecord, EnrollmentId>, ServiceError> {
        Ok(self.base.store.list_enrollments(filter, page).await?)
    }

    /// One enrollment.
    ///
    /// # Errors
    /// It is unknown, or the store cannot be read.
    pub async fn show_enrollment(&self, id: EnrollmentId) -> Result<EnrollmentRecord, ServiceError> {
        let found = self.base.store.enrollment(id, self.base.time.now()).await?;
        Ok(found.ok_or_else(|| RequestError::not_found("enrollment", id))?)
    }

    /// The number of hosts that wait.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn count_waiting(&self) -> Result<Waiting, ServiceError> {
        Ok(self.base.store.waiting(self.base.time.now()).await?)
    }

    /// Decides about a waiting host.
    ///
    /// # Errors
    /// It is unknown, decided otherwise, or no longer waits. It is beyond the caller's limits, or four eyes are needed. Its name is
    /// taken or the node limit is reached, and it goes on waiting. Or the store cannot be written.
    pub async fn decide(
        &self,
        caller: &Caller,
        id: EnrollmentId,
        verdict: &Verdict,
    ) -> Result<Decided, ServiceError> {
        let now = self.base.time.trusted()?;
        let waiting = self.show_enrollment(id).await?;
        let outcome = match (waiting.state, verdict) {
            (EnrollmentState::Waiting, Verdict::Approve { roles }) => {
                self.approve(caller, &waiting, roles.as_deref(), now).await?
            }
            (EnrollmentState::Waiting, Verdict::Deny { reason, keep_use }) => {
                self.deny(caller, &waiting, reason, *keep_use, now).await?
            }
            (state, _) => Deciding::Over(state),
        };
        let changed = match outcome {
            Deciding::Done => true,
            Deciding::Over(state) if state == verdict.state() => false,
            refused => return Err(refusal(refused, id)),
        };
        if changed {
            let decision: &'static str = verdict.state().into();
            metrics::counter!("gatepass_enrollment_decisions_total", "decision" => decision).increment(1);
        }
        Ok(Decided { record: self.show_enrollment(id).await?, changed })
    }

    /// Decides about many hosts, each for itself. Returns for each in their order whether it changed, or the error.
    pub async fn decide_many(
        &self,
        caller: &Caller,
        ids: &[EnrollmentId],
        verdict: &Verdict,
    ) -> Vec<Result<bool, ServiceError>> {
        let decide = |id: &EnrollmentId| {
            let id = *id;
            async move { self.decide(caller, id, verdict).await.map(|decided| decided.changed) }
        };
        futures_util::stream::iter(ids).map(decide).buffered(AT_ONCE).collect().await
    }

    /// Admits the host. A policy that changed in between is judged again.
    async fn approve(
        &self,
        caller: &Caller,
        waiting: &EnrollmentRecord,
        roles: Option<&[Role]>,
        now: Timestamp,
    ) -> Result<Deciding, ServiceError> {
        for _ in 0..ATTEMPTS {
            let policy = self.policy_of_token(waiting.policy)?;
            match self.try_approve(caller, waiting, (roles, policy.as_deref()), now).await? {
                Deciding::FactsChanged => self.catch_up(judged(policy.as_deref())).await?,
                outcome => return Ok(outcome),
            }
        }
        Ok(Deciding::FactsChanged)
    }

    async fn try_approve(
        &self,
        caller: &Caller,
        waiting: &EnrollmentRecord,
        (roles, policy): (Option<&[Role]>, Option<&Policy>),
        now: Timestamp,
    ) -> Result<Deciding, ServiceError> {
        let facts = HostFacts {
            name: waiting.name.clone(),
            cluster: waiting.cluster.clone(),
            roles: approved_roles(roles, &waiting.roles, policy)?,
            policy: waiting.policy,
        };
        judge_facts(caller, &facts)?;
        self.check_four_eyes(caller, waiting)?;
        let csr = Csr::of_proven_key(&waiting.public_key, waiting.host_key)
            .ok_or_else(|| damaged("an enrollment has no usable key"))?;
        let host = HostId::generate(now);
        let certificate = self.issue(Warrant { csr: &csr, host, facts: &facts, policy }, now)?;
        let subjects = Subjects::host(host).with_token(waiting.token).with_serial(certificate.record.serial);
        let entry = of_enrollment(caller.did(Action::HostEnrolled, now).about(subjects), waiting.id);
        let entry = entry.with("approval", "approved").with("roles", serde_json::json!(facts.roles));
        let entry = entry.with("key", waiting.host_key.to_string());
        // The host gets its own key with its next request, as a repeat does. Nobody has this one.
        let gets_key = waiting.credential == HostCredential::ApiKey && allows_keys(policy);
        let opaque_key = gets_key.then(|| OpaqueKey::generate().id());
        let entry = if gets_key { of_credential(entry, waiting.credential) } else { entry };
        let entry = waiting.name.iter().fold(entry, |entry, name| entry.with("name", name.as_str()));
        let entry =
            waiting.policy.iter().fold(entry, |entry, policy| entry.with("policy", policy.to_string()));
        let admission = Admission {
            host: facts,
            policy: judged(policy),
            certificate,
            reached_url: waiting.reached_url.clone(),
            address: waiting.address,
            node_limit: self.capacity.limit_of_hosts(),
            rule: None,
            opaque_key,
            name_hold: self.terms.name_hold,
            entry,
        };
        let keep_until = self.keep_decided(now);
        let command = ApproveEnrollment { enrollment: waiting.id, admission, keep_until };
        Ok(self.base.store.approve_enrollment(command).await?)
    }

    /// Checks that the caller is not the minter of the token, if two people are needed. An API key acts for its owner, on either side.
    fn check_four_eyes(&self, caller: &Caller, waiting: &EnrollmentRecord) -> Result<(), ServiceError> {
        if !self.approval.four_eyes {
            return Ok(());
        }
        let owner = waiting.minter_owner.clone().map(|name| Actor::User(name).to_string());
        let mut minters = waiting.minter.iter().chain(&owner);
        match minters.any(|minter| caller.is_or_acts_for(minter)) {
            true => Err(HostError::FourEyes.into()),
            false => Ok(()),
        }
    }

    async fn deny(
        &self,
        caller: &Caller,
        waiting: &EnrollmentRecord,
        reason: &str,
        keep_use: bool,
        now: Timestamp,
    ) -> Result<Deciding, ServiceError> {
        let (name, cluster) = (waiting.name.clone(), waiting.cluster.clone());
        let (roles, policy) = (waiting.roles.clone(), waiting.policy);
        judge_facts(caller, &HostFacts { name, cluster, roles, policy })?;
        let entry = caller.did(Action::EnrollmentDenied, now).about(Subjects::token(waiting.token));
        let entry = of_enrollment(entry, waiting.id).with("key", waiting.host_key.to_string());
        let entry = entry.with("reason", reason).with("keep_use", keep_use);
        let command = DenyEnrollment {
            enrollment: waiting.id,
            reason: reason.to_owned(),
            keep_use,
            keep_until: now.plus(self.approval.denied_for),
            entry,
        };
        Ok(self.base.store.deny_enrollment(command).await?)
    }
}

/// The roles of an approved host: the chosen ones, or those of the token that its policy has.
fn approved_roles(
    chosen: Option<&[Role]>,
    of_token: &[Role],
    policy: Option<&Policy>,
) -> Result<Vec<Role>, HostError> {
    let Some(chosen) = chosen else { return Ok(allowed_roles(of_token, policy)) };
    refuse_outside(chosen, policy)?;
    Ok(chosen.to_vec())
}

/// The error of a decision that was not made.
fn refusal(outcome: Deciding, id: EnrollmentId) -> ServiceError {
    match outcome {
        Deciding::Over(EnrollmentState::Expired) => HostError::EnrollmentExpired.into(),
        Deciding::Over(EnrollmentState::Ended) => TokenError::Revoked.into(),
        Deciding::Over(state) => HostError::AlreadyDecided { state: state.into() }.into(),
        Deciding::Key(refusal) => HostError::from(refusal).into(),
        Deciding::KeyDenied { reason } => HostError::Denied { reason }.into(),
        Deciding::NameTaken => HostError::NameTaken.into(),
        Deciding::NodeLimit => HostError::NodeLimit.into(),
        Deciding::FactsChanged => StoreError::Contended.into(),
        Deciding::Done | Deciding::Unknown => RequestError::not_found("enrollment", id).into(),
    }
}

fn damaged(detail: &str) -> StoreError {
    StoreError::Damaged { detail: detail.to_owned() }
}
