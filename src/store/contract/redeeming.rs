//! Redeeming: the decisions of the transaction.

use super::renewing::recertification;
use super::world::*;
use crate::id::{HostId, ListId, Serial, SpkiHash};
use crate::ledger::Action;
use crate::name::DnsName;
use crate::store::*;
use crate::token::Status;

pub(in crate::store) async fn the_first_redemption_makes_a_host(world: &mut World) {
    let token = world.mint_ephemeral(Some(2)).await;
    let mut command = world.redemption(&token, new_key());
    command.admission.host.name = Some(DnsName::parse("node-1.example.org").unwrap());
    let (host, certificate) = (command.admission.host.clone(), command.admission.certificate.clone());
    assert_eq!(world.store().redeem(command).await.unwrap(), Redeemed::First);
    let record = world.host(certificate.host).await;
    assert_eq!((record.facts, record.token), (host, token.token.id));
    assert_eq!(
        (record.newest.serial, record.newest_seen, record.previous),
        (certificate.record.serial, false, None)
    );
    assert_eq!(world.token(&token).await.unwrap().used, 1);
    assert_eq!(world.store().revocations().status(token.token.status), Status::Valid);
    let pair = world.store().pair(token.token.id, certificate.record.host_key).await.unwrap().unwrap();
    assert_eq!((pair.host, pair.redeemed_at, pair.host_revoked), (certificate.host, world.now, false));
    assert_eq!(pair.certificate.unwrap().der, certificate.der);
    let (all, page) = (HostFilter::every(None, world.now), PageQuery::new(None, 10));
    assert_eq!(
        world.store().list_hosts(all, page).await.unwrap().items,
        [world.host(certificate.host).await]
    );
    world.expect_entries(&[Action::TokenCreated, Action::HostEnrolled]).await;
}

pub(in crate::store) async fn the_same_pair_gets_the_winners_certificate(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    let key = new_key();
    let host = world.enroll(&token, key).await;
    world.expect_entries(&[Action::TokenCreated, Action::HostEnrolled]).await;
    match world.redeem(&token, key).await {
        Redeemed::Again(winner) => assert_eq!((winner.host, winner.record), (host.id, host.newest)),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.token(&token).await.unwrap().used, 1);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn a_spent_token_refuses_another_key(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    world.enroll(&token, new_key()).await;
    assert_eq!(world.store().revocations().status(token.token.status), Status::UsedUp);
    let refused = world.redeem(&token, new_key()).await;
    assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenSpent));
    world.restart();
    assert_eq!(world.redeem(&token, new_key()).await, refused);
    assert_eq!(world.store().revocations().status(token.token.status), Status::UsedUp);
}

pub(super) async fn race(world: &World, token: &MintRecord, keys: &[SpkiHash]) -> Vec<Redeemed> {
    let racers = keys.iter().map(|key| {
        let (store, command) = (world.shared(), world.redemption(token, *key));
        tokio::spawn(async move { store.redeem(command).await.unwrap() })
    });
    let mut outcomes = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        outcomes.push(racer.await.unwrap());
    }
    outcomes
}

pub(super) fn firsts(outcomes: &[Redeemed]) -> usize {
    outcomes.iter().filter(|outcome| **outcome == Redeemed::First).count()
}

fn spent(outcomes: &[Redeemed]) -> usize {
    let spent = Redeemed::Refused(RedeemRefusal::TokenSpent);
    outcomes.iter().filter(|outcome| **outcome == spent).count()
}

pub(in crate::store) async fn two_hundred_race_for_one_use(world: &mut World) {
    for persistent in [false, true] {
        let token = if persistent {
            world.mint_persistent(Some(1)).await
        } else {
            world.mint_ephemeral(Some(1)).await
        };
        let keys: Vec<_> = (0..200).map(|_| new_key()).collect();
        let outcomes = race(world, &token, &keys).await;
        assert_eq!((firsts(&outcomes), spent(&outcomes)), (1, 199));
        assert_eq!(world.token(&token).await.unwrap().used, 1);
        world.expect_entries(&[Action::TokenCreated, Action::HostEnrolled]).await;
    }
}

pub(in crate::store) async fn two_hundred_race_for_a_hundred_uses(world: &mut World) {
    let token = world.mint_ephemeral(Some(100)).await;
    let keys: Vec<_> = (0..200).map(|_| new_key()).collect();
    let outcomes = race(world, &token, &keys).await;
    assert_eq!((firsts(&outcomes), spent(&outcomes)), (100, 100));
    let record = world.token(&token).await.unwrap();
    assert_eq!((record.used, record.state(world.now)), (100, TokenState::Exhausted));
    let (all, page) = (HostFilter::every(None, world.now), PageQuery::new(None, 1000));
    assert_eq!(world.store().list_hosts(all, page).await.unwrap().items.len(), 100);
    assert_eq!(world.new_entries().await.len(), 101);
}

