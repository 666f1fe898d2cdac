//! Recording mints and listing them.

use super::policies;
use super::world::*;
use crate::access::Actor;
use crate::approval::Approval;
use crate::id::{FleetKeyId, HostId, ListId, Thumbprint, TokenId};
use crate::ledger::Action;
use crate::name::{Cluster, DnsPattern};
use crate::store::*;
use crate::token::{Bindings, Terms};

pub(in crate::store) async fn a_mint_is_read_back_as_it_was_recorded(world: &mut World) {
    let policy = world.policy(policies::plain("edge")).await.id;
    let plain = world.persistent(Some(3));
    let full = MintRecord {
        purpose: TokenPurpose::Enrollment(TokenKind::Emergency),
        terms: Terms {
            roles: roles(&["proxy", "allocator"]),
            persistent: true,
            expires_at: Some(world.now.plus(DAY)),
            max_uses: Some(3),
            bindings: Bindings {
                host: Some(HostId::generate(world.now)),
                cluster: Some(Cluster::parse("c-1").unwrap()),
                dns_names: vec![DnsPattern::parse("*.nodes.example.org").unwrap()],
            },
            host_key: Some(Thumbprint::of(b"key")),
            policy: Some(policy),
            approval: Approval::Warn,
        },
        ..plain
    };
    world.mint(full.clone()).await;
    let expected = TokenRecord {
        mint: full.clone(),
        used: 0,
        revoked_at: None,
        suspended_at: None,
        last_use: None,
        replaced_by: None,
        revoke_at: None,
        fleet_key: Some(FleetKeyId::FIRST),
        fleet_removed: false,
    };
    assert_eq!(world.token(&full).await.as_ref(), Some(&expected));
    assert_eq!(world.store().emergency_token().await.unwrap(), Some(expected));
    let unknown = world.ephemeral(None);
    assert_eq!(world.token(&unknown).await, None);
    world.expect_entries(&[Action::TokenCreated]).await;
}

async fn listed(world: &World, ended: EndedTokens, after: Option<TokenId>) -> Vec<TokenId> {
    listed_as(world, TokenType::Enrollment, ended, after).await
}

async fn listed_as(
    world: &World,
    token_type: TokenType,
    ended: EndedTokens,
    after: Option<TokenId>,
) -> Vec<TokenId> {
    let filter = TokenFilter::every(token_type, ended, world.now);
    let tokens =
        world.store().list_tokens(filter, PageQuery::new(after.map(Position::by_id), 3)).await.unwrap();
    tokens.items.into_iter().map(|token| token.mint.token.id).collect()
}

pub(in crate::store) async fn lists_are_newest_first_and_hide_ended_tokens(world: &mut World) {
    let mut minted = Vec::new();
    for _ in 0..5 {
        world.pass(HOUR / 60);
        minted.push(world.mint_ephemeral(Some(1)).await);
    }
    let ids: Vec<_> = minted.iter().rev().map(|token| token.token.id).collect();
    assert_eq!(listed(world, EndedTokens::All, None).await, ids[..3]);
    assert_eq!(listed(world, EndedTokens::All, Some(ids[2])).await, ids[3..]);

    world.revoke(&minted[4]).await;
    world.enroll(&minted[3], new_key()).await;
    let before = world.now.minus(HOUR);
    assert_eq!(
        listed(world, EndedTokens::Since(before), None).await,
        ids[..3],
        "recently ended ones are shown"
    );
    assert_eq!(
        listed(world, EndedTokens::Since(world.now), None).await,
        ids[2..],
        "neither revoked nor used up"
    );
    world.pass(HOUR * 2);
    assert!(listed(world, EndedTokens::Since(world.now), None).await.is_empty(), "expired");
    assert_eq!(world.token(&minted[4]).await.unwrap().state(world.now), TokenState::Revoked);
    assert_eq!(world.token(&minted[3]).await.unwrap().state(world.now), TokenState::Used);
    assert_eq!(world.token(&minted[2]).await.unwrap().state(world.now), TokenState::Expired);
}

