//! The node limit: slots are taken by new and lapsed hosts, and are free again after a revocation or a lapse.

use super::quarantine::{quarantine, release};
use super::redeeming::{firsts, race};
use super::reenrolling::{bound, reenroll};
use super::renewing::recertification;
use super::world::*;
use crate::ledger::Action;
use crate::store::*;

const FULL: Redeemed = Redeemed::Refused(RedeemRefusal::NodeLimit);

fn limited(world: &mut World, limit: u32) {
    world.node_limit = NodeLimit::Configured(Some(limit));
}

pub(in crate::store) async fn a_full_fleet_refuses_and_spends_nothing(world: &mut World) {
    limited(world, 2);
    let token = world.mint_persistent(Some(3)).await;
    let first = world.enroll(&token, new_key()).await;
    world.enroll(&token, new_key()).await;
    world.new_entries().await;
    let late = new_key();
    assert_eq!(world.redeem(&token, late).await, FULL);
    assert_eq!(world.redeem(&token, late).await, FULL);
    world.expect_entries(&[]).await;
    assert_eq!(world.token(&token).await.unwrap().used, 2);
    assert_eq!(world.store().pair(token.token.id, late).await.unwrap(), None);
    world.revoke_host(first.id).await;
    assert_eq!(world.redeem(&token, late).await, Redeemed::First);
    world.expect_entries(&[Action::HostRevoked, Action::HostEnrolled]).await;
}

pub(in crate::store) async fn a_host_with_a_slot_renews_at_the_limit(world: &mut World) {
    limited(world, 1);
    let token = world.mint_persistent(None).await;
    let host = world.enroll(&token, new_key()).await;
    world.pass(DAY * 20);
    assert_eq!(world.renew(&host, host.newest.serial, new_key()).await, Renewed::First);
    assert!(matches!(world.redeem(&token, host.newest.host_key).await, Redeemed::Again(_)));
    world.pass(DAY * 2);
    let again = recertification(world, &token, &host);
    assert_eq!(world.store().recertify(again).await.unwrap(), Renewed::First);
    assert_eq!(world.redeem(&token, new_key()).await, FULL);
}

pub(in crate::store) async fn a_lapsed_host_needs_a_free_slot(world: &mut World) {
    limited(world, 1);
    let token = world.mint_persistent(None).await;
    let lapsed = world.enroll(&token, new_key()).await;
    world.pass(DAY * 29);
    assert_eq!(world.redeem(&token, new_key()).await, FULL);
    world.pass(DAY);
    let next = world.enroll(&token, new_key()).await;
    world.new_entries().await;
    let again = recertification(world, &token, &lapsed);
    let refused = world.store().recertify(again).await.unwrap();
    assert_eq!(refused, Renewed::Refused(RenewRefusal::NodeLimit));
    world.expect_entries(&[]).await;
    world.revoke_host(next.id).await;
    let again = recertification(world, &token, &lapsed);
    assert_eq!(world.store().recertify(again).await.unwrap(), Renewed::First);
    assert_eq!(world.redeem(&token, new_key()).await, FULL);
}

pub(in crate::store) async fn a_bound_host_needs_a_slot_once_lapsed(world: &mut World) {
    limited(world, 1);
    let (host, _, token) = bound(world).await;
    assert_eq!(reenroll(world, &token, &host, new_key()).await, Redeemed::First, "it has its slot");
    world.pass(DAY * 30);
    let lapsed = world.host(host.id).await;
    let shared = world.mint_persistent(None).await;
    let next = world.enroll(&shared, new_key()).await;
    let mut record = world.persistent(Some(1));
    record.terms.bindings.host = Some(host.id);
    let late = world.mint(record).await;
    assert_eq!(reenroll(world, &late, &lapsed, new_key()).await, FULL);
    assert_eq!(world.token(&late).await.unwrap().used, 0);
    world.revoke_host(next.id).await;
    assert_eq!(reenroll(world, &late, &lapsed, new_key()).await, Redeemed::First);
}

pub(in crate::store) async fn a_released_host_holds_its_slot_again(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let host = world.enroll(&token, new_key()).await;
    world.see(host.id, host.newest.serial).await;
    // The newest certificate ends first: the configured life was shortened.
    let mut short = world.renewal(&host, host.newest.serial, new_key());
    short.next.certificate.record.not_after = world.now.plus(DAY);
    assert_eq!(world.store().renew(short).await.unwrap(), Renewed::First);
    world.see(host.id, world.host(host.id).await.newest.serial).await;
    let quarantined = quarantine(world, host.id, host.newest.serial, 1).await;
    assert_eq!(quarantined, Quarantining::Quarantined);
    world.pass(DAY * 2);
    assert_eq!(world.store().enrolled(world.now).await.unwrap(), 0);
    assert_eq!(release(world, host.id, host.newest.serial).await, HostRelease::Released);
    assert_eq!(world.store().enrolled(world.now).await.unwrap(), 1);
}

