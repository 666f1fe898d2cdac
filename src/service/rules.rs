//! Auto-approve rules: listing, showing, creating, changing, deleting and trying them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::json;
use tokio::sync::Mutex;

use super::base::{ATTEMPTS, Base};
use super::{Caller, FieldError, RequestError, ServiceError};
use crate::access::Act;
use crate::access::limits::Allowed;
use crate::admission::{
    AddressRange, Applicant, Decision, Example, Mismatch, Rule, RuleCluster, RuleTerms, Rules,
};
use crate::id::{PolicyId, RuleId};
use crate::ledger::{Action, Draft};
use crate::name::{DnsPattern, Label, Role};
use crate::store::{
    ChangeRule, CreateRule, DeleteRule, MOST_RULES, Page, PageQuery, RuleChange, RuleCreation, RuleRecord,
    Store, StoreError,
};

/// The rules in memory, which redeeming reads.
pub struct LiveRules {
    rules: ArcSwap<Rules>,
    /// One change at a time: it covers the commit and the reload after it.
    changing: Mutex<()>,
}

impl LiveRules {
    /// Loads the rules of the store.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn open(store: &dyn Store) -> Result<Self, ServiceError> {
        let live = Self { rules: ArcSwap::default(), changing: Mutex::default() };
        live.reload(store).await?;
        Ok(live)
    }

    /// Reads the rules from the store. Call it after each change, here or on another node.
    ///
    /// # Errors
    /// The store cannot be read. The previous rules stay in memory.
    pub async fn reload(&self, store: &dyn Store) -> Result<(), ServiceError> {
        let rules = store.rules().await?.into_iter().map(|record| record.rule);
        self.rules.store(Rules::of(rules.collect()).into());
        Ok(())
    }

    /// Reads the rules again, unless others than `judged` are in force by now: the store has a change that these have not.
    ///
    /// # Errors
    /// As [`Self::reload`].
    pub(super) async fn catch_up(&self, judged: &Arc<Rules>, store: &dyn Store) -> Result<(), ServiceError> {
        let _turn = self.changing.lock().await;
        if Arc::ptr_eq(judged, &self.load()) { self.reload(store).await } else { Ok(()) }
    }

    /// The rules in force.
    pub fn load(&self) -> Arc<Rules> {
        self.rules.load_full()
    }
}

/// A rule with the number of hosts that it admitted and that hold a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedRule {
    /// The rule.
    pub record: RuleRecord,
    /// Number of its hosts.
    pub admitted: u64,
}

/// New values of a rule's conditions; `None` leaves one as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleEdit {
    /// New cluster.
    pub cluster_id: Option<RuleCluster>,
    /// New label.
    pub label: Option<Label>,
    /// New roles; empty: all roles.
    pub allowed_roles: Option<Vec<Role>>,
    /// New maximum number of hosts.
    pub max_nodes: Option<Option<u32>>,
    /// New address ranges.
    pub addresses: Option<Vec<AddressRange>>,
    /// New patterns of names.
    pub names: Option<Vec<DnsPattern>>,
    /// New examples.
    pub examples: Option<Vec<Example>>,
}

impl RuleEdit {
    /// The conditions after the edit.
    fn of(self, before: RuleTerms) -> RuleTerms {
        let Self { cluster_id, label, allowed_roles, max_nodes, addresses, names, examples } = self;
        RuleTerms {
            cluster_id: cluster_id.unwrap_or(before.cluster_id),
            label: label.unwrap_or(before.label),
            allowed_roles: allowed_roles.unwrap_or(before.allowed_roles),
            max_nodes: max_nodes.unwrap_or(before.max_nodes),
            addresses: addresses.unwrap_or(before.addresses),
            names: names.unwrap_or(before.names),
            examples: examples.unwrap_or(before.examples),
        }
    }
}

/// An administrator's use cases of rules.
pub struct RuleAdmin {
    pub(super) base: Base,
    /// The rules in memory.
    pub rules: Arc<LiveRules>,
}

