//! Revoking tokens with their hosts, revoking many hosts, and tokens with a successor.

use super::world::*;
use crate::access::Actor;
use crate::id::{HostId, TokenId};
use crate::ledger::Action;
use crate::store::*;
use crate::token::Status;

fn revocation(world: &World, tokens: &[TokenId], hosts: bool) -> RevokeTokens {
    let entry = world.draft(Action::TokenRevoked);
    RevokeTokens { tokens: tokens.to_vec(), hosts, entry }
}

async fn revoke(world: &World, tokens: &[TokenId], hosts: bool) -> TokensRevoked {
    world.store().revoke_tokens(revocation(world, tokens, hosts)).await.unwrap()
}

pub(in crate::store) async fn a_token_goes_with_its_hosts_if_asked(world: &mut World) {
    let (token, other) = (world.mint_persistent(None).await, world.mint_persistent(None).await);
    let key = new_key();
    let (first, second) = (world.enroll(&token, key).await, world.enroll(&token, new_key()).await);
    let stranger = world.enroll(&other, new_key()).await;
    world.revoke_host(second.id).await;
    world.new_entries().await;

    let done = revoke(world, &[token.token.id], true).await;
    assert_eq!(done, TokensRevoked { tokens: 1, hosts: 1, ..TokensRevoked::default() });
    let entries = world.new_entries().await;
    let found: Vec<_> =
        entries.iter().map(|entry| (entry.action.as_str(), entry.token, entry.host)).collect();
    let expected = [
        ("token_revoked", Some(token.token.id), None),
        ("host_revoked", Some(token.token.id), Some(first.id)),
    ];
    assert_eq!(found, expected);
    assert_eq!(world.host(first.id).await.revoked_at, Some(world.now));
    assert_eq!(world.host(stranger.id).await.revoked_at, None);
    let revocations = world.store().revocations();
    assert!(revocations.certificate_revoked(first.newest.serial));
    assert!(!revocations.certificate_revoked(stranger.newest.serial));
    assert_eq!(world.redeem(&other, key).await, Redeemed::Refused(RedeemRefusal::Key(KeyRefusal::Revoked)));

    assert_eq!(
        revoke(world, &[token.token.id], true).await,
        TokensRevoked::default(),
        "nothing is left to do"
    );
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn the_hosts_of_a_token_that_was_revoked_before_go_too(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    let host = world.enroll(&token, new_key()).await;
    world.revoke(&token).await;
    world.new_entries().await;
    let done = revoke(world, &[token.token.id], true).await;
    assert_eq!((done.tokens, done.hosts), (0, 1));
    world.expect_entries(&[Action::HostRevoked]).await;
    assert!(world.host(host.id).await.revoked_at.is_some());
}

pub(in crate::store) async fn tokens_go_together_and_leave_hosts_and_the_emergency_token(world: &mut World) {
    let record = world.persistent(None);
    let emergency =
        world.mint(MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..record }).await;
    let (one, two) = (world.mint_ephemeral(None).await, world.mint_persistent(None).await);
    let host = world.enroll(&two, new_key()).await;
    world.revoke(&one).await;
    world.new_entries().await;
    let unknown = world.ephemeral(None).token.id;
    let done = revoke(world, &[emergency.token.id, one.token.id, two.token.id, unknown], false).await;
    assert_eq!(done, TokensRevoked { tokens: 1, hosts: 0, unknown: 1, emergency: true });
    world.expect_entries(&[Action::TokenRevoked]).await;
    assert_eq!(world.store().revocations().status(two.token.status), Status::Revoked);
    assert_eq!(world.store().revocations().status(emergency.token.status), Status::Valid);
    assert_eq!(world.host(host.id).await.revoked_at, None);
}

