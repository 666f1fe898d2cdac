//! Re-enrolling: a token that is bound to a host continues the host's lineage.

use super::world::*;
use crate::id::SpkiHash;
use crate::ledger::Action;
use crate::name::DnsPattern;
use crate::store::contract::renewing::host_with_own_name;
use crate::store::*;

/// An enrolled host, its key, and a token that is bound to it.
pub(super) async fn bound(world: &mut World) -> (HostRecord, SpkiHash, MintRecord) {
    let (token, key) = (world.mint_ephemeral(Some(1)).await, new_key());
    let host = world.enroll(&token, key).await;
    world.see(host.id, host.newest.serial).await;
    let mut record = world.ephemeral(Some(1));
    record.terms.bindings.host = Some(host.id);
    record.terms.roles.clone_from(&host.facts.roles);
    let record = MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::ReEnrollment), ..record };
    let record = world.mint(record).await;
    world.new_entries().await;
    (host, key, record)
}

pub(super) fn reenrollment(world: &World, token: &MintRecord, host: &HostRecord, key: SpkiHash) -> Reenroll {
    let Renew { mut next, .. } = world.renewal(host, host.newest.serial, key);
    next.entry.action = Action::HostReenrolled;
    Reenroll { grant: verified(token), next, opaque_key: None }
}

pub(super) async fn reenroll(
    world: &World,
    token: &MintRecord,
    host: &HostRecord,
    key: SpkiHash,
) -> Redeemed {
    world.store().reenroll(reenrollment(world, token, host, key)).await.unwrap()
}

fn refused(refusal: RedeemRefusal) -> Redeemed {
    Redeemed::Refused(refusal)
}

pub(in crate::store) async fn a_bound_token_continues_the_lineage(world: &mut World) {
    let (before, former, token) = bound(world).await;
    world.pass(HOUR / 4);
    let (key, other) = (new_key(), new_key());
    let command = reenrollment(world, &token, &before, key);
    let certificate = command.next.certificate.clone();
    assert_eq!(world.store().reenroll(command).await.unwrap(), Redeemed::First);
    let after = world.host(before.id).await;
    assert_eq!(
        (&after.facts, after.enrolled_at, after.token),
        (&before.facts, before.enrolled_at, before.token)
    );
    assert_eq!((after.newest, after.previous, after.newest_seen), (certificate.record, None, false));
    assert_eq!(after.contact.at, world.now);
    world.expect_entries(&[Action::HostReenrolled]).await;
    assert!(world.store().revocations().certificate_revoked(before.newest.serial));
    assert_eq!(reenroll(world, &token, &before, key).await, Redeemed::Again(certificate));
    assert_eq!(reenroll(world, &token, &before, other).await, refused(RedeemRefusal::TokenSpent));
    world.restart();
    assert!(world.store().revocations().certificate_revoked(before.newest.serial));
    assert!(!world.store().revocations().host_revoked(before.id));
    assert!(world.store().refused_key(former).await.unwrap().is_some(), "a copy has this key");
    assert_eq!(world.store().refused_key(key).await.unwrap(), None);
    let superseded = world.store().revoked_certificates(world.now).await.unwrap();
    assert_eq!(superseded.iter().map(|one| one.reason).collect::<Vec<_>>(), [RevocationReason::Reenrolled]);
    assert_eq!(world.renew(&after, after.newest.serial, new_key()).await, Renewed::First);
    assert_eq!(world.revoke_host(after.id).await, HostRevocation::Revoked, "a former key is revoked already");
    world.ledger_is_whole().await;
}

pub(in crate::store) async fn a_bound_token_fits_its_host_as_minted(world: &mut World) {
    let (host, key, token) = bound(world).await;
    world.set_roles(host.id, &["proxy", "director"], false).await;
    world.new_entries().await;
    assert_eq!(reenroll(world, &token, &host, new_key()).await, refused(RedeemRefusal::HostChanged));
    world.set_roles(host.id, &["proxy"], false).await;
    world.new_entries().await;
    let mut named = world.ephemeral(Some(1));
    (named.terms.bindings.host, named.terms.bindings.dns_names) = (Some(host.id), vec![pattern()]);
    let named = world.mint(named).await;
    world.new_entries().await;
    assert_eq!(
        reenroll(world, &named, &host, new_key()).await,
        refused(RedeemRefusal::HostChanged),
        "it had a name"
    );
    assert_eq!(world.store().refused_key(key).await.unwrap(), None, "a refusal leaves nothing behind");
    assert!(world.new_entries().await.is_empty());
    assert_eq!(world.token(&token).await.unwrap().used, 0);
    world.revoke_host(host.id).await;
    assert_eq!(
        reenroll(world, &token, &host, new_key()).await,
        refused(RedeemRefusal::Key(KeyRefusal::Revoked))
    );
    let (host, _, token) = bound(world).await;
    world.revoke(&token).await;
    assert_eq!(reenroll(world, &token, &host, new_key()).await, refused(RedeemRefusal::TokenRevoked));
}