pub(in crate::store) async fn the_same_key_racing_with_itself_makes_one_host(world: &mut World) {
    let token = world.mint_ephemeral(Some(5)).await;
    let outcomes = race(world, &token, &[new_key(); 20]).await;
    assert_eq!(firsts(&outcomes), 1);
    let winners: Vec<HostId> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Redeemed::Again(winner) => Some(winner.host),
            _ => None,
        })
        .collect();
    assert_eq!(winners.len(), 19);
    assert!(winners.iter().all(|host| *host == winners[0]));
    assert_eq!(world.token(&token).await.unwrap().used, 1);
}

pub(in crate::store) async fn a_revoked_token_is_refused(world: &mut World) {
    for token in [world.mint_ephemeral(None).await, world.mint_persistent(None).await] {
        assert_eq!(world.revoke(&token).await, TokenRevocation::Revoked { hosts: 0 });
        assert_eq!(world.store().revocations().status(token.token.status), Status::Revoked);
        let refused = world.redeem(&token, new_key()).await;
        assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked));
        assert_eq!(world.token(&token).await.unwrap().used, 0);
    }
}

pub(in crate::store) async fn a_pair_is_answered_after_its_token_was_revoked(world: &mut World) {
    let token = world.mint_ephemeral(Some(2)).await;
    let key = new_key();
    let host = world.enroll(&token, key).await;
    assert_eq!(world.revoke(&token).await, TokenRevocation::Revoked { hosts: 0 });
    match world.redeem(&token, key).await {
        Redeemed::Again(winner) => assert_eq!(winner.host, host.id),
        other => panic!("{other:?}"),
    }
    let refused = world.redeem(&token, new_key()).await;
    assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked));
}

pub(in crate::store) async fn a_persistent_token_without_a_row_is_refused(world: &mut World) {
    let never_recorded = world.persistent(None);
    let refused = world.redeem(&never_recorded, new_key()).await;
    assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked));
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn a_token_of_an_unknown_list_is_refused(world: &mut World) {
    let mut token = world.ephemeral(None);
    token.token.status.list = ListId::generate(world.now);
    let refused = world.redeem(&token, new_key()).await;
    assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked));
    assert_eq!(world.store().revocations().status(token.token.status), Status::Revoked);
}

pub(in crate::store) async fn a_taken_name_is_refused_and_spends_nothing(world: &mut World) {
    let token = world.mint_ephemeral(Some(2)).await;
    let named = |key, name: &str| {
        let mut command = world.redemption(&token, key);
        command.admission.host.name = Some(DnsName::parse(name).unwrap());
        command
    };
    let store = world.shared();
    let taken = Redeemed::Refused(RedeemRefusal::NameTaken);
    assert_eq!(store.redeem(named(new_key(), "gate.example.org")).await.unwrap(), taken);
    let first = named(new_key(), "node.example.org");
    let host = first.admission.certificate.host;
    assert_eq!(store.redeem(first).await.unwrap(), Redeemed::First);
    assert_eq!(store.redeem(named(new_key(), "node.example.org")).await.unwrap(), taken);
    assert_eq!(world.token(&token).await.unwrap().used, 1);
    assert_eq!(store.revocations().status(token.token.status), Status::Valid);
    world.revoke_host(host).await;
    let successor = named(new_key(), "node.example.org");
    assert_eq!(store.redeem(successor).await.unwrap(), Redeemed::First, "only live hosts hold a name");
}

pub(in crate::store) async fn a_lapsed_host_holds_its_name_for_a_while(world: &mut World) {
    let (name, token) = (DnsName::parse("node.example.org").unwrap(), world.mint_persistent(None).await);
    let named = |world: &World| {
        let mut command = world.redemption(&token, new_key());
        command.admission.host.name = Some(name.clone());
        command
    };
    let (store, taken) = (world.shared(), Redeemed::Refused(RedeemRefusal::NameTaken));
    let first = named(world);
    let lapsed = first.admission.certificate.host;
    assert_eq!(store.redeem(first).await.unwrap(), Redeemed::First);
    world.new_entries().await;
    world.pass(DAY * 31 - HOUR);
    assert_eq!(store.redeem(named(world)).await.unwrap(), taken, "it lapsed 23 hours ago");
    assert!(store.name_taken(name.clone(), world.now.minus(DAY)).await.unwrap());
    world.expect_entries(&[]).await;
    world.pass(HOUR);
    let before = world.host(lapsed).await;
    assert!(!store.name_taken(name.clone(), world.now.minus(DAY)).await.unwrap());
    let next = named(world);
    let new = next.admission.certificate.host;
    assert_eq!(store.redeem(next).await.unwrap(), Redeemed::First);
    let names = [world.host(lapsed).await.facts.name, world.host(new).await.facts.name];
    assert_eq!(names, [None, Some(name.clone())]);
    let entries = world.new_entries().await;
    let found: Vec<_> = entries.iter().map(|entry| (entry.action.as_str(), entry.host)).collect();
    assert_eq!(found, [("name_withdrawn", Some(lapsed)), ("host_enrolled", Some(new))]);
    assert_eq!(store.redeem(named(world)).await.unwrap(), taken);
    let with_name = recertification(world, &token, &before);
    assert_eq!(store.recertify(with_name).await.unwrap(), Renewed::FactsChanged, "it lost the name");
    world.expect_entries(&[]).await;
    let without = recertification(world, &token, &world.host(lapsed).await);
    assert_eq!(store.recertify(without).await.unwrap(), Renewed::First);
}

