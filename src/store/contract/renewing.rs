//! Renewing, and certifying an old pair again.

use super::world::*;
use crate::id::{HostId, Serial};
use crate::ledger::Action;
use crate::name::DnsName;
use crate::store::*;

async fn host(world: &mut World) -> (MintRecord, HostRecord) {
    let token = world.mint_ephemeral(Some(1)).await;
    let host = world.enroll(&token, new_key()).await;
    world.see(host.id, host.newest.serial).await;
    world.new_entries().await;
    world.pass(HOUR);
    (token, host)
}

pub(in crate::store) async fn the_newest_certificate_renews(world: &mut World) {
    let (_, before) = host(world).await;
    let command = world.renewal(&before, before.newest.serial, new_key());
    let certificate = command.next.certificate.clone();
    assert_eq!(world.store().renew(command).await.unwrap(), Renewed::First);
    let after = world.host(before.id).await;
    assert_eq!(after.newest, certificate.record);
    assert_eq!((after.previous, after.newest_seen), (Some(before.newest.serial), false));
    world.see(before.id, before.newest.serial).await;
    assert!(!world.host(before.id).await.newest_seen, "only the newest counts");
    world.see(before.id, certificate.record.serial).await;
    assert!(world.host(before.id).await.newest_seen);
    assert!(!world.store().revocations().certificate_revoked(before.newest.serial));
    world.expect_entries(&[Action::HostRenewed]).await;
}

pub(in crate::store) async fn a_lost_answer_is_given_again(world: &mut World) {
    let (_, before) = host(world).await;
    let key = new_key();
    assert_eq!(world.renew(&before, before.newest.serial, key).await, Renewed::First);
    let newest = world.host(before.id).await.newest;
    match world.renew(&before, before.newest.serial, key).await {
        Renewed::Again(again) => assert_eq!((again.host, again.record), (before.id, newest)),
        other => panic!("{other:?}"),
    }
    world.expect_entries(&[Action::HostRenewed]).await;
}

pub(in crate::store) async fn a_lost_answer_can_be_replaced_with_another_key(world: &mut World) {
    let (_, before) = host(world).await;
    let held = before.newest.serial;
    assert_eq!(world.renew(&before, held, new_key()).await, Renewed::First);
    for _ in 0..2 {
        let unseen = world.host(before.id).await.newest.serial;
        assert_eq!(world.renew(&before, held, new_key()).await, Renewed::Replaced(unseen));
        assert_eq!(world.host(before.id).await.previous, Some(held), "the one it is known to hold");
        let newest = world.new_entries().await.pop().unwrap();
        let expected = format!("\"superseded_unseen\":\"{unseen}\"");
        let entry = String::from_utf8_lossy(&newest.bytes);
        assert!(entry.contains(&expected), "{entry}");
    }
}

pub(in crate::store) async fn a_superseded_certificate_conflicts_after_use(world: &mut World) {
    let (_, before) = host(world).await;
    let key = new_key();
    assert_eq!(world.renew(&before, before.newest.serial, key).await, Renewed::First);
    let newest = world.host(before.id).await.newest.serial;
    world.see(before.id, newest).await;
    let conflict = Renewed::Refused(RenewRefusal::LineageConflict);
    assert_eq!(world.renew(&before, before.newest.serial, key).await, conflict);
    assert_eq!(world.renew(&before, before.newest.serial, new_key()).await, conflict);
    assert_eq!(world.renew(&before, newest, new_key()).await, Renewed::First);
    assert_eq!(world.renew(&before, before.newest.serial, new_key()).await, conflict, "two generations back");
}