pub(in crate::store) async fn one_token_and_many_follow_the_same_rules(world: &mut World) {
    let record = world.persistent(None);
    let emergency =
        world.mint(MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..record }).await;
    let host = world.enroll(&emergency, new_key()).await;
    let with_hosts = |world: &World, even_emergency| RevokeToken {
        how: HowToRevoke { hosts: true, even_emergency, only_persistent: false },
        ..world.revocation(emergency.token.id)
    };
    world.new_entries().await;
    let live = world.store().revoke_token(with_hosts(world, false)).await.unwrap();
    assert_eq!(live, TokenRevocation::Emergency);
    let together = revoke(world, &[emergency.token.id], true).await;
    assert_eq!(together, TokensRevoked { emergency: true, ..TokensRevoked::default() });
    world.expect_entries(&[]).await;
    assert_eq!(world.host(host.id).await.revoked_at, None);

    let confirmed = RevokeToken { how: EVEN_EMERGENCY, ..with_hosts(world, true) };
    let revoked = world.store().revoke_token(confirmed).await.unwrap();
    assert_eq!(revoked, TokenRevocation::Revoked { hosts: 0 });
    assert_eq!(world.revoke(&emergency).await, TokenRevocation::Before { hosts: 0 });
    let other = world.mint_persistent(None).await;
    let second = world.enroll(&other, new_key()).await;
    let alone = world.store().revoke_token(with_hosts(world, false)).await.unwrap();
    assert_eq!(alone, TokenRevocation::Before { hosts: 1 }, "what is revoked needs no confirmation");
    assert!(world.host(host.id).await.revoked_at.is_some());
    assert_eq!(world.host(second.id).await.revoked_at, None);
    let again = world.store().revoke_token(with_hosts(world, false)).await.unwrap();
    assert_eq!(again, TokenRevocation::Before { hosts: 0 });
}

pub(in crate::store) async fn a_revoked_emergency_tokens_hosts_go_with_many(world: &mut World) {
    let record = world.persistent(None);
    let emergency =
        world.mint(MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..record }).await;
    let host = world.enroll(&emergency, new_key()).await;
    let confirmed = RevokeToken { how: EVEN_EMERGENCY, ..world.revocation(emergency.token.id) };
    world.store().revoke_token(confirmed).await.unwrap();
    world.new_entries().await;
    let done = revoke(world, &[emergency.token.id], true).await;
    assert_eq!(done, TokensRevoked { hosts: 1, ..TokensRevoked::default() });
    world.expect_entries(&[Action::HostRevoked]).await;
    assert!(world.host(host.id).await.revoked_at.is_some());
}

pub(in crate::store) async fn hosts_go_together_each_with_its_entry(world: &mut World) {
    let token = world.mint_ephemeral(None).await;
    let mut hosts = Vec::new();
    for _ in 0..3 {
        hosts.push(world.enroll(&token, new_key()).await.id);
    }
    world.revoke_host(hosts[0]).await;
    world.new_entries().await;
    let all = [hosts.clone(), vec![HostId::generate(world.now)]].concat();
    let command = |hosts| RevokeHosts { hosts, entry: world.draft(Action::HostRevoked) };
    let done = world.store().revoke_hosts(command(all.clone())).await.unwrap();
    assert_eq!(done, HostsRevoked { hosts: 2, unknown: 1 });
    let again = world.store().revoke_hosts(command(all)).await.unwrap();
    assert_eq!(again, HostsRevoked { hosts: 0, unknown: 1 });
    let found: Vec<_> = world.new_entries().await.iter().map(|entry| entry.host.unwrap()).collect();
    assert_eq!(found, hosts[1..]);
}

pub(in crate::store) async fn rotate(
    world: &mut World,
    token: &MintRecord,
    after: Option<std::time::Duration>,
) -> (TokenRotation, MintRecord) {
    let successor = world.persistent(token.terms.max_uses);
    let entry = world.draft(Action::TokenCreated).about(about_token(successor.token.id));
    let command = RotateToken {
        token: token.token.id,
        successor: RecordMint { record: successor.clone(), by: Actor::System, entry },
        revoke_at: after.map(|after| world.now.plus(after)),
        entry: world.draft(Action::TokenRotated).about(about_token(token.token.id)),
    };
    (world.store().rotate_token(command).await.unwrap(), successor)
}

/// Revokes due tokens and returns their number.
pub(in crate::store) async fn due(world: &World) -> u64 {
    let command = RevokeDue { now: world.now, most: 100 };
    world.store().revoke_due(command).await.unwrap().tokens
}