pub(in crate::store) async fn a_taken_name_revokes_older_certificates(world: &mut World) {
    let (name, token) = (DnsName::parse("node.example.org").unwrap(), world.mint_persistent(None).await);
    let mut first = world.redemption(&token, new_key());
    first.admission.host.name = Some(name.clone());
    let (id, older) = (first.admission.certificate.host, first.admission.certificate.record.serial);
    let mut next = world.redemption(&token, new_key());
    next.admission.host.name = Some(name.clone());
    assert_eq!(world.store().redeem(first).await.unwrap(), Redeemed::First);
    // The newest certificate ends first: the configured life was shortened.
    let before = world.host(id).await;
    let mut short = world.renewal(&before, older, new_key());
    short.next.certificate.record.not_after = world.now.plus(HOUR);
    assert_eq!(world.store().renew(short).await.unwrap(), Renewed::First);
    world.pass(DAY + HOUR);
    next.admission.certificate.record.issued_at = world.now;
    assert!(!world.store().revocations().certificate_revoked(older));
    assert_eq!(world.store().redeem(next).await.unwrap(), Redeemed::First);
    for _ in 0..2 {
        assert!(world.store().revocations().certificate_revoked(older), "another host has its name");
        assert!(world.store().lost_its_name(older).await.unwrap());
        world.restart();
    }
    assert_eq!(world.renew(&before, older, new_key()).await, Renewed::FactsChanged);
    let after = world.host(id).await;
    assert_eq!(after.facts.name, None);
    let renewed = world.renew(&after, older, new_key()).await;
    assert_eq!(renewed, Renewed::Replaced(after.newest.serial), "without the name");
}

pub(in crate::store) async fn the_key_of_a_revoked_host_is_refused_under_every_token(world: &mut World) {
    let (token, other) = (world.mint_ephemeral(Some(2)).await, world.mint_persistent(None).await);
    let (key, renewed) = (new_key(), new_key());
    let host = world.enroll(&token, key).await;
    assert_eq!(world.renew(&host, host.newest.serial, renewed).await, Renewed::First);
    world.revoke_host(host.id).await;
    let refused = Redeemed::Refused(RedeemRefusal::Key(KeyRefusal::Revoked));
    for key in [key, renewed] {
        assert_eq!(world.redeem(&token, key).await, refused);
        assert_eq!(world.redeem(&other, key).await, refused);
        assert!(world.store().refused_key(key).await.unwrap().is_some());
    }
    assert!(world.store().pair(token.token.id, key).await.unwrap().unwrap().host_revoked);
    assert_eq!(world.store().refused_key(new_key()).await.unwrap(), None);
}

pub(in crate::store) async fn unlimited_tokens_count_their_uses(world: &mut World) {
    let token = world.mint_persistent(None).await;
    for used in 1..=3 {
        world.enroll(&token, new_key()).await;
        let record = world.token(&token).await.unwrap();
        assert_eq!((record.used, record.state(world.now)), (used, TokenState::Active));
    }
}

pub(in crate::store) async fn the_transaction_judges_a_replaced_host(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let old = world.enroll(&token, new_key()).await;
    let held = old.newest.serial;
    world.see(old.id, held).await;
    assert_eq!(world.renew(&old, held, new_key()).await, Renewed::First);
    let newest = world.host(old.id).await.newest.serial;
    world.see(old.id, newest).await;
    world.new_entries().await;
    let replacing = |world: &World, presented: Serial| {
        let entry = world.draft(Action::HostRevoked);
        let replaces = Some(ReplacedHost { host: old.id, presented, entry });
        Redeem { replaces, ..world.redemption(&token, new_key()) }
    };
    let superseded = world.store().redeem(replacing(world, held)).await.unwrap();
    assert_eq!(superseded, Redeemed::Refused(RedeemRefusal::CertificateSuperseded));
    assert_eq!(world.host(old.id).await.revoked_at, None);
    world.expect_entries(&[]).await;
    let (first, second) = (replacing(world, newest), replacing(world, newest));
    assert_eq!(world.store().redeem(first).await.unwrap(), Redeemed::First);
    assert!(world.host(old.id).await.revoked_at.is_some());
    world.expect_entries(&[Action::HostRevoked, Action::HostEnrolled]).await;
    let late = world.store().redeem(second).await.unwrap();
    assert_eq!(late, Redeemed::Refused(RedeemRefusal::Key(KeyRefusal::Revoked)));
    world.expect_entries(&[]).await;
}
