//! Releasing tokens and API keys that a restore suspended.

use std::slice;

use serde_json::Value;

use super::together::rotate;
use super::world::*;
use crate::id::{ApiKeyId, FleetKeyId, TokenId};
use crate::ledger::{Action, Basis};
use crate::store::contract::policies;
use crate::store::contract::renewing::recertification;
use crate::store::*;
use crate::token::Status;

const SUSPENDED: Redeemed = Redeemed::Refused(RedeemRefusal::TokenSuspended);

async fn release(world: &World, token: &MintRecord, uses_left: Option<u32>) -> TokenRelease {
    release_ids(world, vec![token.token.id], uses_left).await[0]
}

async fn release_ids(world: &World, tokens: Vec<TokenId>, uses_left: Option<u32>) -> Vec<TokenRelease> {
    let entry = world.draft(Action::TokenReleased);
    world.store().release_tokens(ReleaseTokens { tokens, uses_left, entry }).await.unwrap()
}

async fn release_keys(world: &World, keys: Vec<ApiKeyId>) -> Vec<ApiKeyRelease> {
    let entry = world.draft(Action::ApiKeyReleased);
    world.store().release_api_keys(ReleaseApiKeys { keys, entry }).await.unwrap()
}

fn status(world: &World, token: &MintRecord) -> Status {
    world.store().revocations().status(token.token.status)
}

async fn state(world: &World, token: &MintRecord) -> TokenState {
    world.token(token).await.unwrap().state(world.now)
}

pub(in crate::store) async fn a_suspended_token_admits_hosts_once_released(world: &mut World) {
    let (token, key) = (world.mint_persistent(None).await, new_key());
    let host = world.enroll(&token, key).await;
    world.suspend(slice::from_ref(&token), &[]);
    world.new_entries().await;
    assert_eq!(
        (status(world, &token), state(world, &token).await),
        (Status::Suspended, TokenState::Suspended)
    );
    assert_eq!(world.redeem(&token, new_key()).await, SUSPENDED);
    assert!(matches!(world.redeem(&token, key).await, Redeemed::Again(_)), "the host is in");
    assert!(!world.store().is_vouched_for(verified(&token), world.now).await.unwrap());
    assert!(world.store().list_persistent(world.now).await.unwrap().is_empty());
    world.pass(DAY * 2);
    let refused = Renewed::Refused(RenewRefusal::TokenSuspended);
    assert_eq!(world.store().recertify(recertification(world, &token, &host)).await.unwrap(), refused);
    world.expect_entries(&[]).await;
    assert_eq!(release(world, &token, None).await, TokenRelease::Released);
    assert_eq!(release(world, &token, None).await, TokenRelease::NotSuspended);
    world.expect_entries(&[Action::TokenReleased]).await;
    world.restart();
    assert_eq!((status(world, &token), state(world, &token).await), (Status::Valid, TokenState::Active));
    assert_eq!(world.redeem(&token, new_key()).await, Redeemed::First);
    assert!(world.store().is_vouched_for(verified(&token), world.now).await.unwrap());
}

pub(in crate::store) async fn the_api_key_of_a_suspended_token_is_refused(world: &mut World) {
    let policy = world.policy(policies::plain("edge")).await.id;
    let mut record = world.persistent(None);
    record.terms.policy = Some(policy);
    let token = world.mint(record).await;
    world.suspend(slice::from_ref(&token), &[]);
    let redeem = |world: &World| {
        let command = world.redemption(&token, new_key());
        let grant = command.grant.clone().assumed_of_fleet_key(FleetKeyId::FIRST);
        Redeem { grant, ..command }
    };
    assert_eq!(world.store().redeem(redeem(world)).await.unwrap(), SUSPENDED);
    assert_eq!(release(world, &token, None).await, TokenRelease::Released);
    assert_eq!(world.store().redeem(redeem(world)).await.unwrap(), Redeemed::First);
}

