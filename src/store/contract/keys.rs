//! Rotating and retiring signing keys.

use super::world::*;
use crate::access::Actor;
use crate::id::KeyId;
use crate::ledger::{Action, Draft};
use crate::store::*;
use crate::token::{KeyUse, Status};

pub(super) async fn rotate(world: &mut World) -> KeyId {
    let former = world.current;
    world.pass(HOUR);
    let next = key(KeyState::Prepared, world.now);
    let command = RotateKeys { next, entry: world.draft(Action::KeyRotated) };
    world.store().rotate_keys(command).await.unwrap();
    world.current =
        world.store().keys().await.unwrap().iter().find(|key| key.state == KeyState::Current).unwrap().id;
    former
}

async fn mint_for_two_hours(world: &mut World) -> MintRecord {
    let record = world.ephemeral(Some(1));
    world.mint(until(record, world.now.plus(HOUR * 2))).await
}

pub(super) async fn retire(
    world: &World,
    signing_key: KeyId,
    even_needed: bool,
    emergency: Option<RecordMint>,
) -> Retirement {
    let terms = if even_needed { RetireTerms::EvenNeeded } else { RetireTerms::Unneeded };
    retire_on(world, signing_key, terms, emergency).await
}

async fn retire_on(
    world: &World,
    signing_key: KeyId,
    terms: RetireTerms,
    emergency: Option<RecordMint>,
) -> Retirement {
    let entry = world.draft(Action::KeyRetired);
    let command = RetireKey { signing_key, terms, emergency, entry };
    world.store().retire_key(command).await.unwrap()
}

async fn states(world: &World) -> Vec<(KeyId, KeyState)> {
    world.store().keys().await.unwrap().iter().map(|key| (key.id, key.state)).collect()
}

pub(in crate::store) async fn rotation_moves_each_key_on_one_place(world: &mut World) {
    let prepared = states(world).await.iter().find(|(_, state)| *state == KeyState::Prepared).unwrap().0;
    let former = rotate(world).await;
    let states = states(world).await;
    assert_eq!(states.len(), 3);
    assert!(states.contains(&(former, KeyState::Previous)));
    assert!(states.contains(&(prepared, KeyState::Current)));
    world.expect_entries(&[Action::KeyRotated]).await;
}

pub(in crate::store) async fn keys_in_use_do_not_retire(world: &mut World) {
    for (key, _) in states(world).await {
        assert_eq!(retire(world, key, true, None).await, Retirement::InUse);
    }
    assert_eq!(retire(world, KeyId::of(b"nobody's"), true, None).await, Retirement::Unknown);
    let former = rotate(world).await;
    let retired = Retirement::Retired(Retired { tokens: 0, emergency: false });
    assert_eq!(retire(world, former, false, None).await, retired);
    assert_eq!(retire(world, former, false, None).await, Retirement::Unknown);
    assert!(states(world).await.iter().all(|(key, _)| *key != former));
    world.expect_entries(&[Action::KeyRotated, Action::KeyRetired]).await;
}

pub(in crate::store) async fn a_token_of_a_former_key_is_not_recorded(world: &mut World) {
    let late = [world.ephemeral(None), world.persistent(None)];
    let former = rotate(world).await;
    for gone in [false, true] {
        if gone {
            retire(world, former, true, None).await;
        }
        world.new_entries().await;
        for record in &late {
            let entry = world.draft(Action::TokenCreated);
            let command = RecordMint { record: record.clone(), by: Actor::System, entry };
            assert_eq!(world.store().record_mint(command).await.unwrap(), MintOutcome::KeyGone);
            assert_eq!(world.token(record).await, None);
        }
        world.expect_entries(&[]).await;
    }
}