pub(in crate::store) async fn a_former_key_of_a_host_recertifies_nothing(world: &mut World) {
    let (shared, former) = (world.mint_persistent(None).await, new_key());
    let host = world.enroll(&shared, former).await;
    let mut record = world.ephemeral(Some(1));
    record.terms.bindings.host = Some(host.id);
    let token = world.mint(record).await;
    assert_eq!(reenroll(world, &token, &host, new_key()).await, Redeemed::First);
    world.pass(DAY * 2);
    let Renew { next, .. } = world.renewal(&host, host.newest.serial, former);
    let command = Recertify { grant: verified(&shared), next };
    assert_eq!(
        world.store().recertify(command).await.unwrap(),
        Renewed::Refused(RenewRefusal::Key(KeyRefusal::Revoked))
    );
    assert_eq!(world.redeem(&shared, former).await, refused(RedeemRefusal::Key(KeyRefusal::Revoked)));
}

pub(in crate::store) async fn a_new_key_ends_a_quarantine(world: &mut World) {
    let (host, first, token) = bound(world).await;
    world.pass(HOUR / 8);
    let second = new_key();
    assert_eq!(world.renew(&host, host.newest.serial, second).await, Renewed::First);
    world.see(host.id, world.host(host.id).await.newest.serial).await;
    let entry = world.draft(Action::HostQuarantined);
    let quarantine = QuarantineHost { host: host.id, presented: host.newest.serial, most: 20, entry };
    assert_eq!(world.store().quarantine_host(quarantine).await.unwrap(), Quarantining::Quarantined);
    for key in [first, second] {
        let quarantined = refused(RedeemRefusal::Key(KeyRefusal::Quarantined));
        assert_eq!(reenroll(world, &token, &host, key).await, quarantined, "it needs a new key");
    }
    assert_eq!(reenroll(world, &token, &host, new_key()).await, Redeemed::First);
    let after = world.host(host.id).await;
    assert_eq!((after.state(world.now), after.quarantine), (HostState::Active, None));
    assert_eq!(after.facts, host.facts);
    for key in [first, second] {
        assert_eq!(world.store().refused_key(key).await.unwrap(), Some(KeyRefusal::Revoked));
    }
    assert_eq!(world.renew(&after, after.newest.serial, new_key()).await, Renewed::First);
}

fn pattern() -> DnsPattern {
    DnsPattern::parse("node.example.org").unwrap()
}

pub(in crate::store) async fn a_bound_token_withdraws_a_name_of_the_authority(world: &mut World) {
    let first = world.mint_ephemeral(Some(1)).await;
    let host = host_with_own_name(world, &first).await;
    let mut record = world.ephemeral(Some(1));
    (record.terms.bindings.host, record.terms.bindings.dns_names) = (Some(host.id), vec![pattern()]);
    let token = world.mint(record).await;
    world.new_entries().await;
    assert_eq!(
        reenroll(world, &token, &host, new_key()).await,
        refused(RedeemRefusal::Contended),
        "with the name"
    );
    let mut command = reenrollment(world, &token, &host, new_key());
    command.next.withdrawal = Some(world.draft(Action::NameWithdrawn));
    command.next.reached_url = Some("https://new.example.org".to_owned());
    assert_eq!(world.store().reenroll(command).await.unwrap(), Redeemed::First);
    let after = world.host(host.id).await;
    assert_eq!((after.facts.name, after.reached_url.as_deref()), (None, Some("https://new.example.org")));
    world.expect_entries(&[Action::HostReenrolled, Action::NameWithdrawn]).await;
}