pub(in crate::store) async fn a_limited_token_is_released_with_fewer_uses(world: &mut World) {
    let (token, fresh) = (world.mint_persistent(Some(5)).await, world.mint_persistent(Some(1)).await);
    world.enroll(&token, new_key()).await;
    world.suspend(&[token.clone(), fresh.clone()], &[]);
    world.new_entries().await;
    assert_eq!(release(world, &token, None).await, TokenRelease::UsesLeftRequired);
    for wrong in [0, 5] {
        assert_eq!(release(world, &token, Some(wrong)).await, TokenRelease::TooManyUses, "{wrong}");
    }
    assert_eq!((status(world, &token), world.token(&token).await.unwrap().used), (Status::Suspended, 1));
    world.expect_entries(&[]).await;
    assert_eq!(release(world, &token, Some(2)).await, TokenRelease::Released);
    assert_eq!(release(world, &fresh, Some(1)).await, TokenRelease::Released);
    let entries = world.new_entries().await;
    let entry: Value = serde_json::from_slice(crate::ledger::parse(&entries[0].bytes).unwrap().body).unwrap();
    let detail = &entry["detail"];
    assert_eq!((detail["uses_left_before"].as_u64(), detail["uses_left"].as_u64()), (Some(4), Some(2)));
    for (token, uses) in [(&token, 2), (&fresh, 1)] {
        for _ in 0..uses {
            assert_eq!(world.redeem(token, new_key()).await, Redeemed::First);
        }
        assert_eq!(world.redeem(token, new_key()).await, Redeemed::Refused(RedeemRefusal::TokenSpent));
        assert_eq!(status(world, token), Status::UsedUp);
    }
    assert_eq!(world.token(&token).await.unwrap().used, 5, "uses that were given up count as taken");
}

pub(in crate::store) async fn only_suspended_tokens_are_released(world: &mut World) {
    let service = world.add_service_keys().await;
    let service = world.service(service);
    let service = world.mint(service).await;
    let (plain, good) = (world.mint_persistent(None).await, world.mint_persistent(None).await);
    let expired = until(world.persistent(None), world.now.plus(HOUR));
    let expired = world.mint(expired).await;
    let spent = world.mint_persistent(Some(1)).await;
    world.enroll(&spent, new_key()).await;
    world.suspend(&[expired.clone(), spent.clone(), service.clone(), good.clone()], &[]);
    world.pass(HOUR * 2);
    let unknown = world.persistent(None);
    world.new_entries().await;
    let tokens = [&plain, &expired, &spent, &service, &unknown];
    let tokens: Vec<TokenId> = tokens.into_iter().map(|record| record.token.id).collect();
    let (before, ended, none) = (TokenRelease::NotSuspended, TokenRelease::Ended, TokenRelease::Unknown);
    let refused = vec![before, ended, ended, none, none];
    assert_eq!(release_ids(world, tokens.clone(), Some(1)).await, refused);
    world.expect_entries(&[]).await;
    let both = [tokens, vec![good.token.id]].concat();
    assert_eq!(release_ids(world, both, Some(1)).await, [refused, vec![TokenRelease::Released]].concat());
    world.expect_entries(&[Action::TokenReleased]).await;
}

pub(in crate::store) async fn a_revoked_token_is_no_longer_suspended(world: &mut World) {
    let token = world.mint_persistent(None).await;
    world.suspend(slice::from_ref(&token), &[]);
    assert_eq!(world.revoke(&token).await, TokenRevocation::Revoked { hosts: 0 });
    assert_eq!((status(world, &token), state(world, &token).await), (Status::Revoked, TokenState::Revoked));
    assert_eq!(world.redeem(&token, new_key()).await, Redeemed::Refused(RedeemRefusal::TokenRevoked));
    assert_eq!(release(world, &token, None).await, TokenRelease::Ended);
    world.restart();
    assert_eq!(status(world, &token), Status::Revoked);
}

pub(in crate::store) async fn a_suspended_token_has_no_successor(world: &mut World) {
    let token = world.mint_persistent(None).await;
    world.suspend(slice::from_ref(&token), &[]);
    let refused = TokenRotation::Refused(RotationRefusal::Ended(TokenState::Suspended));
    assert_eq!(rotate(world, &token, Some(HOUR)).await.0, refused);
}

pub(in crate::store) async fn a_suspended_key_writes_nothing_until_released(world: &mut World) {
    let (key, other) = (world.api_key(None).await, world.api_key(None).await);
    world.suspend(&[], &[key.id]);
    let stored = world.store().api_key(key.id).await.unwrap().unwrap();
    assert_eq!(stored.key.suspended_at, Some(world.now));
    let append = |world: &World| {
        let basis = Some(Basis::ApiKey { id: key.id, owner: None });
        AppendEntries { entries: vec![crate::ledger::Draft { basis, ..world.draft(Action::TokenCreated) }] }
    };
    assert_eq!(world.store().append_entries(append(world)).await, Err(StoreError::ActorGone));
    let unknown = ApiKeyId::generate(world.now);
    let (released, before) = (ApiKeyRelease::Released, ApiKeyRelease::NotSuspended);
    let outcomes = release_keys(world, vec![key.id, other.id, unknown]).await;
    assert_eq!(outcomes, [released, before, ApiKeyRelease::Unknown]);
    assert_eq!(release_keys(world, vec![key.id]).await, [before]);
    world.expect_entries(&[Action::ApiKeyReleased]).await;
    assert_eq!(world.store().api_key(key.id).await.unwrap().unwrap().key, key);
    assert_eq!(world.store().append_entries(append(world)).await, Ok(()));
}
