//! Quarantine: two machines renewed with the certificates of one host.

use std::net::IpAddr;

use super::world::*;
use crate::id::{HostId, Serial, SpkiHash};
use crate::ledger::{Action, Subjects};
use crate::store::*;

const MOST: u32 = 20;

/// A host whose newest certificate was used: its token, its first certificate and the newest.
struct Cloned {
    token: MintRecord,
    id: HostId,
    first: CertificateRecord,
    newest: CertificateRecord,
}

async fn cloned(world: &mut World) -> Cloned {
    let token = world.mint_persistent(None).await;
    let host = world.enroll(&token, new_key()).await;
    world.see(host.id, host.newest.serial).await;
    world.pass(HOUR);
    assert_eq!(world.renew(&host, host.newest.serial, new_key()).await, Renewed::First);
    let newest = world.host(host.id).await.newest;
    world.see(host.id, newest.serial).await;
    world.new_entries().await;
    Cloned { token, id: host.id, first: host.newest, newest }
}

pub(super) async fn quarantine(world: &World, host: HostId, presented: Serial, most: u32) -> Quarantining {
    let mut entry = world.draft(Action::HostQuarantined).about(Subjects::host(host));
    entry.origin.address = Some(copy());
    world.store().quarantine_host(QuarantineHost { host, presented, most, entry }).await.unwrap()
}

fn copy() -> IpAddr {
    IpAddr::from([192, 0, 2, 9])
}

pub(super) async fn release(world: &World, host: HostId, kept: Serial) -> HostRelease {
    let entry = world.draft(Action::HostReleased);
    world
        .store()
        .release_hosts(ReleaseHosts {
            hosts: vec![KeptCertificate { host, serial: kept, revision: None }],
            entry,
        })
        .await
        .unwrap()[0]
}

async fn refused(world: &World, key: SpkiHash) -> Option<KeyRefusal> {
    world.store().refused_key(key).await.unwrap()
}

pub(in crate::store) async fn both_copies_of_a_host_are_refused(world: &mut World) {
    let host = cloned(world).await;
    let contact = Contact { at: world.now, from: Some(IpAddr::from([192, 0, 2, 7])) };
    let contacts = vec![(host.id, HostContact { contact, reached_url: None })];
    world.store().record_contacts(RecordContacts { contacts }).await.unwrap();
    let mut crl = world.store().revocations().changes();
    crl.mark_unchanged();
    let before = world.host(host.id).await;
    assert_eq!(quarantine(world, host.id, host.first.serial, MOST).await, Quarantining::Quarantined);
    assert_eq!(quarantine(world, host.id, host.first.serial, MOST).await, Quarantining::Before);
    let after = world.host(host.id).await;
    let facts = Quarantine { at: world.now, serial: host.first.serial, from: Some(copy()) };
    assert_eq!(
        after,
        HostRecord { quarantine: Some(facts), revision: before.revision + 1, ..before },
        "roles, name and certificate stay"
    );
    assert_eq!(after.state(world.now), HostState::Quarantined);
    assert!(!crl.has_changed().unwrap(), "the CRL is unchanged");
    let entry = world.new_entries().await.pop().unwrap();
    let text = String::from_utf8_lossy(&entry.bytes).into_owned();
    for part in
        ["192.0.2.9", "\"newest_seen_from\":\"192.0.2.7\"", "newest_seen_at", &host.newest.serial.to_string()]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let quarantined = Renewed::Refused(RenewRefusal::Key(KeyRefusal::Quarantined));
    for presented in [host.first.serial, host.newest.serial] {
        assert_eq!(world.renew(&after, presented, new_key()).await, quarantined);
    }
    let other = world.mint_persistent(None).await;
    for key in [host.first.host_key, host.newest.host_key] {
        let refusal = Redeemed::Refused(RedeemRefusal::Key(KeyRefusal::Quarantined));
        assert_eq!(world.redeem(&host.token, key).await, refusal);
        assert_eq!(world.redeem(&other, key).await, refusal, "under every token");
        assert_eq!(refused(world, key).await, Some(KeyRefusal::Quarantined));
    }
    world.restart();
    assert_eq!(refused(world, host.newest.host_key).await, Some(KeyRefusal::Quarantined));
}

