//! Auto-approve rules.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::world::*;
use crate::admission::{Applicant, Example, Rule, RuleCluster, RuleTerms};
use crate::id::{PolicyId, RuleId};
use crate::ledger::Action;
use crate::name::{Cluster, DnsPattern, Label};
use crate::store::*;

fn terms(label: &str) -> RuleTerms {
    let cluster = Cluster::parse("eu-1").unwrap();
    let applicant = Applicant {
        cluster: Some(cluster.clone()),
        roles: roles(&["proxy"]),
        address: Some("10.0.0.1".parse().unwrap()),
        name: None,
    };
    RuleTerms {
        cluster_id: RuleCluster::Named(cluster),
        label: Label::parse(label).unwrap(),
        allowed_roles: roles(&["proxy", "director"]),
        max_nodes: Some(50),
        addresses: vec!["10.0.0.0/8", "2001:db8::1"]
            .into_iter()
            .map(|text| crate::admission::AddressRange::parse(text).unwrap())
            .collect(),
        names: vec![DnsPattern::parse("*.eu.example.org").unwrap()],
        examples: vec![Example { applicant, admitted: false }],
    }
}

fn policies() -> Option<BTreeSet<PolicyId>> {
    PolicyId::parse("0198c0de-e1e2-7f50-9162-738495a6b7c8").map(|policy| BTreeSet::from([policy]))
}

/// A rule that admits every host.
fn open() -> RuleTerms {
    RuleTerms {
        cluster_id: RuleCluster::Any,
        allowed_roles: Vec::new(),
        max_nodes: None,
        addresses: Vec::new(),
        names: Vec::new(),
        examples: Vec::new(),
        ..terms("")
    }
}

impl World {
    fn new_rule(&self, terms: RuleTerms) -> CreateRule {
        let rule = Rule { id: RuleId::generate(self.now), revision: 1, policies: policies(), terms };
        let rule = RuleRecord { rule, created_at: self.now, created_by: "user:admin".to_owned() };
        CreateRule { rule, entry: self.draft(Action::RuleCreated) }
    }

    /// A rule that admits every host, up to `most`.
    pub(super) async fn rule_for(&mut self, most: u32) -> JudgedRule {
        let RuleRecord { rule, .. } = self.rule(RuleTerms { max_nodes: Some(most), ..open() }).await;
        JudgedRule { rule: rule.id, revision: rule.revision }
    }

    async fn rule(&mut self, terms: RuleTerms) -> RuleRecord {
        let command = self.new_rule(terms);
        let rule = command.rule.clone();
        assert_eq!(self.store().create_rule(command).await.unwrap(), RuleCreation::Created);
        self.expect_entries(&[Action::RuleCreated]).await;
        rule
    }

    async fn change_rule(&self, rule: RuleId, revision: u64, terms: RuleTerms) -> RuleChange {
        let entry = self.draft(Action::RuleChanged);
        self.store()
            .change_rule(ChangeRule { rule, revision, policies: policies(), terms, entry })
            .await
            .unwrap()
    }

    async fn delete_rule(&self, rule: RuleId, revision: u64) -> RuleChange {
        let entry = self.draft(Action::RuleDeleted);
        self.store().delete_rule(DeleteRule { rule, revision, entry }).await.unwrap()
    }
}

pub(in crate::store) async fn a_rule_is_read_back_and_listed_oldest_first(world: &mut World) {
    let first = world.rule(terms("rack 7")).await;
    world.pass(Duration::from_secs(1));
    let second = world.rule(open()).await;
    for _ in 0..2 {
        assert_eq!(world.store().rules().await.unwrap(), [first.clone(), second.clone()]);
        assert_eq!(world.store().rule(second.rule.id).await.unwrap(), Some(second.clone()));
        world.restart();
    }
    assert_eq!(world.store().admitted_by_rule(first.rule.id, world.now).await.unwrap(), 0);
    assert_eq!(world.store().admitted_by_rules(world.now).await.unwrap(), []);
}

pub(in crate::store) async fn a_change_begins_another_revision(world: &mut World) {
    let RuleRecord { rule, created_at, created_by } = world.rule(terms("rack 7")).await;
    assert_eq!(world.change_rule(rule.id, 1, open()).await, RuleChange::Done);
    world.expect_entries(&[Action::RuleChanged]).await;
    let changed = RuleRecord { rule: Rule { revision: 2, terms: open(), ..rule }, created_at, created_by };
    assert_eq!(world.store().rules().await.unwrap(), [changed]);
    assert_eq!(world.delete_rule(rule.id, 2).await, RuleChange::Done);
    world.expect_entries(&[Action::RuleDeleted]).await;
    assert_eq!(world.store().rule(rule.id).await.unwrap(), None);
}

pub(in crate::store) async fn an_outdated_rule_is_neither_changed_nor_deleted(world: &mut World) {
    let before = world.rule(terms("rack 7")).await;
    let id = before.rule.id;
    assert_eq!(world.change_rule(id, 2, open()).await, RuleChange::Moved);
    assert_eq!(world.delete_rule(id, 2).await, RuleChange::Moved);
    assert_eq!(world.store().rules().await.unwrap(), [before]);
    let unknown = RuleId::generate(world.now);
    assert_eq!(world.change_rule(unknown, 1, open()).await, RuleChange::Unknown);
    assert_eq!(world.delete_rule(unknown, 1).await, RuleChange::Unknown);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn the_number_of_rules_is_bounded(world: &mut World) {
    let commands: Vec<_> = (0..=MOST_RULES).map(|_| world.new_rule(open())).collect();
    let store = world.shared();
    let running = commands.into_iter().map(|command| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.create_rule(command).await.unwrap() })
    });
    let mut created = 0;
    for run in running.collect::<Vec<_>>() {
        created += u32::from(run.await.unwrap() == RuleCreation::Created);
    }
    assert_eq!(created, MOST_RULES);
    let rules = store.rules().await.unwrap();
    assert_eq!(rules.len(), MOST_RULES as usize);
    assert_eq!(world.delete_rule(rules[0].rule.id, 1).await, RuleChange::Done);
    assert_eq!(store.create_rule(world.new_rule(open())).await.unwrap(), RuleCreation::Created);
    assert_eq!(world.new_entries().await.len(), MOST_RULES as usize + 2);
}