pub(in crate::store) async fn a_quarantined_host_holds_its_slot_until_its_end(world: &mut World) {
    limited(world, 1);
    let token = world.mint_persistent(None).await;
    for released in [false, true] {
        let host = world.enroll(&token, new_key()).await;
        let older = host.newest;
        world.see(host.id, older.serial).await;
        world.pass(DAY * 10);
        assert_eq!(world.renew(&host, older.serial, new_key()).await, Renewed::First);
        let newest = world.host(host.id).await.newest;
        world.see(host.id, newest.serial).await;
        assert_eq!(quarantine(world, host.id, older.serial, 2).await, Quarantining::Quarantined);
        let kept = if released { older } else { newest };
        if released {
            assert_eq!(release(world, host.id, older.serial).await, HostRelease::Released);
        }
        assert_eq!(world.host(host.id).await.newest, kept);
        world.pass(kept.not_after.since(world.now) - HOUR);
        assert_eq!(world.redeem(&token, new_key()).await, FULL, "released: {released}");
        world.restart();
        assert_eq!(world.redeem(&token, new_key()).await, FULL, "released: {released}");
        world.pass(HOUR);
        assert_eq!(world.store().enrolled(world.now).await.unwrap(), 0);
    }
}

pub(in crate::store) async fn a_replaced_host_leaves_its_slot(world: &mut World) {
    limited(world, 1);
    let token = world.mint_persistent(None).await;
    let old = world.enroll(&token, new_key()).await;
    let entry = world.draft(Action::HostRevoked);
    let replaces = Some(ReplacedHost { host: old.id, presented: old.newest.serial, entry });
    let command = Redeem { replaces, ..world.redemption(&token, new_key()) };
    assert_eq!(world.store().redeem(command).await.unwrap(), Redeemed::First);
    assert_eq!(world.redeem(&token, new_key()).await, FULL);
}

pub(in crate::store) async fn an_exempt_host_goes_over_the_limit(world: &mut World) {
    limited(world, 1);
    let token = world.mint_persistent(None).await;
    world.enroll(&token, new_key()).await;
    let limit = std::mem::replace(&mut world.node_limit, NodeLimit::Exempt);
    world.enroll(&token, new_key()).await;
    world.node_limit = limit;
    assert_eq!(world.store().enrolled(world.now).await.unwrap(), 2);
    assert_eq!(world.redeem(&token, new_key()).await, FULL);
}

pub(in crate::store) async fn a_stored_limit_replaces_the_configured_one(world: &mut World) {
    limited(world, 1);
    let token = world.mint_persistent(None).await;
    world.enroll(&token, new_key()).await;
    let change = |limit: Option<Option<u32>>| ChangeSettings {
        changes: vec![(NodeLimit::SETTING, limit.map(NodeLimit::stored))],
        entry: world.draft(Action::SettingsChanged),
    };
    world.store().change_settings(change(Some(Some(2)))).await.unwrap();
    world.enroll(&token, new_key()).await;
    assert_eq!(world.redeem(&token, new_key()).await, FULL);
    world.store().change_settings(change(Some(None))).await.unwrap();
    world.enroll(&token, new_key()).await;
    world.store().change_settings(change(None)).await.unwrap();
    assert_eq!(world.redeem(&token, new_key()).await, FULL);
}

pub(in crate::store) async fn two_hundred_race_for_a_hundred_slots(world: &mut World) {
    limited(world, 100);
    let token = world.mint_persistent(None).await;
    let keys: Vec<_> = (0..200).map(|_| new_key()).collect();
    let outcomes = race(world, &token, &keys).await;
    let refused = outcomes.iter().filter(|outcome| **outcome == FULL).count();
    assert_eq!((firsts(&outcomes), refused), (100, 100));
    assert_eq!(world.token(&token).await.unwrap().used, 100);
    world.restart();
    assert_eq!(world.redeem(&token, new_key()).await, FULL);
}

pub(in crate::store) async fn the_count_follows_the_clock_both_ways(world: &mut World) {
    let token = world.mint_persistent(None).await;
    for _ in 0..3 {
        world.enroll(&token, new_key()).await;
        world.pass(DAY);
    }
    let (store, at) = (world.shared(), world.now);
    let enrolled = async |days: u32| store.enrolled(at.plus(DAY * days)).await.unwrap();
    assert_eq!([enrolled(0).await, enrolled(27).await, enrolled(28).await, enrolled(29).await], [3, 2, 1, 0]);
    world.pass(DAY * 29);
    // The collection moves the writer's own count.
    world.collect().await;
    assert_eq!([enrolled(29).await, enrolled(28).await, enrolled(0).await], [0, 1, 3]);
}
