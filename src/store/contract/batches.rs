//! Batches of mints, and idempotency keys.

use super::world::*;
use crate::access::Actor;
use crate::clock::Timestamp;
use crate::id::{BatchId, BodyHash, IdempotencyKey, ListId, TokenId};
use crate::ledger::Action;
use crate::store::*;

fn batch_of(world: &mut World, count: usize) -> (BatchId, Vec<MintRecord>) {
    let batch = BatchId::generate(world.now);
    let records = (0..count).map(|number| {
        let record = if number % 2 == 0 { world.ephemeral(Some(1)) } else { world.persistent(None) };
        MintRecord { batch: Some(batch), ..record }
    });
    (batch, records.collect())
}

async fn record(
    world: &World,
    records: &[MintRecord],
    once: Option<IdempotencyRecord>,
) -> Result<BatchOutcome, StoreError> {
    let mints = records.iter().map(|record| {
        let entry = world.draft(Action::TokenCreated).about(about_token(record.token.id));
        RecordMint { record: record.clone(), by: Actor::System, entry }
    });
    world.store().record_batch(RecordBatch { mints: mints.collect(), once }).await
}

fn once(caller: &str, key: &str, batch: BatchId, created_at: Timestamp) -> IdempotencyRecord {
    let (key, body) = (IdempotencyKey::of(key.as_bytes()), BodyHash::of(b"{}"));
    IdempotencyRecord { caller: caller.to_owned(), key, body, batch, created_at }
}

/// Mints one token with this idempotency key.
async fn mint_once(world: &mut World, caller: &str, key: &str) -> (BatchId, BatchOutcome) {
    let (batch, records) = batch_of(world, 1);
    let once = once(caller, key, batch, world.now);
    (batch, record(world, &records, Some(once)).await.unwrap())
}

async fn known(world: &World, caller: &str, key: &str) -> Option<BatchId> {
    let key = IdempotencyKey::of(key.as_bytes());
    let found = world.store().idempotency_record(caller.to_owned(), key, world.now).await.unwrap();
    found.map(|record| record.batch)
}

pub(in crate::store) async fn a_batch_is_recorded_whole_or_not_at_all(world: &mut World) {
    let (batch, mut records) = batch_of(world, 5);
    let good = records[4].token.status.list;
    records[4].token.status.list = ListId::generate(world.now);
    assert!(matches!(record(world, &records, None).await, Err(StoreError::Damaged { .. })));
    assert!(world.store().tokens_of_batch(batch).await.unwrap().is_empty());
    world.expect_entries(&[]).await;

    records[4].token.status.list = good;
    assert_eq!(record(world, &records, None).await, Ok(BatchOutcome::Recorded));
    let ids: Vec<TokenId> = records.iter().map(|record| record.token.id).collect();
    let mut stored = world.store().tokens_of_batch(batch).await.unwrap();
    assert!(stored.is_sorted());
    stored.sort_by_key(|id| ids.iter().position(|known| known == id));
    assert_eq!(stored, ids);
    for record in &records {
        assert_eq!(world.token(record).await.unwrap().mint, *record);
        assert!(matches!(world.redeem(record, new_key()).await, Redeemed::First));
    }
    let entries = [[Action::TokenCreated; 5], [Action::HostEnrolled; 5]].concat();
    world.expect_entries(&entries).await;
    let lists = world.store().lists().await.unwrap();
    for list in [world.ephemeral, world.persistent] {
        let of_list = records.iter().filter(|record| record.token.status.list == list);
        let highest = of_list.map(|record| record.token.status.index).max().unwrap();
        assert_eq!(lists.iter().find(|record| record.id == list).unwrap().next, highest + 1);
    }
}

pub(in crate::store) async fn a_batch_of_a_former_key_is_not_recorded(world: &mut World) {
    let (batch, mut records) = batch_of(world, 3);
    records[2].signing_key = key(KeyState::Prepared, world.now).id;
    let key = once("user:anna", "k", batch, world.now);
    assert_eq!(record(world, &records, Some(key)).await, Ok(BatchOutcome::KeyGone));
    assert!(world.store().tokens_of_batch(batch).await.unwrap().is_empty());
    assert_eq!(known(world, "user:anna", "k").await, None, "the key may be used again");
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn a_repeated_idempotency_key_mints_nothing(world: &mut World) {
    let (first, outcome) = mint_once(world, "user:anna", "k").await;
    assert_eq!(outcome, BatchOutcome::Recorded);
    assert_eq!(known(world, "user:anna", "k").await, Some(first));
    let at = world.now;
    world.pass(IDEMPOTENCY_WINDOW - HOUR);
    let (again, outcome) = mint_once(world, "user:anna", "k").await;
    assert_eq!(outcome, BatchOutcome::Before(once("user:anna", "k", first, at)));
    assert!(world.store().tokens_of_batch(again).await.unwrap().is_empty());
    world.expect_entries(&[Action::TokenCreated]).await;

    world.pass(HOUR);
    assert_eq!(known(world, "user:anna", "k").await, None);
    assert_eq!(mint_once(world, "user:anna", "k").await.1, BatchOutcome::Recorded, "its day is over");
}

pub(in crate::store) async fn each_caller_has_its_own_idempotency_keys(world: &mut World) {
    for (caller, key) in [("user:anna", "k"), ("user:ben", "k"), ("user:anna", "l")] {
        let (batch, outcome) = mint_once(world, caller, key).await;
        assert_eq!(outcome, BatchOutcome::Recorded);
        assert_eq!(known(world, caller, key).await, Some(batch));
    }
    assert_eq!(known(world, "user:ben", "l").await, None);
}

pub(in crate::store) async fn the_oldest_idempotency_key_makes_room(world: &mut World) {
    mint_once(world, "user:ben", "0").await;
    for number in 0..MOST_IDEMPOTENCY_KEYS {
        world.pass(std::time::Duration::from_millis(1));
        let once = once("user:anna", &number.to_string(), BatchId::generate(world.now), world.now);
        assert_eq!(record(world, &[], Some(once)).await, Ok(BatchOutcome::Recorded));
    }
    assert!(known(world, "user:anna", "0").await.is_some());
    world.pass(HOUR);
    mint_once(world, "user:anna", "one more").await;
    assert_eq!(known(world, "user:anna", "0").await, None);
    for (caller, key) in [("user:anna", "1"), ("user:anna", "one more"), ("user:ben", "0")] {
        assert!(known(world, caller, key).await.is_some(), "{caller} {key}");
    }
}

pub(in crate::store) async fn idempotency_keys_go_after_a_day(world: &mut World) {
    mint_once(world, "user:anna", "old").await;
    world.pass(HOUR);
    mint_once(world, "user:anna", "new").await;
    world.pass(IDEMPOTENCY_WINDOW - HOUR);
    assert_eq!(world.collect().await.idempotency_keys, 1);
    assert_eq!(world.collect().await.idempotency_keys, 0);
    assert!(known(world, "user:anna", "new").await.is_some());
}
