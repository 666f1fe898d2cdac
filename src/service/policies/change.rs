//! Changing, restoring and deleting policies.

use super::{
    CountedPolicy, PolicyAdmin, PolicyEdit, about, fits, name_taken, no_output, same_settings, shown, unknown,
};
use crate::access::Act;
use crate::admission::PolicyTerms;
use crate::id::PolicyId;
use crate::ledger::{Action, Draft};
use crate::service::base::ATTEMPTS;
use crate::service::verification::audience::pick_audiences;
use crate::service::{Caller, RequestError, ServiceError};
use crate::store::{ChangePolicy, DeletePolicy, Policy, PolicyChange, PolicyDeletion, StoreError};

impl PolicyAdmin {
    /// Changes a policy. Its hosts follow at their next check-in or renewal.
    ///
    /// # Errors
    /// The change is beyond the caller's limits. The name is taken. The policy is unknown, or has another revision than
    /// `expected`. Or the store cannot be written.
    pub async fn change_policy(
        &self,
        caller: &Caller,
        id: PolicyId,
        edit: PolicyEdit,
        expected: Option<u64>,
    ) -> Result<CountedPolicy, ServiceError> {
        let next = |before| edit.clone().of(before);
        self.revise(caller, (id, expected), next, |entry| entry).await
    }

    /// Gives a policy the terms of an earlier revision again, as a new revision.
    ///
    /// # Errors
    /// As [`PolicyAdmin::change_policy`]; the revision is unknown, or has a role or an audience that no longer exists.
    pub async fn restore_policy(
        &self,
        caller: &Caller,
        id: PolicyId,
        revision: u64,
        expected: Option<u64>,
    ) -> Result<CountedPolicy, ServiceError> {
        self.judged(caller, id, expected).await?;
        let earlier = self.base.store.policy_revision(id, revision).await?;
        let Some(Policy { terms, .. }) = earlier else {
            return Err(RequestError::not_found("revision", revision).into());
        };
        self.judge_earlier(&terms)?;
        let from = |entry: Draft| entry.with("restored_revision", revision);
        self.revise(caller, (id, expected), |_| terms.clone(), from).await
    }

    /// Checks the roles of an earlier revision by the present catalogue, and its audiences by the present configuration.
    fn judge_earlier(&self, terms: &PolicyTerms) -> Result<(), RequestError> {
        let mut faults = Vec::new();
        let roles = terms.roles.iter().map(ToString::to_string).collect::<Vec<_>>();
        self.minting.roles.pick(&roles, &mut faults);
        pick_audiences(&terms.audiences, &self.minting.trust.load().audiences, &mut faults);
        RequestError::refuse(faults)
    }

    /// Returns the kept revisions of a policy, newest first.
    ///
    /// # Errors
    /// The policy is unknown, or the store cannot be read.
    pub async fn policy_revisions(&self, id: PolicyId) -> Result<Vec<Policy>, ServiceError> {
        let revisions = self.base.store.policy_revisions(id).await?;
        if revisions.is_empty() { Err(unknown(id)) } else { Ok(revisions) }
    }

    /// Deletes a policy that no host has, and revokes its live tokens: none admits a host from now on. Returns their number.
    ///
    /// # Errors
    /// Hosts that are not revoked have it. It is unknown, beyond the caller's limits, or has another revision than `expected`.
    /// Or the store cannot be written.
    pub async fn delete_policy(
        &self,
        caller: &Caller,
        id: PolicyId,
        expected: Option<u64>,
    ) -> Result<u64, ServiceError> {
        let tokens = self.removed(caller, id, expected).await?;
        self.due.finish_deletion(tokens).await;
        Ok(tokens)
    }