impl RuleAdmin {
    /// Returns a page of the rules, oldest first: the order in which they decide.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_rules(
        &self,
        query: PageQuery<RuleId>,
    ) -> Result<Page<CountedRule, RuleId>, ServiceError> {
        let counts = self.counts().await?;
        let rules = self.base.store.rules().await?.into_iter();
        let mut rest = rules.filter(|record| query.after.is_none_or(|after| after < record.rule.id));
        let counted = |record: RuleRecord| {
            let admitted = counts.get(&record.rule.id).copied().unwrap_or(0);
            CountedRule { record, admitted }
        };
        let page = rest.by_ref().take(usize::try_from(query.limit).unwrap_or(usize::MAX)).map(counted);
        let items = page.collect::<Vec<_>>();
        let next = items.last().map(|last| last.record.rule.id).filter(|_| rest.next().is_some());
        Ok(Page { items, next })
    }

    /// Returns one rule.
    ///
    /// # Errors
    /// The rule is unknown, or the store cannot be read.
    pub async fn show_rule(&self, id: RuleId) -> Result<CountedRule, ServiceError> {
        self.counted(self.stored(id).await?).await
    }

    /// Creates a rule.
    ///
    /// # Errors
    /// An example does not hold, or the rule is beyond the caller's limits. There are too many rules. Or the store cannot be
    /// written.
    pub async fn create_rule(&self, caller: &Caller, terms: RuleTerms) -> Result<CountedRule, ServiceError> {
        let _turn = self.rules.changing.lock().await;
        self.create(caller, terms).await
    }

    /// Creates a rule unless one with the same conditions exists: a form may be sent twice, and each rule has slots of its own.
    ///
    /// # Errors
    /// As [`Self::create_rule`].
    pub async fn create_rule_once(&self, caller: &Caller, terms: RuleTerms) -> Result<(), ServiceError> {
        let _turn = self.rules.changing.lock().await;
        let rules = self.base.store.rules().await?;
        match rules.iter().any(|record| record.rule.terms == terms) {
            true => Ok(()),
            false => self.create(caller, terms).await.map(drop),
        }
    }

    async fn create(&self, caller: &Caller, terms: RuleTerms) -> Result<CountedRule, ServiceError> {
        may_make(caller, &terms)?;
        let now = self.base.time.trusted()?;
        let rule = Rule { id: RuleId::generate(now), revision: 1, policies: policies_of(caller), terms };
        let entry = about(caller.did(Action::RuleCreated, now), &rule).with("rule_terms", shown(&rule.terms));
        let entry = entry.with("policies", json!(rule.policies));
        let record = RuleRecord { rule, created_at: now, created_by: caller.actor.to_string() };
        match self.base.store.create_rule(CreateRule { rule: record.clone(), entry }).await? {
            RuleCreation::Created => self.rules.reload(self.base.store.as_ref()).await?,
            RuleCreation::TooMany => return Err(RequestError::TooManyRules { most: MOST_RULES }.into()),
        }
        Ok(CountedRule { record, admitted: 0 })
    }

    /// Changes a rule. The hosts that it admitted stay, and so do the enrollments that wait.
    ///
    /// # Errors
    /// An example does not hold. The rule before or after the change is beyond the caller's limits, except the caller's own rule
    /// before the change. The rule is unknown, or has another revision than `expected`. Or the store cannot be written.
    pub async fn change_rule(
        &self,
        caller: &Caller,
        id: RuleId,
        edit: RuleEdit,
        expected: Option<u64>,
    ) -> Result<CountedRule, ServiceError> {
        let turn = self.rules.changing.lock().await;
        for _ in 0..ATTEMPTS {
            let mut record = self.judged(caller, id, expected).await?;
            let terms = edit.clone().of(record.rule.terms.clone());
            may_make(caller, &terms)?;
            let policies = policies_of(caller);
            if terms == record.rule.terms {
                return self.counted(record).await;
            }
            let before = std::mem::replace(&mut record.rule.terms, terms.clone());
            let policies_before = std::mem::replace(&mut record.rule.policies, policies.clone());
            let entry = about(caller.did(Action::RuleChanged, self.base.time.now()), &record.rule);
            let entry = entry.with("rule_terms", shown(&terms)).with("rule_terms_before", shown(&before));
            let entry = entry.with("policies", json!(policies));
            let entry = entry.with("policies_before", json!(policies_before));
            let revision = record.rule.revision;
            match self
                .base
                .store
                .change_rule(ChangeRule { rule: id, revision, policies, terms, entry })
                .await?
            {
                RuleChange::Done => {
                    self.rules.reload(self.base.store.as_ref()).await?;
                    record.rule.revision += 1;
                    drop(turn);
                    return self.counted(record).await;
                }
                RuleChange::Unknown => return Err(unknown(id)),
                RuleChange::Moved => {}
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Deletes a rule. The hosts that it admitted stay, and so do the enrollments that wait.
    ///
    /// # Errors
    /// The rule is unknown, somebody else's and beyond the caller's limits, or has another revision than `expected`. Or the
    /// store cannot be written.
    pub async fn delete_rule(
        &self,
        caller: &Caller,
        id: RuleId,
        expected: Option<u64>,
    ) -> Result<(), ServiceError> {
        let _turn = self.rules.changing.lock().await;
        for _ in 0..ATTEMPTS {
            let record = self.judged(caller, id, expected).await?;
            let entry = about(caller.did(Action::RuleDeleted, self.base.time.now()), &record.rule);
            let entry = entry.with("rule_terms_before", shown(&record.rule.terms));
            let command = DeleteRule { rule: id, revision: record.rule.revision, entry };
            match self.base.store.delete_rule(command).await? {
                RuleChange::Done => return self.rules.reload(self.base.store.as_ref()).await,
                RuleChange::Unknown => return Err(unknown(id)),
                RuleChange::Moved => {}
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Returns the decision of all rules about an enrollment with a token of this policy, which changes nothing.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn test_rules(
        &self,
        applicant: &Applicant,
        policy: Option<PolicyId>,
    ) -> Result<Decision, ServiceError> {
        let counts = self.counts().await?;
        Ok(self.rules.load().decide(applicant, policy, |id| counts.get(&id).copied().unwrap_or(0)))
    }

    /// Returns the rule at the revision that the caller expects, if the caller may change or delete it.
    async fn judged(
        &self,
        caller: &Caller,
        id: RuleId,
        expected: Option<u64>,
    ) -> Result<RuleRecord, ServiceError> {
        let record = self.stored(id).await?;
        if expected.is_some_and(|expected| expected != record.rule.revision) {
            return Err(RequestError::Stale.into());
        }
        if !caller.is_or_acts_for(&record.created_by) {
            let Rule { terms, policies, .. } = &record.rule;
            caller.may(Act::Revoke(&admission(terms, policies.as_ref())))?;
        }
        Ok(record)
    }

    async fn stored(&self, id: RuleId) -> Result<RuleRecord, ServiceError> {
        self.base.store.rule(id).await?.ok_or_else(|| unknown(id))
    }

    async fn counted(&self, record: RuleRecord) -> Result<CountedRule, ServiceError> {
        let admitted = self.base.store.admitted_by_rule(record.rule.id, self.base.time.now()).await?;
        Ok(CountedRule { record, admitted })
    }

    async fn counts(&self) -> Result<BTreeMap<RuleId, u64>, StoreError> {
        Ok(self.base.store.admitted_by_rules(self.base.time.now()).await?.into_iter().collect())
    }
}

fn unknown(id: RuleId) -> ServiceError {
    RequestError::not_found("auto-approve rule", id).into()
}

/// Checks that the examples of a rule hold, and that the caller may create it.
fn may_make(caller: &Caller, terms: &RuleTerms) -> Result<(), RequestError> {
    let fault = |(place, reasons): (usize, Vec<Mismatch>)| {
        let reasons = reasons.iter().map(Mismatch::to_string).collect::<Vec<_>>().join("; ");
        let applicant = &terms.examples[place].applicant;
        let message = match reasons.is_empty() {
            true => format!("the rule admits {applicant}"),
            false => format!("the rule does not admit {applicant}: {reasons}"),
        };
        FieldError::new(format!("examples[{place}]"), message)
    };
    RequestError::refuse(terms.broken_examples().into_iter().map(fault).collect())?;
    // Its policies are the caller's own.
    caller.may(admission(terms, policies_of(caller).as_ref()))
}

/// The policies of the rules that the caller writes: those of its limits. So no rule admits a host whose token it may not mint.
fn policies_of(caller: &Caller) -> Option<BTreeSet<PolicyId>> {
    match &caller.rights.limits.policies {
        Allowed::Any => None,
        Allowed::Only(policies) => Some(policies.clone()),
    }
}

/// The act of admitting hosts by a rule with these terms.
fn admission<'a>(terms: &'a RuleTerms, policies: Option<&'a BTreeSet<PolicyId>>) -> Act<'a> {
    Act::AdmitByRule {
        allowed_roles: &terms.allowed_roles,
        names: &terms.names,
        cluster: terms.cluster_id.named(),
        most: terms.max_nodes,
        policies,
    }
}

/// The entry with the rule's id and label.
fn about(entry: Draft, rule: &Rule) -> Draft {
    entry.with("rule", rule.id.to_string()).with("label", rule.terms.label.as_str())
}

/// The conditions for an entry. Examples decide nothing.
fn shown(terms: &RuleTerms) -> serde_json::Value {
    let RuleTerms { cluster_id, label, allowed_roles, max_nodes, addresses, names, examples: _ } = terms;
    json!({
        "cluster_id": cluster_id, "label": label, "allowed_roles": allowed_roles, "max_nodes": max_nodes,
        "addresses": addresses, "names": names,
    })
}

#[cfg(test)]
mod tests;
