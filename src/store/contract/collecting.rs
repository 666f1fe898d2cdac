//! Collection: tables and memory stay bounded, and every protecting row stays.

use super::world::*;
use crate::id::{ListId, StatusRef};
use crate::ledger::Action;
use crate::store::*;
use crate::token::Status;

pub(in crate::store) async fn nothing_that_is_still_needed_is_collected(world: &mut World) {
    let (ephemeral, persistent) = (world.mint_ephemeral(Some(2)).await, world.mint_persistent(None).await);
    let host = world.enroll(&ephemeral, new_key()).await;
    world.enroll(&persistent, new_key()).await;
    let revoked = world.mint_persistent(None).await;
    world.revoke(&revoked).await;
    world.new_entries().await;
    world.pass(DAY);
    assert_eq!(world.collect().await, Collected::default());
    assert_eq!(world.host(host.id).await, host);
    assert!(world.token(&revoked).await.is_some());
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn ephemeral_tokens_go_after_retention(world: &mut World) {
    let token = world.mint_ephemeral(Some(2)).await;
    let key = new_key();
    let host = world.enroll(&token, key).await;
    world.new_entries().await;
    world.pass(HOUR * 26);
    let collected = world.collect().await;
    assert_eq!((collected.pairs, collected.tokens, collected.hosts), (1, 0, 0));
    assert_eq!(world.store().pair(token.token.id, key).await.unwrap(), None);
    world.pass(DAY * 7);
    let collected = world.collect().await;
    assert_eq!((collected.tokens, collected.hosts), (1, 0));
    assert_eq!(world.token(&token).await, None);
    assert_eq!(world.host(host.id).await, host, "a host outlives its token");
    world.expect_entries(&[Action::Collected, Action::Collected]).await;
}

pub(in crate::store) async fn persistent_tokens_go_with_their_pairs(world: &mut World) {
    let (revoked, spent) = (world.mint_persistent(None).await, world.mint_persistent(Some(1)).await);
    let live = world.mint_persistent(None).await;
    let expiring = world.persistent(None);
    let expiring = world.mint(until(expiring, world.now.plus(HOUR))).await;
    let keys = [new_key(), new_key(), new_key()];
    world.enroll(&revoked, keys[0]).await;
    world.enroll(&spent, keys[1]).await;
    world.enroll(&live, keys[2]).await;
    world.revoke(&revoked).await;
    world.pass(DAY * 7);
    assert_eq!(world.collect().await.tokens, 2, "not the one that ended an hour later");
    world.pass(HOUR);
    assert_eq!(world.collect().await.tokens, 1);
    for (token, key) in [(&revoked, keys[0]), (&spent, keys[1])] {
        assert_eq!(world.token(token).await, None);
        assert_eq!(world.store().pair(token.token.id, key).await.unwrap(), None);
        let refused = world.redeem(token, new_key()).await;
        assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked), "no row is revoked");
    }
    assert_eq!(world.token(&expiring).await, None);
    assert!(world.store().pair(live.token.id, keys[2]).await.unwrap().is_some());
}

pub(in crate::store) async fn a_collected_token_stays_refused_after_a_restart(world: &mut World) {
    let long = world.ephemeral(None);
    let long = world.mint(until(long, world.now.plus(DAY * 365))).await;
    let persistent = world.mint_persistent(None).await;
    world.revoke(&long).await;
    world.revoke(&persistent).await;
    world.pass(DAY * 8);
    assert_eq!(world.collect().await.tokens, 2);
    world.restart();
    for token in [&long, &persistent] {
        assert_eq!(world.token(token).await, None);
        assert_eq!(world.store().revocations().status(token.token.status), Status::Revoked);
        let refused = world.redeem(token, new_key()).await;
        assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked));
    }
}

pub(in crate::store) async fn hosts_go_with_their_certificates_and_pairs(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let key = new_key();
    let host = world.enroll(&token, key).await;
    world.pass(DAY * 119);
    assert_eq!(world.collect().await.hosts, 0);
    world.pass(DAY);
    assert_eq!(world.collect().await.hosts, 1);
    assert_eq!(world.store().host(host.id).await.unwrap(), None);
    assert_eq!(world.store().pair(token.token.id, key).await.unwrap(), None);
    assert_ne!(world.enroll(&token, key).await.id, host.id, "the key may join again");
}

