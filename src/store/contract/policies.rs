//! Policies.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::together;
use super::world::*;
use crate::access::Actor;
use crate::admission::{PolicyTerms, RenewAt};
use crate::approval::Approval;
use crate::id::PolicyId;
use crate::ledger::Action;
use crate::name::{Description, Label, Labels};
use crate::store::*;
use crate::token::Status;

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

/// Terms without anything.
pub(in crate::store) fn plain(name: &str) -> PolicyTerms {
    PolicyTerms {
        name: Label::parse(name).unwrap(),
        description: Description::default(),
        certificate_lifetime: None,
        renew_at: RenewAt::default(),
        roles: Vec::new(),
        approval: Approval::Off,
        labels: Labels::default(),
        ephemeral_hosts: false,
        api_key_credential: false,
        settings: Map::new(),
        schema: None,
        audiences: Vec::new(),
        outputs: Vec::new(),
    }
}

/// Terms with a value everywhere.
fn full(name: &str) -> PolicyTerms {
    PolicyTerms {
        description: Description::parse("proxies at the edge").unwrap(),
        certificate_lifetime: Some(DAY * 14),
        renew_at: RenewAt::parse(0.5).unwrap(),
        roles: roles(&["proxy", "director"]),
        approval: Approval::Require,
        labels: Labels::parse(&BTreeMap::from([("site".to_owned(), "eu 1".to_owned())])).unwrap(),
        ephemeral_hosts: true,
        api_key_credential: true,
        settings: object(json!({ "log": { "level": "info", "rate": 0.5 }, "ports": [1, 2] })),
        schema: Some(object(json!({ "type": "object" }))),
        audiences: vec!["https://jobs.example.org".to_owned()],
        ..plain(name)
    }
}

impl World {
    pub(super) fn new_policy(&self, terms: PolicyTerms) -> CreatePolicy {
        let (at, by) = (self.now, "user:admin".to_owned());
        let policy = Policy {
            id: PolicyId::generate(at),
            revision: 1,
            terms,
            created_at: at,
            created_by: by.clone(),
            updated_at: at,
            updated_by: by,
        };
        CreatePolicy { policy, first: None, entry: self.draft(Action::PolicyCreated) }
    }

    pub(in crate::store) async fn policy(&mut self, terms: PolicyTerms) -> Policy {
        let command = self.new_policy(terms);
        let policy = command.policy.clone();
        assert_eq!(self.store().create_policy(command).await.unwrap(), PolicyCreation::Created);
        self.expect_entries(&[Action::PolicyCreated]).await;
        policy
    }

    /// A token of the policy that is not recorded yet.
    fn token_of(&mut self, policy: PolicyId) -> MintRecord {
        let mut record = self.persistent(None);
        record.terms.policy = Some(policy);
        record.purpose = TokenPurpose::Enrollment(TokenKind::Policy);
        record
    }

    fn mint_of(&self, record: &MintRecord) -> RecordMint {
        RecordMint { record: record.clone(), by: Actor::System, entry: self.draft(Action::TokenCreated) }
    }

    async fn change_policy(&self, policy: PolicyId, revision: u64, terms: PolicyTerms) -> PolicyChange {
        let entry = self.draft(Action::PolicyChanged);
        self.store().change_policy(ChangePolicy { policy, revision, terms, entry }).await.unwrap()
    }

    pub(in crate::store) async fn delete_policy(&self, policy: PolicyId, revision: u64) -> PolicyDeletion {
        let entry = self.draft(Action::PolicyDeleted);
        self.store().delete_policy(DeletePolicy { policy, revision, entry }).await.unwrap()
    }
}

