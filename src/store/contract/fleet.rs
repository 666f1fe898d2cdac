//! Keys and tokens of Elastic Fleet's API.

use super::policies;
use super::world::*;
use crate::access::Actor;
use crate::id::{FleetKeyId, PolicyId, TokenId};
use crate::ledger::Action;
use crate::name::Label;
use crate::store::*;
use crate::token::Terms;

const FIRST: FleetKeyId = FleetKeyId::FIRST;
const SECOND: FleetKeyId = FleetKeyId::new(2);

fn record(world: &mut World, policy: PolicyId, label: &str) -> MintRecord {
    let plain = world.persistent(None);
    let terms = Terms { policy: Some(policy), ..plain.terms };
    MintRecord { terms, label: Label::parse(label).unwrap(), ..plain }
}

async fn mint(world: &World, record: &MintRecord) -> FleetMint {
    let entry = world.draft(Action::TokenCreated).about(about_token(record.token.id));
    let mint = RecordMint { record: record.clone(), by: Actor::System, entry };
    world.store().mint_fleet_token(MintFleetToken(mint)).await.unwrap()
}

async fn minted(world: &mut World, policy: PolicyId, label: &str) -> TokenId {
    let record = record(world, policy, label);
    assert_eq!(mint(world, &record).await, FleetMint::Recorded);
    record.token.id
}

async fn delete(world: &World, token: TokenId, forced: bool) -> u64 {
    let entry = world.draft(Action::TokenRevoked);
    let command = DeleteFleetTokens { tokens: vec![token], forced, entry };
    world.store().delete_fleet_tokens(command).await.unwrap()
}

async fn rotate(world: &World, key: FleetKeyId) {
    let entry = world.draft(Action::KeyRotated);
    world.store().add_fleet_key(AddFleetKey { key, entry }).await.unwrap();
}

async fn retire(
    world: &World,
    key: FleetKeyId,
    even_needed: bool,
    successor: Option<FleetKeyId>,
) -> Retirement {
    let entry = world.draft(Action::KeyRetired);
    world.store().retire_fleet_key(RetireFleetKey { key, even_needed, successor, entry }).await.unwrap()
}

async fn listed(world: &World, filter: FleetFilter, offset: u32) -> (Vec<TokenId>, u64) {
    let page = world.store().fleet_tokens(filter, offset, 2).await.unwrap();
    (page.items.into_iter().map(|token| token.mint.token.id).collect(), page.total)
}

const fn every(world: &World) -> FleetFilter {
    FleetFilter { policy: None, token: None, label: None, active: None, now: world.now }
}

async fn fleet_key(world: &World, token: TokenId) -> Option<FleetKeyId> {
    world.store().token(token).await.unwrap().unwrap().fleet_key
}

pub(in crate::store) async fn only_a_persistent_token_with_a_policy_has_a_fleet_key(world: &mut World) {
    let policy = world.policy(policies::plain("edge")).await.id;
    let with_policy = minted(world, policy, "").await;
    assert_eq!(fleet_key(world, with_policy).await, Some(FIRST));
    let plain = world.mint_persistent(None).await;
    let ephemeral = world.ephemeral(None);
    let terms = Terms { policy: Some(policy), ..ephemeral.terms };
    let ephemeral = world.mint(MintRecord { terms, ..ephemeral }).await;
    for token in [plain.token.id, ephemeral.token.id] {
        assert_eq!(fleet_key(world, token).await, None);
    }
    rotate(world, SECOND).await;
    let later = minted(world, policy, "").await;
    assert_eq!(
        (fleet_key(world, with_policy).await, fleet_key(world, later).await),
        (Some(FIRST), Some(SECOND))
    );
    let created = Action::TokenCreated;
    world.expect_entries(&[created, created, created, Action::KeyRotated, created]).await;
}

pub(in crate::store) async fn a_listed_name_is_taken_in_its_policy(world: &mut World) {
    let policy = world.policy(policies::plain("edge")).await.id;
    let other = world.policy(policies::plain("other")).await.id;
    let first = minted(world, policy, "rack").await;
    let again = record(world, policy, "rack");
    assert_eq!(mint(world, &again).await, FleetMint::NameTaken);
    assert_eq!(delete(world, first, false).await, 1);
    assert_eq!(mint(world, &again).await, FleetMint::NameTaken, "a revoked token keeps its name");
    minted(world, other, "rack").await;
    minted(world, policy, "").await;
    minted(world, policy, "").await;
    assert_eq!(delete(world, first, true).await, 1);
    assert_eq!(mint(world, &again).await, FleetMint::Recorded);
    let (created, revoked) = (Action::TokenCreated, Action::TokenRevoked);
    world.expect_entries(&[created, revoked, created, created, created, revoked, created]).await;
}