pub(in crate::store) async fn only_a_good_superseded_certificate_quarantines(world: &mut World) {
    let host = cloned(world).await;
    let stranger = HostId::generate(world.now);
    for (id, presented) in
        [(host.id, host.newest.serial), (host.id, Serial::generate()), (stranger, host.first.serial)]
    {
        assert_eq!(quarantine(world, id, presented, MOST).await, Quarantining::Harmless);
    }
    world.set_roles(host.id, &[], true).await;
    assert!(world.store().revocations().certificate_revoked(host.first.serial));
    assert_eq!(quarantine(world, host.id, host.first.serial, MOST).await, Quarantining::Harmless, "revoked");
    let expired = cloned(world).await;
    world.pass(DAY * 30 - HOUR);
    assert!(world.host(expired.id).await.newest.not_after > world.now);
    let outcome = quarantine(world, expired.id, expired.first.serial, MOST).await;
    assert_eq!(outcome, Quarantining::Harmless, "expired");
    let gone = cloned(world).await;
    world.revoke_host(gone.id).await;
    assert_eq!(quarantine(world, gone.id, gone.first.serial, MOST).await, Quarantining::Harmless);
    assert_eq!(world.host(gone.id).await.quarantine, None);
}

pub(in crate::store) async fn quarantines_within_an_hour_are_bounded(world: &mut World) {
    let mut hosts = Vec::new();
    for _ in 0..4 {
        hosts.push(cloned(world).await);
    }
    assert_eq!(quarantine(world, hosts[0].id, hosts[0].first.serial, 2).await, Quarantining::Quarantined);
    assert_eq!(release(world, hosts[0].id, hosts[0].newest.serial).await, HostRelease::Released);
    assert_eq!(quarantine(world, hosts[1].id, hosts[1].first.serial, 2).await, Quarantining::Quarantined);
    world.new_entries().await;
    let over = quarantine(world, hosts[2].id, hosts[2].first.serial, 2).await;
    assert_eq!(over, Quarantining::TooMany, "a released host counts");
    assert_eq!(world.host(hosts[2].id).await.quarantine, None);
    world.expect_entries(&[]).await;
    world.restart();
    assert_eq!(quarantine(world, hosts[2].id, hosts[2].first.serial, 2).await, Quarantining::TooMany);
    world.pass(QUARANTINES_WITHIN);
    assert_eq!(quarantine(world, hosts[2].id, hosts[2].first.serial, 2).await, Quarantining::Quarantined);
}

pub(in crate::store) async fn a_release_keeps_one_certificate(world: &mut World) {
    for keep_newest in [true, false] {
        let host = cloned(world).await;
        quarantine(world, host.id, host.first.serial, MOST).await;
        world.new_entries().await;
        let (kept, other) = if keep_newest { (host.newest, host.first) } else { (host.first, host.newest) };
        assert_eq!(release(world, host.id, kept.serial).await, HostRelease::Released);
        assert_eq!(release(world, host.id, kept.serial).await, HostRelease::Before);
        assert_eq!(release(world, host.id, other.serial).await, HostRelease::NotQuarantined);
        world.expect_entries(&[Action::HostReleased]).await;
        let released = world.host(host.id).await;
        assert_eq!((released.newest, released.previous, released.quarantine), (kept, None, None));
        assert_eq!(released.state(world.now), HostState::Active);
        let revocations = world.store().revocations();
        assert!(
            revocations.certificate_revoked(other.serial) && !revocations.certificate_revoked(kept.serial)
        );
        assert_eq!(refused(world, kept.host_key).await, None);
        assert_eq!(refused(world, other.host_key).await, Some(KeyRefusal::Revoked), "the copy's key");
        let copy = world.renew(&released, other.serial, new_key()).await;
        assert_eq!(copy, Renewed::Refused(RenewRefusal::CertificateRevoked));
        assert_eq!(world.renew(&released, kept.serial, new_key()).await, Renewed::First);
        let reason = world.store().revoked_certificates(world.now).await.unwrap();
        let reason = reason.iter().find(|revoked| revoked.serial == other.serial).unwrap().reason;
        assert_eq!(reason, RevocationReason::Replaced);
        world.pass(DAY * 31);
        world.collect().await;
        assert_eq!(world.host(host.id).await.id, host.id, "its newest certificate is kept with it");
    }
}