pub(in crate::store) async fn the_first_use_of_the_newest_supersedes_its_predecessor(world: &mut World) {
    let (_, before) = host(world).await;
    let first = before.newest.serial;
    assert_eq!(world.renew(&before, first, new_key()).await, Renewed::First);
    let unseen = world.host(before.id).await.newest.serial;
    assert!(matches!(world.renew(&before, first, new_key()).await, Renewed::Replaced(_)));
    let second = world.host(before.id).await.newest.serial;
    let superseded =
        async |world: &World, serial| world.store().superseded_at(before.id, serial).await.unwrap();
    assert_eq!(superseded(world, first).await, None, "the newest was not used");
    let used = world.now;
    world.see(before.id, second).await;
    world.pass(HOUR);
    world.see(before.id, second).await;
    assert_eq!(superseded(world, first).await, Some(used), "only the first use counts");
    assert_eq!(superseded(world, unseen).await, None, "the replaced one was never used");
    assert_eq!(world.renew(&before, second, new_key()).await, Renewed::First);
    let third = world.host(before.id).await.newest.serial;
    world.see(before.id, third).await;
    assert_eq!(superseded(world, first).await, Some(used));
    assert_eq!(superseded(world, second).await, Some(world.now));
    assert_eq!(superseded(world, third).await, None);
    world.restart();
    assert_eq!(superseded(world, first).await, Some(used));
}

pub(in crate::store) async fn the_newest_certificate_may_keep_its_key(world: &mut World) {
    let (_, before) = host(world).await;
    let key = before.newest.host_key;
    assert_eq!(world.renew(&before, before.newest.serial, key).await, Renewed::First);
    assert!(matches!(world.renew(&before, before.newest.serial, key).await, Renewed::Again(_)));
}

