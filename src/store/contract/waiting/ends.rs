//! Waits whose token or key is no longer trusted, and slots that hosts leave.

use super::*;
use crate::approval::Approval;
use crate::store::PolicyDeletion;
use crate::store::contract::{keys, policies, together};

/// An ephemeral token that has expired, and the enrollment of a host that waits under it.
async fn past_expiry(world: &mut World, minter: &str) -> (MintRecord, EnrollmentId) {
    let record = MintRecord { minter: minter.to_owned(), ..world.ephemeral(Some(1)) };
    let token = world.mint(record).await;
    let id = world.wait(&token, new_key()).await;
    world.pass(HOUR * 2);
    assert_eq!(world.enrollment(id).await.state, EnrollmentState::Waiting);
    (token, id)
}

async fn has_ended(world: &World, id: EnrollmentId) {
    assert_eq!(world.enrollment(id).await.state, EnrollmentState::Ended);
    assert_eq!(world.approve(id).await, Deciding::Over(EnrollmentState::Ended));
}

/// "`ended` (token revoked or its key retired)": with a stolen key, anyone could make a token with the same id.
pub(in crate::store) async fn a_retired_key_ends_waits_of_expired_tokens_too(world: &mut World) {
    let (_, expired) = past_expiry(world, "user:admin").await;
    let record = until(world.persistent(None), world.now.plus(HOUR));
    let persistent = world.mint(record).await;
    let waits = world.wait(&persistent, new_key()).await;
    let former = keys::rotate(world).await;
    world.pass(HOUR);
    let other = world.mint_persistent(None).await;
    let stays = world.wait(&other, new_key()).await;
    let retired = Retirement::Retired(Retired { tokens: 0, emergency: false });
    assert_eq!(keys::retire(world, former, false, None).await, retired);
    has_ended(world, expired).await;
    has_ended(world, waits).await;
    assert_eq!(world.enrollment(stays).await.state, EnrollmentState::Waiting, "another key signed its token");
}

pub(in crate::store) async fn a_deleted_minter_ends_waits_of_expired_tokens_too(world: &mut World) {
    let key = world.api_key(None).await;
    let (token, id) = past_expiry(world, &format!("api_key:{}", key.id)).await;
    let (_, stays) = past_expiry(world, "user:admin").await;
    let deletion = world.key_deletion(key.id, None, true);
    let gone = world.store().delete_api_key(deletion).await.unwrap();
    assert_eq!(gone, Some(Removal { api_keys: 0, tokens: 1 }));
    has_ended(world, id).await;
    world.new_entries().await;
    assert_eq!(together::due(world).await, 1);
    world.expect_entries(&[Action::TokenRevoked]).await;
    has_ended(world, id).await;
    assert_eq!(world.token(&token).await.unwrap().state(world.now), TokenState::Revoked);
    assert_eq!(world.enrollment(stays).await.state, EnrollmentState::Waiting);
}

pub(in crate::store) async fn a_deleted_policy_ends_waits_of_expired_tokens_too(world: &mut World) {
    let policy = world.policy(policies::plain("edge")).await;
    let mut record = world.ephemeral(Some(1));
    record.terms.policy = Some(policy.id);
    let token = world.mint(record).await;
    let id = world.wait(&token, new_key()).await;
    let (_, stays) = past_expiry(world, "user:admin").await;
    assert_eq!(world.enrollment(id).await.state, EnrollmentState::Waiting);
    assert_eq!(world.delete_policy(policy.id, 1).await, PolicyDeletion::Deleted { tokens: 1 });
    has_ended(world, id).await;
    assert_eq!(together::due(world).await, 1);
    has_ended(world, id).await;
    assert_eq!(world.enrollment(stays).await.state, EnrollmentState::Waiting, "of no policy");
}

/// A rotated token expires before its revocation is due.
pub(in crate::store) async fn a_due_revocation_ends_waits_for_good(world: &mut World) {
    let token = world.mint_ephemeral(None).await;
    let id = world.wait(&token, new_key()).await;
    assert_eq!(together::rotate(world, &token, Some(HOUR * 3)).await.0, TokenRotation::Rotated);
    world.pass(HOUR * 2);
    assert_eq!(world.enrollment(id).await.state, EnrollmentState::Waiting);
    world.pass(HOUR);
    has_ended(world, id).await;
    assert_eq!(together::due(world).await, 1);
    has_ended(world, id).await;
}

