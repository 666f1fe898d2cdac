//! Auto-approve rules: creation, change and deletion.

use super::Execution;
use crate::admission::RuleTerms;
use crate::id::RuleId;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::Json;
use crate::store::{ChangeRule, CreateRule, DeleteRule, MOST_RULES, RuleChange, RuleCreation};

impl Execution<'_> {
    pub(super) fn create_rule(&mut self, command: CreateRule) -> driver::Result<RuleCreation> {
        let CreateRule { rule, entry } = command;
        let kept = self.one("SELECT count(*) FROM rules", [], |row| row.get::<_, u32>(0))?;
        if kept.unwrap_or(0) >= MOST_RULES {
            return self.undo(RuleCreation::TooMany);
        }
        let sql = "INSERT INTO rules (rule, cluster, label, allowed_roles, max_nodes, addresses, names, examples, created_at, \
                   created_by, revision, policies) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
        let terms = &rule.rule.terms;
        let params = params![
            rule.rule.id,
            terms.cluster_id.named(),
            terms.label,
            Json(&terms.allowed_roles),
            terms.max_nodes,
            Json(&terms.addresses),
            Json(&terms.names),
            Json(&terms.examples),
            rule.created_at,
            rule.created_by,
            rule.rule.revision,
            rule.rule.policies.as_ref().map(Json),
        ];
        self.execute(sql, params)?;
        self.enter(entry)?;
        Ok(RuleCreation::Created)
    }

    pub(super) fn change_rule(&mut self, command: ChangeRule) -> driver::Result<RuleChange> {
        let ChangeRule { rule, revision, policies, terms, entry } = command;
        let sql = "UPDATE rules SET cluster = ?3, label = ?4, allowed_roles = ?5, max_nodes = ?6, addresses = ?7, names = ?8, \
                   examples = ?9, policies = ?10, revision = revision + 1 WHERE rule = ?1 AND revision = ?2";
        let RuleTerms { cluster_id, label, allowed_roles, max_nodes, addresses, names, examples } = terms;
        let params = params![
            rule,
            revision,
            cluster_id.named(),
            label,
            Json(&allowed_roles),
            max_nodes,
            Json(&addresses),
            Json(&names),
            Json(&examples),
            policies.as_ref().map(Json),
        ];
        if self.execute(sql, params)? == 0 {
            return self.rule_as_it_is(rule);
        }
        self.enter(entry)?;
        Ok(RuleChange::Done)
    }

    pub(super) fn delete_rule(&mut self, command: DeleteRule) -> driver::Result<RuleChange> {
        let DeleteRule { rule, revision, entry } = command;
        if self.execute("DELETE FROM rules WHERE rule = ?1 AND revision = ?2", params![rule, revision])? == 0
        {
            return self.rule_as_it_is(rule);
        }
        self.enter(entry)?;
        Ok(RuleChange::Done)
    }

    /// Ends a command on a rule that does not have the judged revision.
    fn rule_as_it_is(&mut self, rule: RuleId) -> driver::Result<RuleChange> {
        let outcome = match self.exists("SELECT 1 FROM rules WHERE rule = ?1", [rule])? {
            true => RuleChange::Moved,
            false => RuleChange::Unknown,
        };
        self.undo(outcome)
    }
}