pub(in crate::store) async fn a_renewal_with_other_roles_is_built_again(world: &mut World) {
    let (_, before) = host(world).await;
    let mut command = world.renewal(&before, before.newest.serial, new_key());
    command.next.roles = roles(&["director"]);
    assert_eq!(world.store().renew(command).await.unwrap(), Renewed::FactsChanged);
    assert_eq!(world.host(before.id).await, HostRecord { newest_seen: true, ..before });
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn strangers_and_revoked_hosts_do_not_renew(world: &mut World) {
    let (_, known) = host(world).await;
    let (_, revoked) = host(world).await;
    let stranger = HostRecord { id: HostId::generate(world.now), ..known.clone() };
    let unknown = Renewed::Refused(RenewRefusal::Unknown);
    assert_eq!(world.renew(&stranger, known.newest.serial, new_key()).await, unknown);
    assert_eq!(world.renew(&known, Serial::generate(), new_key()).await, unknown);
    assert_eq!(world.renew(&known, revoked.newest.serial, new_key()).await, unknown, "another host's");
    world.revoke_host(revoked.id).await;
    let refused = Renewed::Refused(RenewRefusal::Key(KeyRefusal::Revoked));
    assert_eq!(world.renew(&revoked, revoked.newest.serial, new_key()).await, refused);
    assert_eq!(
        world.renew(&known, known.newest.serial, revoked.newest.host_key).await,
        refused,
        "a revoked key"
    );
    world.expect_entries(&[Action::HostRevoked]).await;
}

pub(in crate::store) async fn a_host_that_loops_is_stopped_until_an_hour_has_passed(world: &mut World) {
    let (_, host) = host(world).await;
    let mut presented = host.newest.serial;
    for _ in 0..MOST_RENEWALS {
        let command = world.renewal(&host, presented, new_key());
        let serial = command.next.certificate.record.serial;
        assert_eq!(world.store().renew(command).await.unwrap(), Renewed::First);
        presented = serial;
    }
    let command = world.renewal(&host, presented, new_key());
    assert_eq!(world.store().renew(command).await.unwrap(), Renewed::Refused(RenewRefusal::TooOften));
    world.pass(RENEWALS_WITHIN);
    let command = world.renewal(&host, presented, new_key());
    assert_eq!(world.store().renew(command).await.unwrap(), Renewed::First);
}

/// A host with a name that has become the authority's.
pub(super) async fn host_with_own_name(world: &mut World, token: &MintRecord) -> HostRecord {
    let name = DnsName::parse("node.example.org").unwrap();
    let mut command = world.redemption(token, new_key());
    command.admission.host.name = Some(name.clone());
    let id = command.admission.certificate.host;
    assert_eq!(world.store().redeem(command).await.unwrap(), Redeemed::First);
    assert_eq!(world.store().host_named(name.clone(), world.now).await.unwrap(), Some(id));
    let names = vec![name.clone()];
    let identity = AuthorityIdentity { issuer: ISSUER.to_owned(), names, trust_domain: String::new() };
    let entry = world.draft(Action::AuthorityChanged);
    let taken = vec![(id, world.draft(Action::NameTakenOver))];
    world.store().record_identity(RecordIdentity { identity, taken, entry }).await.unwrap();
    assert_eq!(world.store().host_named(name, world.now).await.unwrap(), None, "it lost the name");
    world.new_entries().await;
    world.host(id).await
}

pub(in crate::store) async fn a_certificate_without_its_name_still_renews(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    let before = host_with_own_name(world, &token).await;
    let held = before.newest.serial;
    assert!(world.store().revocations().certificate_revoked(held));
    assert!(world.store().lost_its_name(held).await.unwrap());
    assert_eq!(world.renew(&before, held, new_key()).await, Renewed::FactsChanged, "with the name");
    let (key, withdrawal) = (new_key(), Some(world.draft(Action::NameWithdrawn)));
    let mut command = world.renewal(&before, held, key);
    command.next.withdrawal = withdrawal;
    assert_eq!(world.store().renew(command).await.unwrap(), Renewed::First);
    let after = world.host(before.id).await;
    assert_eq!(after.facts, HostFacts { name: None, ..before.facts.clone() });
    assert!(!world.store().revocations().certificate_revoked(after.newest.serial));
    world.expect_entries(&[Action::HostRenewed, Action::NameWithdrawn]).await;
    // The answer was lost.
    assert!(matches!(world.renew(&after, held, key).await, Renewed::Again(_)));
    world.see(before.id, after.newest.serial).await;
    assert_eq!(world.renew(&after, held, key).await, Renewed::Refused(RenewRefusal::LineageConflict));
}

pub(in crate::store) async fn live_hosts_are_counted_by_the_reached_url(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let (one, two) = (world.enroll(&token, new_key()).await, world.enroll(&token, new_key()).await);
    let gone = world.enroll(&token, new_key()).await;
    world.revoke_host(gone.id).await;
    let counted = async |world: &World| world.store().reached_urls(world.now).await.unwrap();
    assert_eq!(counted(world).await, [(Some(ISSUER.to_owned()), 2)]);
    world.pass(HOUR);
    let reached_url = Some("https://new.example.org".to_owned());
    let mut command = world.renewal(&one, one.newest.serial, new_key());
    command.next.reached_url = reached_url;
    assert_eq!(world.store().renew(command).await.unwrap(), Renewed::First);
    assert_eq!(world.host(one.id).await.reached_url.as_deref(), Some("https://new.example.org"));
    let split = [(Some(ISSUER.to_owned()), 1), (Some("https://new.example.org".to_owned()), 1)];
    assert_eq!(counted(world).await, split);
    let contact = Contact { at: world.now, from: None };
    let reached_url = Some("https://new.example.org".to_owned());
    let contacts = vec![(two.id, HostContact { contact, reached_url })];
    world.store().record_contacts(RecordContacts { contacts }).await.unwrap();
    assert_eq!(counted(world).await, [(Some("https://new.example.org".to_owned()), 2)]);
    world.pass(DAY * 31);
    assert_eq!(counted(world).await, [], "expired");
}

pub(in crate::store) async fn an_old_pair_loses_the_authoritys_name(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let before = host_with_own_name(world, &token).await;
    world.pass(DAY * 2);
    let with_name = recertification(world, &token, &before);
    assert_eq!(world.store().recertify(with_name).await.unwrap(), Renewed::FactsChanged);
    let mut command = recertification(world, &token, &before);
    command.next.withdrawal = Some(world.draft(Action::NameWithdrawn));
    assert_eq!(world.store().recertify(command).await.unwrap(), Renewed::First);
    assert_eq!(world.host(before.id).await.facts.name, None);
    world.expect_entries(&[Action::HostReenrolled, Action::NameWithdrawn]).await;
}

pub(super) fn recertification(world: &World, token: &MintRecord, host: &HostRecord) -> Recertify {
    let next = NextCertificate {
        certificate: world.certificate(host.id, host.newest.host_key),
        roles: host.facts.roles.clone(),
        name: host.facts.name.clone(),
        policy: first_revision(host.facts.policy),
        withdrawal: None,
        reached_url: None,
        node_limit: world.node_limit,
        entry: world.draft(Action::HostReenrolled),
    };
    Recertify { grant: verified(token), next }
}

pub(in crate::store) async fn an_old_pair_is_certified_again_for_the_same_host(world: &mut World) {
    let token = world.mint_persistent(Some(1)).await;
    let before = world.enroll(&token, new_key()).await;
    world.new_entries().await;
    world.pass(DAY * 2);
    let command = recertification(world, &token, &before);
    let serial = command.next.certificate.record.serial;
    assert_eq!(world.store().recertify(command).await.unwrap(), Renewed::First);
    let after = world.host(before.id).await;
    assert_eq!((after.newest.serial, after.previous), (serial, Some(before.newest.serial)));
    assert_eq!(world.token(&token).await.unwrap().used, 1, "no use is taken");
    match world.store().recertify(recertification(world, &token, &before)).await.unwrap() {
        Renewed::Again(again) => assert_eq!(again.record.serial, serial),
        other => panic!("{other:?}"),
    }
    world.pass(DAY * 2);
    let mut other_roles = recertification(world, &token, &before);
    other_roles.next.roles = Vec::new();
    assert_eq!(world.store().recertify(other_roles).await.unwrap(), Renewed::FactsChanged);
    world.expect_entries(&[Action::HostReenrolled]).await;
}

pub(in crate::store) async fn certifying_an_old_pair_twice_locks_out_nobody(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let before = world.enroll(&token, new_key()).await;
    for _ in 0..2 {
        world.pass(DAY * 2);
        let command = recertification(world, &token, &before);
        assert_eq!(world.store().recertify(command).await.unwrap(), Renewed::First);
    }
    // Neither answer was used: the host is known to hold the certificate before.
    assert_eq!(world.host(before.id).await.previous, Some(before.newest.serial));
}

pub(in crate::store) async fn a_renewed_host_is_certified_again_for_its_newest_key(world: &mut World) {
    let (token, other) = (world.mint_persistent(None).await, world.mint_persistent(None).await);
    let (first, newest) = (new_key(), new_key());
    let before = world.enroll(&token, first).await;
    world.pass(DAY * 20);
    assert_eq!(world.renew(&before, before.newest.serial, newest).await, Renewed::First);
    world.pass(DAY * 31);
    let host = world.host(before.id).await;
    let store = world.shared();
    let refused = Renewed::Refused(RenewRefusal::Unknown);
    assert_eq!(store.recertify(recertification(world, &other, &host)).await.unwrap(), refused);
    let mut third_key = recertification(world, &token, &host);
    third_key.next.certificate.record.host_key = new_key();
    assert_eq!(store.recertify(third_key).await.unwrap(), refused);
    assert_eq!(store.recertify(recertification(world, &token, &host)).await.unwrap(), Renewed::First);
    assert_eq!(world.token(&token).await.unwrap().used, 1, "no use is taken");
}

pub(in crate::store) async fn recertifying_needs_a_live_token_and_the_pairs_own_host(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let (one, two) = (world.enroll(&token, new_key()).await, world.enroll(&token, new_key()).await);
    world.pass(DAY * 2);
    let store = world.shared();
    let mut wrong_host = recertification(world, &token, &one);
    wrong_host.next.certificate.host = two.id;
    assert_eq!(store.recertify(wrong_host).await.unwrap(), Renewed::Refused(RenewRefusal::Unknown));
    let mut no_pair = recertification(world, &token, &one);
    no_pair.next.certificate.record.host_key = new_key();
    assert_eq!(store.recertify(no_pair).await.unwrap(), Renewed::Refused(RenewRefusal::Unknown));
    world.revoke_host(two.id).await;
    let revoked_host = recertification(world, &token, &two);
    assert_eq!(
        store.recertify(revoked_host).await.unwrap(),
        Renewed::Refused(RenewRefusal::Key(KeyRefusal::Revoked))
    );
    world.revoke(&token).await;
    let revoked_token = recertification(world, &token, &one);
    assert_eq!(store.recertify(revoked_token).await.unwrap(), Renewed::Refused(RenewRefusal::TokenRevoked));
}