pub(in crate::store) async fn only_live_persistent_tokens_are_listed_as_such(world: &mut World) {
    world.mint_ephemeral(None).await;
    let first = world.mint_persistent(None).await;
    let expiring = world.persistent(None);
    let expiring = world.mint(until(expiring, world.now.plus(HOUR))).await;
    world.pass(HOUR / 2);
    let revoked = world.mint_persistent(None).await;
    world.revoke(&revoked).await;
    let used_up = world.mint_persistent(Some(1)).await;
    world.enroll(&used_up, new_key()).await;
    let mut live = world.store().list_persistent(world.now).await.unwrap();
    live.sort_unstable();
    let of = |record: &MintRecord| (record.token.id, record.terms.roles.clone());
    let mut expected = [of(&first), of(&expiring)];
    expected.sort_unstable();
    assert_eq!(live, expected);
    world.pass(HOUR);
    assert_eq!(
        world.store().list_persistent(world.now).await.unwrap(),
        [(first.token.id, first.terms.roles)]
    );
}

pub(in crate::store) async fn a_mint_needs_its_list(world: &mut World) {
    let mut record = world.ephemeral(None);
    record.token.status.list = ListId::generate(world.now);
    let entry = world.draft(Action::TokenCreated);
    let command = RecordMint { record: record.clone(), by: Actor::System, entry: entry.clone() };
    assert!(matches!(world.store().record_mint(command).await, Err(StoreError::Damaged { .. })));
    record.token.status.list = world.persistent;
    let wrong_kind = RecordMint { record: record.clone(), by: Actor::System, entry };
    assert!(matches!(world.store().record_mint(wrong_kind).await, Err(StoreError::Damaged { .. })));
    assert_eq!(world.token(&record).await, None);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn an_index_is_never_given_again(world: &mut World) {
    let mut record = world.ephemeral(None);
    record.token.status.index = 5000;
    world.mint(record).await;
    let early = world.ephemeral(None);
    world.mint(early).await;
    let fresh = ListRecord { id: ListId::generate(world.now), kind: ListKind::Ephemeral, next: 0 };
    world.store().open_list(OpenList { list: fresh }).await.unwrap();
    world.restart();
    let lists = world.store().lists().await.unwrap();
    let next = |id| lists.iter().find(|list| list.id == id).unwrap().next;
    assert_eq!((next(world.ephemeral), next(fresh.id)), (5001, 0));
}

pub(in crate::store) async fn each_type_of_token_is_listed_by_itself(world: &mut World) {
    let key = world.add_service_keys().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        world.pass(HOUR / 60);
        world.mint_ephemeral(None).await;
        let record = world.service(key);
        ids.insert(0, world.mint(record).await.token.id);
    }
    let listed = async |world: &World, ended, after| listed_as(world, TokenType::Service, ended, after).await;
    assert_eq!(listed(world, EndedTokens::All, None).await, ids[..3]);
    assert_eq!(listed(world, EndedTokens::All, Some(ids[2])).await, ids[3..]);
    let enrollment = listed_as(world, TokenType::Enrollment, EndedTokens::All, None).await;
    assert!(enrollment.len() == 3 && enrollment.iter().all(|id| !ids.contains(id)));
    let token = world.store().token(ids[0]).await.unwrap().unwrap();
    assert_eq!((token.mint.token_type(), token.state(world.now)), (TokenType::Service, TokenState::Active));
    assert_eq!(token.mint.audience(), Some("https://jobs.example.org"));
    world.pass(HOUR * 2);
    assert!(listed(world, EndedTokens::Since(world.now), None).await.is_empty(), "expired");
}

pub(in crate::store) async fn a_token_is_signed_by_a_key_of_its_own_type(world: &mut World) {
    let key = world.add_service_keys().await;
    let (service, enrollment) = (world.service(world.current), world.ephemeral(None));
    for record in [service, MintRecord { signing_key: key, ..enrollment }] {
        let entry = world.draft(Action::TokenCreated);
        let command = RecordMint { record: record.clone(), by: Actor::System, entry };
        assert_eq!(world.store().record_mint(command).await.unwrap(), MintOutcome::KeyGone);
        assert_eq!(world.token(&record).await, None);
    }
    world.expect_entries(&[]).await;
}