pub(in crate::store) async fn a_needed_key_says_how_many_tokens_need_it(world: &mut World) {
    world.mint_ephemeral(None).await;
    let (live, revoked, spent) = (
        world.mint_persistent(None).await,
        world.mint_persistent(None).await,
        world.mint_persistent(Some(1)).await,
    );
    let expiring = world.persistent(None);
    world.mint(until(expiring, world.now.plus(HOUR / 2))).await;
    world.revoke(&revoked).await;
    world.enroll(&spent, new_key()).await;
    let former = rotate(world).await;
    world.mint_persistent(None).await;
    world.new_entries().await;
    assert_eq!(retire(world, former, false, None).await, Retirement::Needed { tokens: 1 });
    let needs = world.store().key_needs(world.now).await.unwrap();
    let need = |key| needs.iter().find(|(record, _)| record.id == key).unwrap().1;
    assert_eq!((need(former), need(world.current)), (1, 1));
    assert_eq!(world.token(&live).await.unwrap().revoked_at, None);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn retiring_a_needed_key_ends_its_tokens(world: &mut World) {
    let emergency = world.persistent(None);
    let emergency =
        world.mint(MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..emergency }).await;
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(world.mint_persistent(None).await);
    }
    let former = rotate(world).await;
    let survivor = world.mint_persistent(None).await;
    let record =
        MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..world.persistent(None) };
    let successor =
        RecordMint { record: record.clone(), by: Actor::System, entry: world.draft(Action::TokenCreated) };
    world.new_entries().await;
    let retired = retire(world, former, true, Some(successor)).await;
    assert_eq!(retired, Retirement::Retired(Retired { tokens: 4, emergency: true }));
    world.expect_entries(&[Action::KeyRetired, Action::TokenCreated]).await;
    for ended in others.iter().chain([&emergency]) {
        assert_eq!(world.store().revocations().status(ended.token.status), Status::Revoked);
        let refused = world.redeem(ended, new_key()).await;
        assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked));
    }
    assert_eq!(world.store().emergency_token().await.unwrap().unwrap().mint, record);
    world.enroll(&survivor, new_key()).await;
    let second = rotate(world).await;
    let record =
        MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..world.persistent(None) };
    world.revoke(&survivor).await;
    let confirmed = RevokeToken {
        how: EVEN_EMERGENCY,
        ..world.revocation(world.store().emergency_token().await.unwrap().unwrap().mint.token.id)
    };
    world.store().revoke_token(confirmed).await.unwrap();
    let successor =
        RecordMint { record: record.clone(), by: Actor::System, entry: world.draft(Action::TokenCreated) };
    let unneeded = retire(world, second, true, Some(successor)).await;
    assert_eq!(unneeded, Retirement::Retired(Retired { tokens: 0, emergency: false }));
    assert_eq!(world.token(&record).await, None, "a successor is recorded only for a token that ends here");
}

pub(in crate::store) async fn a_compromised_key_leaves_only_fresh_keys(world: &mut World) {
    let emergency = world.persistent(None);
    let emergency =
        world.mint(MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..emergency }).await;
    let former = rotate(world).await;
    let leaked = world.current;
    let ended = world.mint_persistent(None).await;
    let prepared = states(world).await.iter().find(|(_, state)| *state == KeyState::Prepared).unwrap().0;
    let (current, next) = (key(KeyState::Current, world.now), key(KeyState::Prepared, world.now));
    let record = MintRecord {
        purpose: TokenPurpose::Enrollment(TokenKind::Emergency),
        signing_key: current.id,
        ..world.persistent(None)
    };
    let successor =
        RecordMint { record: record.clone(), by: Actor::System, entry: world.draft(Action::TokenCreated) };
    world.new_entries().await;
    let terms = RetireTerms::Compromised(vec![current.clone(), next.clone()]);
    let retired = retire_on(world, leaked, terms, Some(successor)).await;
    assert_eq!(
        retired,
        Retirement::Retired(Retired { tokens: 2, emergency: true }),
        "its own, and the emergency token"
    );
    let entries = world.new_entries().await;
    assert_eq!(entries.len(), 2);
    assert!(String::from_utf8_lossy(&entries[0].bytes).contains("\"compromised\":true"));
    let keys = world.store().keys().await.unwrap();
    let standing = |id| keys.iter().find(|key| key.id == id).map(|key| (key.state, key.persistent_only));
    assert_eq!((standing(leaked), standing(prepared)), (None, None));
    assert_eq!(standing(former), Some((KeyState::Previous, true)));
    assert_eq!(standing(current.id), Some((KeyState::Current, false)));
    assert_eq!(standing(next.id), Some((KeyState::Prepared, false)));
    for token in [&ended, &emergency] {
        assert_eq!(world.store().revocations().status(token.token.status), Status::Revoked);
    }
    assert_eq!(world.store().emergency_token().await.unwrap().unwrap().mint, record);
}