    /// Deletes a policy in the store and in memory. Returns the number of its tokens that are due.
    async fn removed(
        &self,
        caller: &Caller,
        id: PolicyId,
        expected: Option<u64>,
    ) -> Result<u64, ServiceError> {
        let _turn = self.policies.change().await;
        for _ in 0..ATTEMPTS {
            let policy = self.judged(caller, id, expected).await?;
            // Its tokens end, those of other minters too.
            caller.may(Act::SetRoles { before: &policy.terms.roles, after: &[] })?;
            let entry = about(caller.did(Action::PolicyDeleted, self.base.time.now()), id, &policy.terms);
            let command = DeletePolicy { policy: id, revision: policy.revision, entry };
            match self.base.store.delete_policy(command).await? {
                PolicyDeletion::Deleted { tokens } => {
                    self.policies.remove(id);
                    return Ok(tokens);
                }
                PolicyDeletion::InUse { hosts } => return Err(RequestError::PolicyInUse { hosts }.into()),
                PolicyDeletion::Unknown => return Err(unknown(id)),
                PolicyDeletion::Moved => {}
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Gives a policy the `next` terms after its present ones. The settings are checked before the turn: a slow schema must not
    /// keep other changes waiting. If another change comes between, they are checked again.
    async fn revise(
        &self,
        caller: &Caller,
        (id, expected): (PolicyId, Option<u64>),
        next: impl Fn(PolicyTerms) -> PolicyTerms,
        detailed: impl Fn(Draft) -> Draft,
    ) -> Result<CountedPolicy, ServiceError> {
        for _ in 0..ATTEMPTS {
            let seen = self.judged(caller, id, expected).await?;
            let checked = next(seen.terms.clone());
            fits(Some(&seen.terms), &checked).await?;
            let turn = self.policies.change().await;
            let policy = self.judged(caller, id, expected).await?;
            let terms = next(policy.terms.clone());
            if !same_settings(&policy.terms, &terms) && !same_settings(&checked, &terms) {
                continue;
            }
            let changed = self.replaced(caller, policy, terms, &detailed).await?;
            drop(turn);
            if let Some(changed) = changed {
                return self.counted(changed).await;
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Gives a policy other terms. `None`: another change was faster, so judge it again.
    async fn replaced(
        &self,
        caller: &Caller,
        policy: Policy,
        terms: PolicyTerms,
        detailed: impl FnOnce(Draft) -> Draft,
    ) -> Result<Option<Policy>, ServiceError> {
        if terms == policy.terms {
            return Ok(Some(policy));
        }
        self.may_make(caller, Some(&policy.terms), &terms)?;
        let now = self.base.time.now();
        let entry = about(caller.did(Action::PolicyChanged, now), policy.id, &terms);
        let entry =
            entry.with("policy_terms", shown(&terms)).with("policy_terms_before", shown(&policy.terms));
        let command = ChangePolicy {
            policy: policy.id,
            revision: policy.revision,
            terms: terms.clone(),
            entry: detailed(entry),
        };
        match self.base.store.change_policy(command).await? {
            PolicyChange::Done => {}
            PolicyChange::Moved => return Ok(None),
            PolicyChange::NameTaken => return Err(name_taken(&terms)),
            PolicyChange::NoOutput(output) => return Err(no_output(&terms, output)),
            PolicyChange::Unknown => return Err(unknown(policy.id)),
        }
        let (revision, updated_by) = (policy.revision + 1, caller.actor.to_string());
        let changed = Policy { revision, terms, updated_at: now, updated_by, ..policy };
        self.policies.put(changed.clone());
        // The policy may have lost an output.
        self.keys.judge_soon();
        Ok(Some(changed))
    }

    /// Returns the policy at the revision that the caller expects, if the caller may change or delete it.
    async fn judged(
        &self,
        caller: &Caller,
        id: PolicyId,
        expected: Option<u64>,
    ) -> Result<Policy, ServiceError> {
        let policy = self.stored(id).await?;
        if expected.is_some_and(|expected| expected != policy.revision) {
            return Err(RequestError::Stale.into());
        }
        caller.may(Act::ChangePolicy(id))?;
        Ok(policy)
    }
}
