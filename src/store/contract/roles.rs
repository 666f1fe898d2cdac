//! Changing a host's roles.

use super::world::*;
use crate::id::HostId;
use crate::ledger::Action;
use crate::store::*;

async fn host(world: &mut World) -> HostRecord {
    let mut token = world.ephemeral(Some(1));
    token.terms.roles = roles(&["proxy", "allocator"]);
    world.mint(token.clone()).await;
    let host = world.enroll(&token, new_key()).await;
    world.new_entries().await;
    host
}

async fn renew(world: &World, id: HostId) -> Renewed {
    let host = world.host(id).await;
    world.renew(&host, host.newest.serial, new_key()).await
}

fn changed(change: RolesChange) -> HostRecord {
    match change {
        RolesChange::Changed(host) => *host,
        other => panic!("{other:?}"),
    }
}

pub(in crate::store) async fn added_roles_revoke_nothing(world: &mut World) {
    let before = host(world).await;
    let after = changed(world.set_roles(before.id, &["allocator", "director", "proxy"], true).await);
    assert_eq!(after.facts.roles, roles(&["allocator", "director", "proxy"]));
    assert_eq!(renew(world, before.id).await, Renewed::First);
    assert_eq!(world.store().revocations().revoked_certificates(), 0);
    let entries = world.new_entries().await;
    let body = String::from_utf8_lossy(crate::ledger::parse(&entries[0].bytes).unwrap().body).into_owned();
    assert!(body.contains(r#""roles_before":["proxy","allocator"]"#), "{body}");
}

pub(in crate::store) async fn a_removed_role_revokes_with_the_next_certificate(world: &mut World) {
    let before = host(world).await;
    changed(world.set_roles(before.id, &["proxy"], false).await);
    let revocations = |serial| world.store().revocations().certificate_revoked(serial);
    assert!(!revocations(before.newest.serial), "not before the next one is there");
    assert_eq!(renew(world, before.id).await, Renewed::First);
    let after = world.host(before.id).await;
    assert!(revocations(before.newest.serial) && !revocations(after.newest.serial));
    assert_eq!(renew(world, before.id).await, Renewed::First);
    assert!(!revocations(after.newest.serial), "only once");
    let listed = world.store().revoked_certificates(world.now).await.unwrap();
    let expected = RevokedCertificate {
        serial: before.newest.serial,
        revoked_at: world.now,
        reason: RevocationReason::RolesChanged,
    };
    assert_eq!(listed, [expected]);
}

pub(in crate::store) async fn a_removed_role_revokes_at_once_if_asked(world: &mut World) {
    let before = host(world).await;
    changed(world.set_roles(before.id, &["proxy"], false).await);
    changed(world.set_roles(before.id, &["proxy"], true).await);
    assert!(world.store().revocations().certificate_revoked(before.newest.serial));
    let refused = Renewed::Refused(RenewRefusal::CertificateRevoked);
    assert_eq!(renew(world, before.id).await, refused);
    assert!(!world.store().revocations().host_revoked(before.id));
    world.expect_entries(&[Action::HostRolesChanged, Action::HostRolesChanged]).await;
}

pub(in crate::store) async fn the_same_roles_change_nothing(world: &mut World) {
    let before = host(world).await;
    let change = world.set_roles(before.id, &["allocator", "proxy"], true).await;
    assert_eq!(change, RolesChange::Unchanged(Box::new(before)));
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn roles_that_were_not_judged_stay(world: &mut World) {
    let host = host(world).await;
    let change = |before: &[&str]| {
        let entry = world.draft(Action::HostRolesChanged);
        let (id, before) = (host.id, roles(before));
        SetRoles { host: id, revision: None, before, policy: None, roles: Vec::new(), now: true, entry }
    };
    for before in [&["proxy"][..], &["proxy", "allocator", "director"], &[]] {
        assert_eq!(world.store().set_roles(change(before)).await.unwrap(), RolesChange::Moved);
    }
    assert_eq!(world.host(host.id).await, host);
    let any_order = change(&["allocator", "proxy"]);
    changed(world.store().set_roles(any_order).await.unwrap());
    world.expect_entries(&[Action::HostRolesChanged]).await;
}

pub(in crate::store) async fn unknown_and_revoked_hosts_keep_their_roles(world: &mut World) {
    let revoked = host(world).await;
    world.revoke_host(revoked.id).await;
    assert_eq!(world.set_roles(revoked.id, &[], false).await, RolesChange::HostRevoked);
    let stranger = HostId::generate(world.now);
    assert_eq!(world.set_roles(stranger, &[], false).await, RolesChange::Unknown);
    world.expect_entries(&[Action::HostRevoked]).await;
}