pub(in crate::store) async fn a_policy_is_read_back_and_listed_oldest_first(world: &mut World) {
    let first = world.policy(full("edge")).await;
    world.pass(Duration::from_secs(1));
    let second = world.policy(plain("core")).await;
    for _ in 0..2 {
        assert_eq!(world.store().policies().await.unwrap(), [first.clone(), second.clone()]);
        assert_eq!(world.store().policy(first.id).await.unwrap(), Some(first.clone()));
        assert_eq!(world.store().policy_revisions(first.id).await.unwrap(), std::slice::from_ref(&first));
        world.restart();
    }
    assert_eq!(world.store().hosts_of_policy(first.id).await.unwrap(), 0);
    assert_eq!(world.store().hosts_of_policies(vec![first.id, second.id]).await.unwrap(), [0, 0]);
}

pub(in crate::store) async fn a_policy_is_created_with_its_first_token(world: &mut World) {
    let mut command = world.new_policy(plain("edge"));
    let token = world.token_of(command.policy.id);
    command.first = Some(world.mint_of(&token));
    assert_eq!(world.store().create_policy(command).await.unwrap(), PolicyCreation::Created);
    world.expect_entries(&[Action::PolicyCreated, Action::TokenCreated]).await;
    assert_eq!(world.token(&token).await.unwrap().mint, token);
    let id = token.terms.policy.unwrap();
    assert_eq!(world.store().tokens_of_policies(vec![id], world.now).await.unwrap(), [1]);
    // Without the key of its token there is no policy either.
    let mut command = world.new_policy(plain("core"));
    let token =
        MintRecord { signing_key: key(KeyState::Current, world.now).id, ..world.token_of(command.policy.id) };
    command.first = Some(world.mint_of(&token));
    let id = command.policy.id;
    assert_eq!(world.store().create_policy(command).await.unwrap(), PolicyCreation::KeyGone);
    assert_eq!(world.store().policy(id).await.unwrap(), None);
    assert_eq!(world.store().policy_revisions(id).await.unwrap(), []);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn a_change_of_a_policy_keeps_the_revision_before(world: &mut World) {
    let before = world.policy(plain("edge")).await;
    world.pass(HOUR);
    assert_eq!(world.change_policy(before.id, 1, full("edge 2")).await, PolicyChange::Done);
    world.expect_entries(&[Action::PolicyChanged]).await;
    let changed = world.store().policy(before.id).await.unwrap().unwrap();
    assert_eq!((changed.revision, &changed.terms), (2, &full("edge 2")));
    assert_eq!((changed.created_at, changed.updated_at), (before.created_at, world.now));
    assert_eq!(changed.updated_by, world.draft(Action::PolicyChanged).origin.actor);
    let revisions = world.store().policy_revisions(before.id).await.unwrap();
    assert_eq!(revisions, [changed, before.clone()]);
    assert_eq!(world.store().policy_revision(before.id, 1).await.unwrap(), Some(before.clone()));
    assert_eq!(world.store().policy_revision(before.id, 3).await.unwrap(), None);
}

pub(in crate::store) async fn the_last_hundred_revisions_stay(world: &mut World) {
    let policy = world.policy(plain("edge")).await;
    for revision in 1..=KEPT_REVISIONS + 1 {
        let terms = if revision % 2 == 0 { plain("edge") } else { full("edge") };
        assert_eq!(world.change_policy(policy.id, revision, terms).await, PolicyChange::Done);
    }
    let kept = world.store().policy_revisions(policy.id).await.unwrap();
    let kept: Vec<u64> = kept.iter().map(|kept| kept.revision).collect();
    assert_eq!(kept, (3..=KEPT_REVISIONS + 2).rev().collect::<Vec<_>>());
    world.new_entries().await;
}

pub(in crate::store) async fn an_outdated_policy_is_neither_changed_nor_deleted(world: &mut World) {
    let before = world.policy(plain("edge")).await;
    assert_eq!(world.change_policy(before.id, 2, full("x")).await, PolicyChange::Moved);
    assert_eq!(world.delete_policy(before.id, 2).await, PolicyDeletion::Moved);
    assert_eq!(world.store().policies().await.unwrap(), [before]);
    let unknown = PolicyId::generate(world.now);
    assert_eq!(world.change_policy(unknown, 1, full("x")).await, PolicyChange::Unknown);
    assert_eq!(world.delete_policy(unknown, 1).await, PolicyDeletion::Unknown);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn a_policys_name_is_taken_once(world: &mut World) {
    let edge = world.policy(plain("edge")).await;
    let core = world.policy(plain("core")).await;
    let command = world.new_policy(full("edge"));
    assert_eq!(world.store().create_policy(command).await.unwrap(), PolicyCreation::NameTaken);
    assert_eq!(world.change_policy(core.id, 1, plain("edge")).await, PolicyChange::NameTaken);
    world.expect_entries(&[]).await;
    assert_eq!(world.change_policy(edge.id, 1, full("edge")).await, PolicyChange::Done, "its own name");
    assert_eq!(world.delete_policy(edge.id, 2).await, PolicyDeletion::Deleted { tokens: 0 });
    world.expect_entries(&[Action::PolicyChanged, Action::PolicyDeleted]).await;
    assert_eq!(world.store().policy_revisions(edge.id).await.unwrap(), []);
    world.policy(plain("edge")).await;
}

pub(in crate::store) async fn a_deleted_policy_takes_its_live_tokens(world: &mut World) {
    let (policy, other) = (world.policy(plain("edge")).await.id, world.policy(plain("core")).await.id);
    let [live, revoked, kept] = [world.token_of(policy), world.token_of(policy), world.token_of(other)];
    let of_policy = |mut token: MintRecord| {
        token.terms.policy = Some(policy);
        token
    };
    let ephemeral = of_policy(until(world.ephemeral(Some(1)), world.now.plus(DAY)));
    let expired = of_policy(until(world.ephemeral(None), world.now.plus(HOUR)));
    for token in [&live, &revoked, &kept, &ephemeral, &expired] {
        world.store().record_mint(world.mint_of(token)).await.unwrap();
    }
    world.revoke(&revoked).await;
    world.pass(HOUR * 2);
    world.new_entries().await;
    assert_eq!(world.delete_policy(policy, 1).await, PolicyDeletion::Deleted { tokens: 2 });
    world.expect_entries(&[Action::PolicyDeleted]).await;
    let refused = Redeemed::Refused(RedeemRefusal::TokenRevoked);
    for token in [&live, &ephemeral] {
        assert_eq!(world.redeem(token, new_key()).await, refused, "before the revocation is written");
        assert!(!world.store().is_vouched_for(verified(token), world.now).await.unwrap());
        assert_eq!(world.token(token).await.unwrap().state(world.now), TokenState::Revoked);
    }
    assert!(world.store().is_vouched_for(verified(&kept), world.now).await.unwrap());
    assert_eq!(together::due(world).await, 2);
    world.expect_entries(&[Action::TokenRevoked, Action::TokenRevoked]).await;
    for (token, revoked) in [(&live, true), (&ephemeral, true), (&expired, false), (&kept, false)] {
        let status = world.store().revocations().status(token.token.status);
        assert_eq!(status == Status::Revoked, revoked, "{token:?}");
        assert_eq!(world.token(token).await.unwrap().revoked_at.is_some(), revoked, "{token:?}");
    }
    let gone = world.token_of(policy);
    assert_eq!(world.store().record_mint(world.mint_of(&gone)).await.unwrap(), MintOutcome::KeyGone);
    for token in [&live, &ephemeral] {
        assert_eq!(world.redeem(token, new_key()).await, refused);
    }
}

pub(in crate::store) async fn the_number_of_policies_is_bounded(world: &mut World) {
    let named = |number: u32| plain(&format!("policy {number}"));
    let commands: Vec<_> = (0..=MOST_POLICIES).map(|number| world.new_policy(named(number))).collect();
    let store = world.shared();
    let running = commands.into_iter().map(|command| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.create_policy(command).await.unwrap() })
    });
    let mut created = 0;
    for run in running.collect::<Vec<_>>() {
        created += u32::from(run.await.unwrap() == PolicyCreation::Created);
    }
    assert_eq!(created, MOST_POLICIES);
    assert_eq!(world.new_entries().await.len(), MOST_POLICIES as usize);
}
