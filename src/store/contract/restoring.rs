//! Restoring: nothing that may have ended after the backup lives on, and hosts go on.

use super::world::*;
use crate::id::{ChainId, ListId, Serial, StatusRef};
use crate::ledger::Action;
use crate::store::*;
use crate::token::{KeyUse, Status};

/// Restores, and opens the store again. The CRLs list these certificates.
async fn restore(world: &mut World, listed: &[(Serial, RevocationReason)]) -> Restored {
    let (now, later) = (world.now, world.now.plus(HOUR));
    let states = [KeyState::Current, KeyState::Prepared];
    let pair = |usage: KeyUse| states.map(|state| key_for(usage, state, now));
    let list = |kind| ListRecord { id: ListId::generate(later), kind, next: 0 };
    let listed = listed.iter().map(|(serial, reason)| ListedCertificate {
        serial: *serial,
        revoked_at: now,
        reason: *reason,
    });
    let command = Restore {
        keys: KeyUse::ALL.into_iter().flat_map(pair).collect(),
        chain: ChainId::generate(later),
        lists: vec![list(ListKind::Ephemeral), list(ListKind::Persistent)],
        revoked: listed.collect(),
        ends_at: now.plus(DAY * 90),
        entry: world.draft(Action::Restored),
    };
    let restored = world.store().restore(command).await.unwrap();
    world.restart();
    restored
}

fn status(world: &World, token: &MintRecord) -> Status {
    world.store().revocations().status(token.token.status)
}

pub(in crate::store) async fn tokens_that_could_be_redeemed_are_suspended(world: &mut World) {
    let (open, spent) = (world.mint_persistent(None).await, world.mint_persistent(Some(1)).await);
    let (gone, short) = (world.mint_persistent(None).await, world.mint_ephemeral(None).await);
    world.enroll(&spent, new_key()).await;
    world.revoke(&gone).await;
    assert_eq!(restore(world, &[]).await.tokens, 1);
    let statuses = [&open, &spent, &gone].map(|token| status(world, token));
    assert_eq!(statuses, [Status::Suspended, Status::UsedUp, Status::Revoked]);
    let refused = world.redeem(&short, new_key()).await;
    assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenRevoked), "of the epoch before");
    assert!(!matches!(world.redeem(&open, new_key()).await, Redeemed::First));
}

pub(in crate::store) async fn unknown_indexes_are_published_as_revoked(world: &mut World) {
    let token = world.mint_persistent(None).await;
    restore(world, &[]).await;
    let StatusRef { list, index } = token.token.status;
    let of = |index| world.store().revocations().status(StatusRef { list, index });
    assert_eq!([index - 1, index, index + 1].map(of), [Status::Revoked, Status::Suspended, Status::Revoked]);
    assert_eq!(of((1 << 20) - 1), Status::Revoked);
    let newest = world.store().lists().await.unwrap().into_iter().max_by_key(|list| list.id).unwrap();
    assert!(newest.id > list && newest.next == 0, "new tokens are in new lists");
}

pub(in crate::store) async fn sessions_keys_and_users_wait_for_a_release(world: &mut World) {
    let key = world.api_key(Some("admin")).await;
    let restored = restore(world, &[]).await;
    assert_eq!((restored.api_keys, restored.users), (1, vec!["admin".to_owned()]));
    let admin = world.store().user("admin".to_owned()).await.unwrap().unwrap();
    assert_eq!(admin.disabled_at, Some(world.now));
    assert!(world.store().api_key(key.id).await.unwrap().is_some(), "it is kept");
}

pub(in crate::store) async fn waits_of_hosts_end(world: &mut World) {
    let token = world.mint_persistent(Some(1)).await;
    let id = world.wait(&token, new_key()).await;
    assert_eq!(restore(world, &[]).await.waiting, 1);
    assert_eq!(world.enrollment(id).await.state, EnrollmentState::Expired);
    assert_eq!(world.approve(id).await, Deciding::Over(EnrollmentState::Expired));
}

pub(in crate::store) async fn hosts_that_a_crl_ends_are_revoked(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let (out, stays) = (world.enroll(&token, new_key()).await, world.enroll(&token, new_key()).await);
    let unknown = Serial::generate();
    let listed = [
        (out.newest.serial, RevocationReason::HostRevoked),
        (stays.newest.serial, RevocationReason::RolesChanged),
        (unknown, RevocationReason::HostRevoked),
    ];
    let restored = restore(world, &listed).await;
    assert_eq!((restored.hosts, restored.certificates), (1, 3));
    let store = world.store();
    assert!(store.revocations().host_revoked(out.id) && !store.revocations().host_revoked(stays.id));
    let kept = store.revoked_certificates(world.now).await.unwrap();
    assert!(kept.iter().any(|certificate| certificate.serial == unknown), "it stays on the CRL");
    assert!(store.revocations().certificate_revoked(stays.newest.serial));
}

pub(in crate::store) async fn numbers_of_crls_go_on_from_the_time(world: &mut World) {
    let next = async |world: &World| {
        world.store().next_crl_number(NextCrlNumber { ski: vec![7; 20] }).await.unwrap()
    };
    assert_eq!(next(world).await, 1);
    restore(world, &[]).await;
    assert_eq!(next(world).await, world.now.secs() as u64 + 1);
}

/// Adopts a certificate that the host got at this moment.
async fn adopt(world: &World, certificate: StoredCertificate) -> bool {
    let adoptable = world.store().is_adoptable(certificate.host, certificate.record).await.unwrap();
    let command = AdoptCertificate { certificate, entry: world.draft(Action::HostAdopted) };
    let adopted = world.store().adopt_certificate(command).await.unwrap();
    assert!(adoptable || !adopted);
    adopted
}

pub(in crate::store) async fn later_certificates_of_known_hosts_are_adopted(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let host = world.enroll(&token, new_key()).await;
    world.pass(HOUR);
    let (earlier, revoked) = (world.certificate(host.id, new_key()), world.certificate(host.id, new_key()));
    world.pass(HOUR);
    let later = world.certificate(host.id, new_key());
    assert!(!adopt(world, later.clone()).await, "without a restore");
    world.pass(HOUR);
    restore(world, &[(revoked.record.serial, RevocationReason::Replaced)]).await;
    assert!(!adopt(world, revoked).await, "the CRL has it");
    world.pass(HOUR);
    let after = world.certificate(host.id, new_key());
    assert!(!adopt(world, after).await, "it was signed after the restore");
    let unknown = world.certificate(crate::id::HostId::generate(world.now), new_key());
    assert!(!adopt(world, unknown).await, "an unknown host");
    assert!(adopt(world, later.clone()).await && !adopt(world, earlier).await);
    let now = world.host(host.id).await;
    assert_eq!((now.newest, now.previous), (later.record, Some(host.newest.serial)));
    assert!(now.newest_seen);
    assert_eq!(world.renew(&now, later.record.serial, new_key()).await, Renewed::First);
}

pub(in crate::store) async fn revoked_hosts_are_not_adopted(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let host = world.enroll(&token, new_key()).await;
    world.pass(HOUR);
    let later = world.certificate(host.id, new_key());
    world.revoke_host(host.id).await;
    world.pass(HOUR);
    restore(world, &[]).await;
    assert!(!adopt(world, later).await);
    assert!(world.store().revocations().host_revoked(host.id), "the backup knew it");
}