pub(in crate::store) async fn a_denied_key_is_approved_under_no_token(world: &mut World) {
    let (one, other) = (world.mint_persistent(None).await, world.mint_persistent(None).await);
    let key = new_key();
    let (first, second) = (world.wait(&one, key).await, world.wait(&other, key).await);
    assert_eq!(world.deny(first, false).await, Deciding::Done);
    world.new_entries().await;
    assert_eq!(world.approve(second).await, Deciding::KeyDenied { reason: "not ours".to_owned() });
    world.expect_entries(&[]).await;
    assert_eq!(world.deny(second, false).await, Deciding::Done);
}

pub(in crate::store) async fn a_replaced_host_leaves_its_place_in_the_rule(world: &mut World) {
    let rule = world.rule_for(1).await;
    let token = world.mint_persistent(None).await;
    let first = world.gated(&token, new_key(), vec![rule]);
    let host = first.admission.certificate.host;
    assert_eq!(world.store().redeem(first).await.unwrap(), Redeemed::First);
    let (presented, entry) = (world.host(host).await.newest.serial, world.draft(Action::HostRevoked));
    let replaces = Some(ReplacedHost { host, presented, entry });
    let replacing = Redeem { replaces, ..world.gated(&token, new_key(), vec![rule]) };
    assert_eq!(world.store().redeem(replacing).await.unwrap(), Redeemed::First);
    assert!(world.host(host).await.revoked_at.is_some());
    let late = world.gated(&token, new_key(), vec![rule]);
    assert!(matches!(world.store().redeem(late).await.unwrap(), Redeemed::Waits(_)), "it is full again");
}

pub(in crate::store) async fn expired_waits_make_room_at_once(world: &mut World) {
    let token = world.mint_persistent(None).await;
    for _ in 0..MOST {
        world.wait(&token, new_key()).await;
    }
    assert_eq!(world.ask(&token, new_key()).await, FULL);
    world.pass(DAY);
    world.new_entries().await;
    world.wait(&token, new_key()).await;
    world
        .expect_entries(
            &[[Action::EnrollmentExpired; MOST as usize].as_slice(), &[Action::EnrollmentWaiting]].concat(),
        )
        .await;
}

pub(in crate::store) async fn a_changed_mode_is_judged_again(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let require = Some(Approval::Require);
    let changes = vec![(Approval::SETTING, require.map(|mode| mode as u64))];
    let entry = world.draft(Action::SettingsChanged);
    world.store().change_settings(ChangeSettings { changes, entry }).await.unwrap();
    world.new_entries().await;
    assert_eq!(world.redeem(&token, new_key()).await, Redeemed::FactsChanged);
    world.expect_entries(&[]).await;
    let judged = Redeem { default_mode: require, ..world.redemption(&token, new_key()) };
    assert_eq!(world.store().redeem(judged).await.unwrap(), Redeemed::First);
}

pub(in crate::store) async fn a_key_that_was_revoked_is_not_approved(world: &mut World) {
    let (one, other) = (world.mint_persistent(None).await, world.mint_persistent(None).await);
    let key = new_key();
    let id = world.wait(&one, key).await;
    let host = world.enroll(&other, key).await;
    world.revoke_host(host.id).await;
    world.new_entries().await;
    assert_eq!(world.approve(id).await, Deciding::Key(KeyRefusal::Revoked));
    world.expect_entries(&[]).await;
    assert_eq!(world.token(&one).await.unwrap().used, 0);
}

pub(in crate::store) async fn a_token_spent_by_approval_is_collected(world: &mut World) {
    let token = world.mint_persistent(Some(1)).await;
    let id = world.wait(&token, new_key()).await;
    assert_eq!(world.approve(id).await, Deciding::Done);
    world.pass(DAY * 6);
    assert_eq!(world.collect().await.tokens, 0);
    world.pass(DAY * 2);
    assert_eq!(world.collect().await.tokens, 1);
}

pub(in crate::store) async fn a_token_is_kept_while_a_host_waits(world: &mut World) {
    let (token, id) = past_expiry(world, "user:admin").await;
    let retention = HOUR / 2;
    let collect = async |world: &World| {
        let command = Collect { retention, ..world.collection() };
        world.store().collect(command).await.unwrap().tokens
    };
    assert_eq!(collect(world).await, 0);
    assert_eq!(world.approve(id).await, Deciding::Done);
    assert_eq!(collect(world).await, 1);
    assert_eq!(world.token(&token).await, None);
}
