//! Policies: creation, change and deletion.

use super::Execution;
use crate::admission::PolicyTerms;
use crate::clock::Timestamp;
use crate::id::PolicyId;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::read::policies::HOSTS_OF_POLICY;
use crate::store::sqlite::value::{Json, Millis};
use crate::store::{
    ChangePolicy, CreatePolicy, DeletePolicy, KEPT_REVISIONS, MOST_POLICIES, MintOutcome, Policy,
    PolicyChange, PolicyCreation, PolicyDeletion,
};

/// Copies the current revision of a policy to its revisions.
const KEEP_REVISION: &str = "INSERT INTO policy_revisions (policy, revision, name, description, certificate_lifetime, renew_at, \
     roles, approval, labels, ephemeral_hosts, settings, settings_schema, audiences, outputs, created_at, created_by, updated_at, updated_by, \
     api_key_credential) SELECT policy, revision, name, description, certificate_lifetime, renew_at, roles, approval, labels, \
     ephemeral_hosts, settings, settings_schema, audiences, outputs, created_at, created_by, updated_at, updated_by, api_key_credential \
     FROM policies WHERE policy = ?1";

impl Execution<'_> {
    pub(super) fn create_policy(&mut self, command: CreatePolicy) -> driver::Result<PolicyCreation> {
        let CreatePolicy { policy, first, entry } = command;
        let kept = self.one("SELECT count(*) FROM policies", [], |row| row.get::<_, u32>(0))?;
        if kept.unwrap_or(0) >= MOST_POLICIES {
            return self.undo(PolicyCreation::TooMany);
        }
        if self.has_other_policy(policy.id, policy.terms.name.as_str())? {
            return self.undo(PolicyCreation::NameTaken);
        }
        self.insert_policy(&policy)?;
        if let Some(output) = self.set_outputs(policy.id, &policy.terms.outputs)? {
            return self.undo(PolicyCreation::NoOutput(output));
        }
        self.keep_revision(policy.id, policy.revision)?;
        self.enter(entry)?;
        match first.map(|first| self.record_mint(first)).transpose()? {
            Some(MintOutcome::KeyGone) => self.undo(PolicyCreation::KeyGone),
            Some(MintOutcome::Recorded) | None => Ok(PolicyCreation::Created),
        }
    }

    pub(super) fn change_policy(&mut self, command: ChangePolicy) -> driver::Result<PolicyChange> {
        let ChangePolicy { policy, revision, terms, entry } = command;
        if self.has_other_policy(policy, terms.name.as_str())? {
            return self.undo(PolicyChange::NameTaken);
        }
        let sql = "UPDATE policies SET name = ?3, description = ?4, certificate_lifetime = ?5, renew_at = ?6, roles = ?7, \
                   approval = ?8, labels = ?9, ephemeral_hosts = ?10, settings = ?11, settings_schema = ?12, audiences = ?13, \
                   outputs = ?14, updated_at = ?15, updated_by = ?16, api_key_credential = ?17, revision = revision + 1 \
                   WHERE policy = ?1 AND revision = ?2";
        let by = (entry.at(), entry.origin.actor.as_str());
        if self.write_terms(sql, (policy, revision), &terms, by)? == 0 {
            let outcome = if self.has_policy(policy)? { PolicyChange::Moved } else { PolicyChange::Unknown };
            return self.undo(outcome);
        }
        if let Some(output) = self.set_outputs(policy, &terms.outputs)? {
            return self.undo(PolicyChange::NoOutput(output));
        }
        self.keep_revision(policy, revision + 1)?;
        self.enter(entry)?;
        Ok(PolicyChange::Done)
    }

    pub(super) fn delete_policy(&mut self, command: DeletePolicy) -> driver::Result<PolicyDeletion> {
        let DeletePolicy { policy, revision, entry } = command;
        let hosts = self.one(HOSTS_OF_POLICY, [policy], |row| row.get(0))?.unwrap_or(0);
        if hosts > 0 {
            return self.undo(PolicyDeletion::InUse { hosts });
        }
        let sql = "DELETE FROM policies WHERE policy = ?1 AND revision = ?2";
        if self.execute(sql, params![policy, revision])? == 0 {
            let moved = self.has_policy(policy)?;
            return self.undo(if moved { PolicyDeletion::Moved } else { PolicyDeletion::Unknown });
        }
        self.execute("DELETE FROM policy_revisions WHERE policy = ?1", [policy])?;
        let tokens = self.make_due_of_policy(policy, &entry.origin)?;
        self.enter(entry.with("tokens", tokens))?;
        Ok(PolicyDeletion::Deleted { tokens })
    }

    fn insert_policy(&self, policy: &Policy) -> driver::Result<()> {
        let sql = "INSERT INTO policies (policy, revision, name, description, certificate_lifetime, renew_at, roles, approval, \
                   labels, ephemeral_hosts, settings, settings_schema, audiences, outputs, created_at, created_by, updated_at, updated_by, \
                   api_key_credential) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?15, ?16, ?17)";
        let by = (policy.created_at, policy.created_by.as_str());
        self.write_terms(sql, (policy.id, policy.revision), &policy.terms, by).map(drop)
    }

    /// Runs a statement with the terms of a policy at a revision, and their time and author. Returns the number of changed rows.
    fn write_terms(
        &self,
        sql: &str,
        (policy, revision): (PolicyId, u64),
        terms: &PolicyTerms,
        (at, by): (Timestamp, &str),
    ) -> driver::Result<usize> {
        let params = params![
            policy,
            revision,
            terms.name,
            terms.description,
            terms.certificate_lifetime.map(Millis),
            terms.renew_at.hundredths(),
            Json(&terms.roles),
            terms.approval,
            Json(&terms.labels),
            terms.ephemeral_hosts,
            Json(&terms.settings),
            terms.schema.as_ref().map(Json),
            Json(&terms.audiences),
            Json(&terms.outputs),
            at,
            by,
            terms.api_key_credential,
        ];
        self.execute(sql, params)
    }

    /// Keeps the current revision, and deletes the oldest one that is too much.
    fn keep_revision(&self, policy: PolicyId, revision: u64) -> driver::Result<()> {
        self.execute(KEEP_REVISION, [policy])?;
        let sql = "DELETE FROM policy_revisions WHERE policy = ?1 AND revision <= ?2";
        self.execute(sql, params![policy, revision.saturating_sub(KEPT_REVISIONS)]).map(drop)
    }

    pub(super) fn has_policy(&self, policy: PolicyId) -> driver::Result<bool> {
        self.exists("SELECT 1 FROM policies WHERE policy = ?1", [policy])
    }

    /// Returns whether another policy has the name.
    fn has_other_policy(&self, policy: PolicyId, name: &str) -> driver::Result<bool> {
        self.exists("SELECT 1 FROM policies WHERE name = ?2 AND policy <> ?1", params![policy, name])
    }
}