pub(in crate::store) async fn a_deletion_revokes_and_may_end_the_listing(world: &mut World) {
    let policy = world.policy(policies::plain("edge")).await.id;
    let token = minted(world, policy, "rack").await;
    assert_eq!([delete(world, token, false).await, delete(world, token, false).await], [1, 1]);
    let record = world.store().token(token).await.unwrap().unwrap();
    assert!(record.revoked_at.is_some() && !record.fleet_removed);
    assert_eq!([delete(world, token, true).await, delete(world, token, true).await], [1, 0]);
    assert!(world.store().token(token).await.unwrap().unwrap().fleet_removed);
    assert_eq!(listed(world, every(world), 0).await, (vec![], 0));
    let plain = world.mint_persistent(None).await;
    assert_eq!(delete(world, plain.token.id, true).await, 0, "it is not listed");
    assert_eq!(world.token(&plain).await.unwrap().revoked_at, None);
    let (created, revoked) = (Action::TokenCreated, Action::TokenRevoked);
    world.expect_entries(&[created, revoked, revoked, created]).await;
}

pub(in crate::store) async fn fleet_tokens_are_filtered_and_counted(world: &mut World) {
    let one = world.policy(policies::plain("one")).await.id;
    let other = world.policy(policies::plain("other")).await.id;
    let mut ids = Vec::new();
    for (policy, label) in [(one, "a"), (one, "b"), (other, "a")] {
        world.pass(std::time::Duration::from_millis(2));
        ids.push(minted(world, policy, label).await);
    }
    world.mint_persistent(None).await;
    assert_eq!(listed(world, every(world), 0).await, (vec![ids[2], ids[1]], 3));
    assert_eq!(listed(world, every(world), 2).await, (vec![ids[0]], 3));
    assert_eq!(listed(world, every(world), 3).await, (vec![], 3));
    delete(world, ids[0], false).await;
    let filter = |policy, label: Option<&str>, active| FleetFilter {
        policy,
        label: label.map(str::to_owned),
        active,
        ..every(world)
    };
    assert_eq!(listed(world, filter(Some(one), None, None), 0).await, (vec![ids[1], ids[0]], 2));
    assert_eq!(listed(world, filter(Some(one), None, Some(true)), 0).await, (vec![ids[1]], 1));
    assert_eq!(listed(world, filter(None, None, Some(false)), 0).await, (vec![ids[0]], 1));
    assert_eq!(listed(world, filter(None, Some("a"), None), 0).await, (vec![ids[2], ids[0]], 2));
    let by_id = FleetFilter { token: Some(ids[1]), ..every(world) };
    assert_eq!(listed(world, by_id, 0).await, (vec![ids[1]], 1));
    let created = Action::TokenCreated;
    world.expect_entries(&[created, created, created, created, Action::TokenRevoked]).await;
}

pub(in crate::store) async fn a_retired_fleet_key_ends_its_tokens(world: &mut World) {
    let policy = world.policy(policies::plain("edge")).await.id;
    let first = minted(world, policy, "").await;
    assert_eq!(retire(world, FIRST, true, None).await, Retirement::InUse);
    rotate(world, SECOND).await;
    let second = minted(world, policy, "").await;
    assert_eq!(retire(world, FIRST, false, None).await, Retirement::Needed { tokens: 1 });
    let retired = |tokens| Retirement::Retired(Retired { tokens, emergency: false });
    assert_eq!(retire(world, FIRST, true, None).await, retired(1));
    assert_eq!(retire(world, FIRST, true, None).await, Retirement::Unknown);
    let needs = world.store().fleet_key_needs(world.now).await.unwrap();
    assert_eq!(needs.iter().map(|(key, live)| (key.id, *live)).collect::<Vec<_>>(), [(SECOND, 1)]);
    let third = FleetKeyId::new(3);
    assert_eq!(retire(world, SECOND, true, Some(third)).await, retired(1));
    let keys = world.store().fleet_keys().await.unwrap();
    assert_eq!(keys.iter().map(|key| key.id).collect::<Vec<_>>(), [third]);
    for token in [first, second] {
        assert!(world.store().token(token).await.unwrap().unwrap().revoked_at.is_some());
    }
    let (created, rotated, retired) = (Action::TokenCreated, Action::KeyRotated, Action::KeyRetired);
    world.expect_entries(&[created, rotated, created, retired, retired]).await;
}
