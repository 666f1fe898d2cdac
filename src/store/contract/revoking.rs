//! Revoking tokens and hosts.

use super::world::*;
use crate::id::HostId;
use crate::ledger::Action;
use crate::store::*;
use crate::token::Status;

pub(in crate::store) async fn a_token_is_revoked_once(world: &mut World) {
    let token = world.mint_ephemeral(None).await;
    assert_eq!(world.revoke(&token).await, TokenRevocation::Revoked { hosts: 0 });
    assert_eq!(world.revoke(&token).await, TokenRevocation::Before { hosts: 0 });
    let unknown = world.ephemeral(None);
    assert_eq!(world.revoke(&unknown).await, TokenRevocation::Unknown);
    assert_eq!(world.token(&token).await.unwrap().revoked_at, Some(world.now));
    assert_eq!(world.store().revocations().revoked_tokens(), 1);
    world.expect_entries(&[Action::TokenCreated, Action::TokenRevoked]).await;
}

pub(in crate::store) async fn the_emergency_token_needs_confirmation(world: &mut World) {
    let record = world.persistent(None);
    let token =
        world.mint(MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..record }).await;
    assert_eq!(world.revoke(&token).await, TokenRevocation::Emergency);
    let confirmed = RevokeToken { how: EVEN_EMERGENCY, ..world.revocation(token.token.id) };
    assert_eq!(world.store().revoke_token(confirmed).await.unwrap(), TokenRevocation::Revoked { hosts: 0 });
    assert_eq!(world.store().emergency_token().await.unwrap(), None);
    world.expect_entries(&[Action::TokenCreated, Action::TokenRevoked]).await;
}

pub(in crate::store) async fn only_persistent_tokens_are_found_if_asked(world: &mut World) {
    let (ephemeral, persistent) = (world.mint_ephemeral(None).await, world.mint_persistent(None).await);
    let only = |token: &MintRecord| RevokeToken {
        how: HowToRevoke { only_persistent: true, ..HowToRevoke::default() },
        ..world.revocation(token.token.id)
    };
    let unknown = world.store().revoke_token(only(&ephemeral)).await.unwrap();
    assert_eq!(unknown, TokenRevocation::Unknown);
    let revoked = world.store().revoke_token(only(&persistent)).await.unwrap();
    assert_eq!(revoked, TokenRevocation::Revoked { hosts: 0 });
}

pub(in crate::store) async fn a_token_is_revoked_as_its_own_type_only(world: &mut World) {
    let key = world.add_service_keys().await;
    let service = world.service(key);
    let (service, enrollment) = (world.mint(service).await, world.mint_ephemeral(None).await);
    let taken = async |world: &World, token: &MintRecord, token_type| {
        let command = RevokeToken { token_type, ..world.revocation(token.token.id) };
        world.store().revoke_token(command).await.unwrap()
    };
    assert_eq!(taken(world, &service, TokenType::Enrollment).await, TokenRevocation::Unknown);
    assert_eq!(taken(world, &enrollment, TokenType::Service).await, TokenRevocation::Unknown);
    assert_eq!(taken(world, &service, TokenType::Service).await, TokenRevocation::Revoked { hosts: 0 });
    assert_eq!(taken(world, &service, TokenType::Service).await, TokenRevocation::Before { hosts: 0 });
    assert_eq!(world.store().revocations().status(service.token.status), Status::Revoked);
    assert_eq!(world.store().revocations().status(enrollment.token.status), Status::Valid);
    assert_eq!(world.token(&service).await.unwrap().state(world.now), TokenState::Revoked);
}

pub(in crate::store) async fn a_token_without_uses_left_stays_as_it_is(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    world.enroll(&token, new_key()).await;
    assert_eq!(world.store().revocations().status(token.token.status), Status::UsedUp);
    world.new_entries().await;
    assert_eq!(world.revoke(&token).await, TokenRevocation::Before { hosts: 0 });
    assert_eq!(world.token(&token).await.unwrap().state(world.now), TokenState::Used);
    let refused = world.redeem(&token, new_key()).await;
    assert_eq!(refused, Redeemed::Refused(RedeemRefusal::TokenSpent));
    world.expect_entries(&[]).await;
    world.restart();
    assert_eq!(world.store().revocations().status(token.token.status), Status::UsedUp);
}

pub(in crate::store) async fn a_revoked_token_leaves_its_hosts_alone(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let host = world.enroll(&token, new_key()).await;
    world.revoke(&token).await;
    assert_eq!(world.host(host.id).await, host);
    assert!(!world.store().revocations().certificate_revoked(host.newest.serial));
    assert_eq!(world.renew(&host, host.newest.serial, new_key()).await, Renewed::First);
}

pub(in crate::store) async fn a_host_is_revoked_with_its_certificates_and_keys(world: &mut World) {
    let token = world.mint_ephemeral(None).await;
    let before = world.enroll(&token, new_key()).await;
    world.renew(&before, before.newest.serial, new_key()).await;
    let host = world.host(before.id).await;
    let mut crl = world.store().revocations().changes();
    crl.mark_unchanged();
    assert_eq!(world.revoke_host(host.id).await, HostRevocation::Revoked);
    assert!(crl.has_changed().unwrap());
    assert_eq!(world.revoke_host(host.id).await, HostRevocation::Before);
    let stranger = HostId::generate(world.now);
    assert_eq!(world.revoke_host(stranger).await, HostRevocation::Unknown);
    let revocations = world.store().revocations();
    assert!(revocations.host_revoked(host.id) && !revocations.host_revoked(stranger));
    for serial in [before.newest.serial, host.newest.serial] {
        assert!(revocations.certificate_revoked(serial));
    }
    let listed = world.store().revoked_certificates(world.now).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|revoked| revoked.reason == RevocationReason::HostRevoked));
    assert!(world.store().revoked_certificates(world.now.plus(DAY * 30)).await.unwrap().is_empty());
    assert_eq!(world.host(host.id).await.revoked_at, Some(world.now));
}

pub(in crate::store) async fn revocations_survive_a_restart(world: &mut World) {
    let (token, kept) = (world.mint_ephemeral(None).await, world.mint_ephemeral(None).await);
    let host = world.enroll(&kept, new_key()).await;
    world.revoke(&token).await;
    world.revoke_host(host.id).await;
    world.restart();
    let revocations = world.store().revocations();
    assert_eq!(revocations.status(token.token.status), Status::Revoked);
    assert_eq!(revocations.status(kept.token.status), Status::Valid);
    assert!(revocations.host_revoked(host.id) && revocations.certificate_revoked(host.newest.serial));
    assert_eq!((revocations.revoked_tokens(), revocations.revoked_certificates()), (1, 1));
}