pub(in crate::store) async fn a_release_needs_a_good_certificate(world: &mut World) {
    let (host, other) = (cloned(world).await, cloned(world).await);
    quarantine(world, host.id, host.first.serial, MOST).await;
    for serial in [Serial::generate(), other.newest.serial] {
        assert_eq!(release(world, host.id, serial).await, HostRelease::NoSuchCertificate);
    }
    assert_eq!(release(world, HostId::generate(world.now), host.first.serial).await, HostRelease::Unknown);
    world.pass(DAY * 30 - HOUR);
    let expired = release(world, host.id, host.first.serial).await;
    assert_eq!(expired, HostRelease::NoSuchCertificate, "expired");
    assert_eq!(world.host(host.id).await.state(world.now), HostState::Quarantined);
    assert_eq!(world.revoke_host(host.id).await, HostRevocation::Revoked);
    assert_eq!(release(world, host.id, host.newest.serial).await, HostRelease::Revoked);
    assert_eq!(refused(world, host.newest.host_key).await, Some(KeyRefusal::Revoked));
    assert_eq!(world.host(host.id).await.state(world.now), HostState::Revoked);
}

pub(in crate::store) async fn hosts_in_quarantine_are_listed_and_counted(world: &mut World) {
    let (host, revoked, fine) = (cloned(world).await, cloned(world).await, cloned(world).await);
    for cloned in [&host, &revoked] {
        quarantine(world, cloned.id, cloned.first.serial, MOST).await;
    }
    world.revoke_host(revoked.id).await;
    let listed = async |states: &[HostState]| {
        let filter = HostFilter { states: Some(states.to_vec()), ..HostFilter::every(None, world.now) };
        let page = world.store().list_hosts(filter, PageQuery::new(None, 10)).await.unwrap();
        page.items.into_iter().map(|host| host.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[HostState::Quarantined]).await, [host.id]);
    assert_eq!(listed(&[HostState::Quarantined, HostState::Active]).await, [fine.id, host.id]);
    assert_eq!(listed(&HostState::LIVE).await, [fine.id]);
    let counts = world.store().count_hosts(world.now).await.unwrap();
    for (state, number) in [(HostState::Active, 1), (HostState::Quarantined, 1), (HostState::Revoked, 1)] {
        assert!(counts.contains(&(state, number)), "{counts:?}");
    }
}

pub(in crate::store) async fn an_outdated_revision_changes_nothing(world: &mut World) {
    let host = cloned(world).await;
    let id = host.id;
    let (before, any) = (world.host(id).await, world.draft(Action::HostLabelChanged));
    assert_eq!(quarantine(world, id, host.first.serial, MOST).await, Quarantining::Quarantined);
    world.new_entries().await;
    let revision = Some(before.revision);
    let label = SetLabel { host: id, revision, label: None, entry: any.clone() };
    assert_eq!(world.store().set_label(label).await.unwrap(), LabelChange::Stale);
    let roles = SetRoles {
        host: id,
        revision,
        before: before.facts.roles,
        policy: None,
        roles: vec![],
        now: false,
        entry: any.clone(),
    };
    assert_eq!(world.store().set_roles(roles).await.unwrap(), RolesChange::Stale);
    let kept = KeptCertificate { host: id, serial: host.newest.serial, revision };
    let release = ReleaseHosts { hosts: vec![kept], entry: any.clone() };
    assert_eq!(world.store().release_hosts(release).await.unwrap(), [HostRelease::Stale]);
    let revoke = RevokeHost { host: id, revision, entry: any };
    assert_eq!(world.store().revoke_host(revoke).await.unwrap(), HostRevocation::Stale);
    world.expect_entries(&[]).await;
    let mut revision = world.host(id).await.revision;
    let mut moved = async |world: &World| {
        let before = revision;
        revision = world.host(id).await.revision;
        revision > before
    };
    assert_eq!(self::release(world, id, host.newest.serial).await, HostRelease::Released);
    assert!(moved(world).await, "released");
    world.set_roles(id, &[], false).await;
    assert!(moved(world).await, "other roles");
    world.see(id, host.newest.serial).await;
    assert!(!moved(world).await, "a use is no change");
    world.revoke_host(id).await;
    assert!(moved(world).await, "revoked");
}