pub(in crate::store) async fn accepting_the_clock_begins_a_new_epoch(world: &mut World) {
    let (ephemeral, persistent) = (mint_for_two_hours(world).await, world.mint_persistent(None).await);
    let former = rotate(world).await;
    let before = states(world).await;
    let dropped = before.iter().find(|(_, state)| *state == KeyState::Prepared).unwrap().0;
    world.new_entries().await;
    let (current, next) = (key(KeyState::Current, world.now), key(KeyState::Prepared, world.now));
    let entry = Draft::done(Action::ClockAccepted, world.now, "user:admin");
    let command = AcceptClock { keys: vec![current.clone(), next.clone()], entry };
    world.store().accept_clock(command).await.unwrap();
    let keys = world.store().keys().await.unwrap();
    let standing = |id| keys.iter().find(|key| key.id == id).map(|key| (key.state, key.persistent_only));
    assert_eq!(standing(former), Some((KeyState::Previous, true)));
    assert_eq!(standing(world.current), Some((KeyState::Previous, true)));
    assert_eq!(standing(current.id), Some((KeyState::Current, false)));
    assert_eq!(standing(next.id), Some((KeyState::Prepared, false)));
    assert_eq!(standing(dropped), None);
    world.expect_entries(&[Action::ClockAccepted]).await;
    let state = async |token| world.token(token).await.unwrap().state(world.now);
    assert_eq!(state(&ephemeral).await, TokenState::Revoked, "no key verifies it");
    assert_eq!(state(&persistent).await, TokenState::Active);
    let refused = world.redeem(&ephemeral, new_key()).await;
    assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked));
    world.enroll(&persistent, new_key()).await;
}

pub(in crate::store) async fn ephemeral_tokens_of_a_retired_key_have_ended(world: &mut World) {
    let (pending, spent) = (mint_for_two_hours(world).await, mint_for_two_hours(world).await);
    world.enroll(&spent, new_key()).await;
    let former = rotate(world).await;
    let later = mint_for_two_hours(world).await;
    assert_eq!(
        retire(world, former, true, None).await,
        Retirement::Retired(Retired { tokens: 0, emergency: false })
    );
    let state = async |token| world.token(token).await.unwrap().state(world.now);
    assert_eq!(state(&pending).await, TokenState::Revoked);
    assert_eq!(state(&spent).await, TokenState::Used);
    assert_eq!(state(&later).await, TokenState::Pending);
    // A redemption that was allowed before the key retired reaches the store after it.
    let refused = world.redeem(&pending, new_key()).await;
    assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked));
    world.enroll(&later, new_key()).await;
}

pub(in crate::store) async fn the_keys_of_each_use_move_by_themselves(world: &mut World) {
    let uses = [KeyUse::Service, KeyUse::StatusList];
    let states = [KeyState::Current, KeyState::Prepared];
    let keys: Vec<_> =
        uses.iter().flat_map(|usage| states.map(|state| key_for(*usage, state, world.now))).collect();
    let entry = world.draft(Action::KeyRotated);
    world.store().add_keys(AddKeys { keys: keys.clone(), entry }).await.unwrap();
    let next = key_for(KeyUse::Service, KeyState::Prepared, world.now);
    let rotation = RotateKeys { next: next.clone(), entry: world.draft(Action::KeyRotated) };
    world.store().rotate_keys(rotation).await.unwrap();
    let after = world.store().keys().await.unwrap();
    let standing = |id| after.iter().find(|key| key.id == id).map(|key| (key.usage, key.state));
    assert_eq!(standing(keys[0].id), Some((KeyUse::Service, KeyState::Previous)));
    assert_eq!(standing(keys[1].id), Some((KeyUse::Service, KeyState::Current)));
    assert_eq!(standing(next.id), Some((KeyUse::Service, KeyState::Prepared)));
    assert_eq!(standing(keys[2].id), Some((KeyUse::StatusList, KeyState::Current)));
    assert_eq!(standing(world.current), Some((KeyUse::Enrollment, KeyState::Current)));
    world.expect_entries(&[Action::KeyRotated, Action::KeyRotated]).await;
    let fresh: Vec<_> = KeyUse::ALL
        .into_iter()
        .flat_map(|usage| states.map(|state| key_for(usage, state, world.now)))
        .collect();
    let entry = Draft::done(Action::ClockAccepted, world.now, "user:admin");
    let accept = AcceptClock { keys: fresh.clone(), entry };
    world.store().accept_clock(accept).await.unwrap();
    let after = world.store().keys().await.unwrap();
    let left: Vec<_> = after.iter().filter(|key| !fresh.contains(key)).map(|key| key.id).collect();
    assert_eq!(left, [world.current], "only what verifies persistent tokens is left of the epoch before");
}