pub(in crate::store) async fn pairs_of_a_revoked_host_stay_as_long_as_it_does(world: &mut World) {
    let (ephemeral, persistent) = (world.mint_ephemeral(None).await, world.mint_persistent(None).await);
    let keys = [new_key(), new_key()];
    let hosts = [world.enroll(&ephemeral, keys[0]).await, world.enroll(&persistent, keys[1]).await];
    for host in &hosts {
        world.revoke_host(host.id).await;
    }
    world.revoke(&persistent).await;
    world.pass(DAY * 60);
    world.collect().await;
    assert_eq!(world.token(&persistent).await, None);
    let tokens = [ephemeral.token.id, persistent.token.id];
    for (token, key) in tokens.into_iter().zip(keys) {
        assert!(world.store().pair(token, key).await.unwrap().unwrap().host_revoked);
        assert!(world.store().refused_key(key).await.unwrap().is_some());
    }
    world.pass(DAY * 60);
    assert_eq!(world.collect().await.hosts, 2);
    for (token, key) in tokens.into_iter().zip(keys) {
        assert_eq!(world.store().pair(token, key).await.unwrap(), None);
        assert_eq!(world.store().refused_key(key).await.unwrap(), None);
    }
    assert!(!world.store().revocations().host_revoked(hosts[0].id), "memory is bounded too");
}

pub(in crate::store) async fn superseded_and_revoked_certificates_go_once_expired(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let (kept, revoked) = (world.enroll(&token, new_key()).await, world.enroll(&token, new_key()).await);
    world.revoke_host(revoked.id).await;
    world.pass(DAY * 20);
    world.renew(&kept, kept.newest.serial, new_key()).await;
    assert_eq!(world.collect().await.certificates, 0);
    world.pass(DAY * 12);
    assert_eq!(world.collect().await.certificates, 2, "the superseded one, and the revoked one's mark");
    assert_eq!(world.store().revocations().revoked_certificates(), 0);
    let newest = world.host(kept.id).await;
    assert_eq!(world.renew(&newest, newest.newest.serial, new_key()).await, Renewed::First);
    assert!(world.store().host(revoked.id).await.unwrap().is_some());
}

pub(in crate::store) async fn lists_go_when_all_their_tokens_have_expired(world: &mut World) {
    let fresh = ListId::generate(world.now);
    let list = ListRecord { id: fresh, kind: ListKind::Ephemeral, next: 0 };
    world.store().open_list(OpenList { list }).await.unwrap();
    let short = world.mint_ephemeral(None).await;
    let mut long = world.ephemeral(None);
    long = until(long, world.now.plus(DAY * 10));
    long.token.status = StatusRef { list: fresh, index: 0 };
    world.mint(long.clone()).await;
    world.revoke(&short).await;
    world.pass(DAY * 3);
    assert_eq!(world.collect().await.lists, 0, "it is still open");
    let closed = || Collect { open: vec![], ..world.collection() };
    assert_eq!(world.store().collect(closed()).await.unwrap().lists, 1);
    let lists: Vec<_> = world.store().lists().await.unwrap().iter().map(|list| list.id).collect();
    assert!(!lists.contains(&world.ephemeral) && lists.contains(&fresh) && lists.contains(&world.persistent));
    let revocations = world.store().revocations();
    assert_eq!((revocations.status(short.token.status), revocations.revoked_tokens()), (Status::Revoked, 0));
    assert_eq!(revocations.status(long.token.status), Status::Valid);
    assert_eq!(world.redeem(&short, new_key()).await, Redeemed::Refused(RedeemRefusal::TokenRevoked));
    world.enroll(&long, new_key()).await;
}

pub(in crate::store) async fn a_run_is_bounded_and_says_that_more_is_left(world: &mut World) {
    let token = world.mint_persistent(None).await;
    for _ in 0..25 {
        world.enroll(&token, new_key()).await;
        world.mint_ephemeral(None).await;
    }
    world.revoke(&token).await;
    world.pass(DAY * 8);
    let (mut tokens, mut pairs, mut runs) = (0, 0, 0);
    loop {
        let bounded = Collect { most: 10, ..world.collection() };
        let collected = world.store().collect(bounded).await.unwrap();
        assert!(collected.tokens <= 11 && collected.pairs <= 11, "{collected:?}");
        tokens += collected.tokens;
        pairs += collected.pairs;
        runs += 1;
        if !collected.more {
            break;
        }
    }
    assert_eq!((tokens, pairs), (26, 26), "25 pairs and one use count");
    assert!(runs >= 3);
    assert_eq!(world.collect().await, Collected::default());
}

pub(in crate::store) async fn use_counts_stay_as_long_as_the_token_is_listed(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    world.enroll(&token, new_key()).await;
    world.pass(DAY * 3);
    world.collect().await;
    assert_eq!(world.token(&token).await.unwrap().state(world.now), TokenState::Used);
    world.pass(DAY * 5);
    assert_eq!(world.collect().await.tokens, 1);
    world.pass(DAY * 8);
    assert_eq!(world.collect().await.pairs, 1, "the count itself");
}