pub(in crate::store) async fn a_rotated_token_is_revoked_when_its_overlap_is_over(world: &mut World) {
    let token = world.mint_persistent(None).await;
    world.new_entries().await;
    assert_eq!(world.store().next_due_revocation().await.unwrap(), None);
    let (done, successor) = rotate(world, &token, Some(DAY)).await;
    assert_eq!(done, TokenRotation::Rotated);
    world.expect_entries(&[Action::TokenCreated, Action::TokenRotated]).await;
    let record = world.token(&token).await.unwrap();
    assert_eq!((record.replaced_by, record.revoke_at), (Some(successor.token.id), Some(world.now.plus(DAY))));
    world.enroll(&token, new_key()).await;
    world.enroll(&successor, new_key()).await;
    world.new_entries().await;

    world.pass(DAY - HOUR);
    assert_eq!(due(world).await, 0);
    world.pass(HOUR);
    world.restart();
    let refused = Redeemed::Refused(RedeemRefusal::TokenRevoked);
    assert_eq!(world.redeem(&token, new_key()).await, refused, "from its time on, whenever it is revoked");
    assert_eq!(world.store().next_due_revocation().await.unwrap(), Some(world.now));
    assert_eq!((due(world).await, due(world).await), (1, 0));
    let entries = world.new_entries().await;
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].action.as_str(), entries[0].origin.actor.as_str()),
        ("token_revoked", "user:admin")
    );
    assert_eq!(world.store().revocations().status(token.token.status), Status::Revoked);
    assert_eq!(world.redeem(&token, new_key()).await, refused);
    world.enroll(&successor, new_key()).await;
    assert_eq!(world.store().next_due_revocation().await.unwrap(), None);
}

pub(in crate::store) async fn an_ended_rotated_token_is_not_revoked(world: &mut World) {
    let (used, expired) = (world.mint_ephemeral(Some(1)).await, world.mint_ephemeral(None).await);
    for token in [&used, &expired] {
        assert_eq!(rotate(world, token, Some(DAY)).await.0, TokenRotation::Rotated);
    }
    world.enroll(&used, new_key()).await;
    world.pass(DAY);
    world.new_entries().await;
    assert_eq!(due(world).await, 0);
    world.expect_entries(&[]).await;
    assert_eq!(world.store().next_due_revocation().await.unwrap(), None);
    for (token, state) in [(&used, TokenState::Used), (&expired, TokenState::Expired)] {
        let record = world.token(token).await.unwrap();
        assert_eq!((record.state(world.now), record.revoke_at), (state, None));
    }
}

pub(in crate::store) async fn without_an_overlap_the_token_goes_at_once(world: &mut World) {
    let token = world.mint_persistent(Some(3)).await;
    world.new_entries().await;
    let (done, successor) = rotate(world, &token, None).await;
    assert_eq!(done, TokenRotation::Rotated);
    world.expect_entries(&[Action::TokenCreated, Action::TokenRotated, Action::TokenRevoked]).await;
    let record = world.token(&token).await.unwrap();
    assert_eq!((record.replaced_by, record.revoked_at), (Some(successor.token.id), Some(world.now)));
    assert_eq!(due(world).await, 0);
}

pub(in crate::store) async fn a_token_has_one_successor_and_none_after_its_end(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let (_, successor) = rotate(world, &token, Some(DAY)).await;
    let used = world.mint_ephemeral(Some(1)).await;
    world.enroll(&used, new_key()).await;
    let expired = world.mint_ephemeral(None).await;
    world.pass(HOUR * 2);
    let revoked = world.mint_persistent(None).await;
    world.revoke(&revoked).await;
    let record = world.persistent(None);
    let emergency =
        world.mint(MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Emergency), ..record }).await;
    let unknown = world.persistent(None);
    world.new_entries().await;
    for (token, expected) in [
        (&token, RotationRefusal::Before(successor.token.id)),
        (&used, RotationRefusal::Ended(TokenState::Used)),
        (&expired, RotationRefusal::Ended(TokenState::Expired)),
        (&revoked, RotationRefusal::Ended(TokenState::Revoked)),
        (&emergency, RotationRefusal::Emergency),
        (&unknown, RotationRefusal::Unknown),
    ] {
        let (outcome, refused) = rotate(world, token, Some(DAY)).await;
        assert_eq!(outcome, TokenRotation::Refused(expected));
        assert_eq!(world.token(&refused).await, None, "no successor is left behind");
    }
    world.expect_entries(&[]).await;
}
