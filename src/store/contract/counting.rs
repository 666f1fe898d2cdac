//! Hourly counters: written with the entries that they count.

use std::time::Duration;

use super::world::*;
use crate::clock::Timestamp;
use crate::ledger::{Action, Draft};
use crate::store::*;

const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// The counters since the first hour of the world, by spans of this length: hours since then, kind, number.
async fn counters(world: &World, span: Duration) -> Vec<(u64, CounterKind, u64)> {
    let first = Timestamp::from_secs(1_900_000_000).start_of(span);
    let found = world.store().counters(first, span).await.unwrap();
    let hours = |at: Timestamp| at.since(first).as_secs() / 3600;
    found.into_iter().map(|counter| (hours(counter.begin_at), counter.kind, counter.number)).collect()
}

async fn refuse(world: &World, counts: &[Option<u64>]) {
    let refused = Draft::refused(Action::TokenRefused, world.now, "token:x", "token_expired");
    let entries = counts.iter().map(|count| match count {
        Some(count) => refused.clone().with("count", *count),
        None => refused.clone(),
    });
    world.store().append_entries(AppendEntries { entries: entries.collect() }).await.unwrap();
}

pub(in crate::store) async fn enrollments_and_refusals_are_counted_by_hour(world: &mut World) {
    let token = world.mint_ephemeral(Some(5)).await;
    world.enroll(&token, new_key()).await;
    world.enroll(&token, new_key()).await;
    refuse(world, &[Some(40), None]).await;
    world.pass(HOUR);
    refuse(world, &[Some(1)]).await;
    let refusals = [(0, CounterKind::Refusals, 41), (1, CounterKind::Refusals, 1)];
    let enrollments = (0, CounterKind::Enrollments, 2);
    assert_eq!(counters(world, HOUR).await, [enrollments, refusals[0], refusals[1]]);
    assert_eq!(counters(world, DAY).await, [enrollments, (0, CounterKind::Refusals, 42)]);
    world.restart();
    assert_eq!(counters(world, HOUR).await.len(), 3);
}

pub(in crate::store) async fn an_act_without_an_entry_counts_nothing(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    let key = new_key();
    world.enroll(&token, key).await;
    world.redeem(&token, key).await;
    world.redeem(&token, new_key()).await;
    world.revoke(&token).await;
    world.redeem(&token, new_key()).await;
    assert_eq!(counters(world, HOUR).await, [(0, CounterKind::Enrollments, 1)]);
}

pub(in crate::store) async fn counters_go_after_four_hundred_days(world: &mut World) {
    refuse(world, &[None]).await;
    world.pass(YEAR);
    refuse(world, &[None]).await;
    world.collect().await;
    assert_eq!(counters(world, HOUR).await.len(), 2);
    world.pass(DAY * 35);
    world.new_entries().await;
    world.collect().await;
    let left = counters(world, HOUR).await;
    assert_eq!(left, [(YEAR.as_secs() / 3600, CounterKind::Refusals, 1)]);
}
