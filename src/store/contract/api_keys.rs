//! API keys: their owners, their uses, and the keys and tokens that they created.

use std::net::{IpAddr, Ipv4Addr};

use super::together::{due, rotate};
use super::world::*;
use crate::access::{Limits, Scope, UserRole};
use crate::clock::Timestamp;
use crate::id::ApiKeyId;
use crate::ledger::Action;
use crate::name::Label;
use crate::store::*;
use crate::token::Status;

impl World {
    pub(in crate::store) fn new_api_key(&self, owner: Option<&str>) -> CreateApiKey {
        let key = ApiKeyRecord {
            id: ApiKeyId::generate(self.now),
            terms: ApiKeyTerms {
                label: Label::parse("pipeline").unwrap(),
                scopes: vec![Scope::TokensRead, Scope::TokensWrite],
                limits: Limits::LEAST,
                expires_at: Some(self.now.plus(DAY)),
                audience: owner.map(|_| "https://jobs.example.org".to_owned()),
            },
            owner: owner.map(str::to_owned),
            creator: owner.map_or_else(|| "local".to_owned(), |owner| format!("user:{owner}")),
            created_at: self.now,
            suspended_at: None,
            used: None,
        };
        CreateApiKey { key, digest: [7; 32], entry: self.draft(Action::ApiKeyCreated) }
    }

    /// Creates an API key.
    pub(in crate::store) async fn api_key(&mut self, owner: Option<&str>) -> ApiKeyRecord {
        let command = self.new_api_key(owner);
        let key = command.key.clone();
        assert_eq!(self.store().create_api_key(command).await.unwrap(), ApiKeyCreation::Created);
        self.expect_entries(&[Action::ApiKeyCreated]).await;
        key
    }

    pub(in crate::store) fn key_deletion(
        &self,
        key: ApiKeyId,
        owner: Option<&str>,
        revoke_tokens: bool,
    ) -> DeleteApiKey {
        let (owner, entry) = (owner.map(str::to_owned), self.draft(Action::ApiKeyDeleted));
        DeleteApiKey { key, owner, revoke_tokens, entry }
    }
}

pub(in crate::store) async fn a_key_is_read_with_its_owner_and_listed_for_it(world: &mut World) {
    let owner = world.user("ops", UserRole::Operator, Limits::ANY).await;
    let (of_ops, of_nobody) = (world.api_key(Some("ops")).await, world.api_key(None).await);
    let stored = world.store().api_key(of_ops.id).await.unwrap().unwrap();
    let expected = StoredApiKey { key: of_ops.clone(), digest: [7; 32], owner: Some(owner) };
    assert_eq!(stored, expected);
    assert_eq!(world.store().api_key(of_nobody.id).await.unwrap().unwrap().owner, None);
    let page = PageQuery::new(None, 10);
    let all = world.store().list_api_keys(None, page).await.unwrap().items;
    assert_eq!(all.len(), 2);
    assert!(all[0].id > all[1].id);
    let own = world.store().list_api_keys(Some("ops".to_owned()), page).await.unwrap();
    assert_eq!((own.items, own.next), (vec![of_ops], None));
    let first = world.store().list_api_keys(None, PageQuery::new(None, 1)).await.unwrap();
    assert_eq!((first.items, first.next), (all[..1].to_vec(), Some(all[0].id)));
    let rest = world.store().list_api_keys(None, PageQuery::new(first.next, 1)).await.unwrap();
    assert_eq!((rest.items, rest.next), (all[1..].to_vec(), None));
}

pub(in crate::store) async fn a_deleted_key_takes_its_live_tokens_along_if_asked(world: &mut World) {
    let store = world.shared();
    let key = world.api_key(None).await;
    let minter = format!("api_key:{}", key.id);
    let of_key = |record| MintRecord { minter: minter.clone(), ..record };
    let records = [
        of_key(world.ephemeral(Some(2))),
        of_key(world.ephemeral(Some(1))),
        of_key(world.ephemeral(Some(1))),
        of_key(world.ephemeral(Some(1))),
        of_key(world.persistent(None)),
        world.ephemeral(Some(1)),
    ];
    let mut tokens = Vec::new();
    for record in records {
        tokens.push(world.mint(record).await);
    }
    // One token is spent, one is revoked. One has just expired, but a host with a slow clock may still redeem it.
    world.enroll(&tokens[1], new_key()).await;
    world.revoke(&tokens[2]).await;
    let at = tokens[0].terms.expires_at.unwrap();
    let late = of_key(until(world.ephemeral(Some(1)), at.minus(HOUR)));
    let late = world.mint(late).await;
    world.new_entries().await;
    world.now = late.terms.expires_at.unwrap().plus(std::time::Duration::from_secs(30));
    let gone = store.delete_api_key(world.key_deletion(key.id, None, true)).await.unwrap();
    assert_eq!(gone, Some(Removal { api_keys: 0, tokens: 4 }));
    let refused = Redeemed::Refused(RedeemRefusal::TokenRevoked);
    assert_eq!(world.redeem(&tokens[4], new_key()).await, refused, "at once, whenever it is revoked");
    assert_eq!(world.token(&tokens[4]).await.unwrap().state(world.now), TokenState::Revoked);
    let ended = TokenRotation::Refused(RotationRefusal::Ended(TokenState::Revoked));
    assert_eq!(
        rotate(world, &tokens[4], Some(HOUR)).await.0,
        ended,
        "it has no successor that would live on"
    );
    world.expect_entries(&[Action::ApiKeyDeleted]).await;
    drop(store);
    world.restart();
    assert_eq!(due(world).await, 4);
    world.expect_entries(&[Action::TokenRevoked; 4]).await;
    for (place, token) in tokens.iter().enumerate() {
        let revoked = world.token(token).await.unwrap().revoked_at.is_some();
        assert_eq!(revoked, matches!(place, 0 | 2 | 3 | 4), "{place}");
    }
    let store = world.shared();
    assert_eq!(store.revocations().status(late.token.status), Status::Revoked);
    assert_eq!(store.revocations().status(tokens[4].token.status), Status::Revoked);
    assert_eq!(store.revocations().status(tokens[5].token.status), Status::Valid);
    let again = store.delete_api_key(world.key_deletion(key.id, None, true)).await.unwrap();
    assert_eq!(again, None);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn a_deleted_key_takes_the_keys_it_created(world: &mut World) {
    let store = world.shared();
    let (first, other) = (world.api_key(None).await, world.api_key(None).await);
    let mut chain = vec![first.clone()];
    for maker in [0, 0, 1, 3] {
        let command = world.new_api_key(None);
        let creator = format!("api_key:{}", chain[maker].id);
        let key = ApiKeyRecord { creator, ..command.key };
        store.create_api_key(CreateApiKey { key: key.clone(), ..command }).await.unwrap();
        chain.push(key);
    }
    let minter = format!("api_key:{}", chain[4].id);
    let minted = MintRecord { minter, ..world.persistent(None) };
    let minted = world.mint(minted).await;
    world.new_entries().await;
    let gone = store.delete_api_key(world.key_deletion(first.id, None, true)).await.unwrap();
    assert_eq!(gone, Some(Removal { api_keys: 4, tokens: 1 }));
    for key in &chain {
        assert!(store.api_key(key.id).await.unwrap().is_none());
    }
    assert!(store.api_key(other.id).await.unwrap().is_some());
    let entries = world.new_entries().await;
    assert_eq!(entries.len(), 1);
    let entry = String::from_utf8_lossy(&entries[0].bytes);
    assert!(chain[1..].iter().all(|key| entry.contains(&key.id.to_string())), "{entry}");
    assert_eq!(due(world).await, 1);
    assert!(world.token(&minted).await.unwrap().revoked_at.is_some());
}

pub(in crate::store) async fn the_emergency_token_outlives_its_minter(world: &mut World) {
    let key = world.api_key(None).await;
    let minter = format!("api_key:{}", key.id);
    let emergency = MintRecord {
        purpose: TokenPurpose::Enrollment(TokenKind::Emergency),
        minter,
        ..world.persistent(None)
    };
    let emergency = world.mint(emergency).await;
    let gone = world.store().delete_api_key(world.key_deletion(key.id, None, true)).await.unwrap();
    assert_eq!(gone, Some(Removal { api_keys: 0, tokens: 0 }));
    assert_eq!(world.token(&emergency).await.unwrap().revoked_at, None);
}

pub(in crate::store) async fn a_key_of_another_owner_is_not_found(world: &mut World) {
    let store = world.shared();
    world.user("ops", UserRole::Operator, Limits::ANY).await;
    for key in [world.api_key(Some("admin")).await, world.api_key(None).await] {
        let wrong = store.delete_api_key(world.key_deletion(key.id, Some("ops"), true)).await.unwrap();
        assert_eq!(wrong, None);
        world.expect_entries(&[]).await;
        let right = store.delete_api_key(world.key_deletion(key.id, None, true)).await.unwrap();
        assert_eq!(right, Some(Removal { api_keys: 0, tokens: 0 }));
        world.expect_entries(&[Action::ApiKeyDeleted]).await;
    }
}

pub(in crate::store) async fn the_latest_use_of_a_key_stays(world: &mut World) {
    let store = world.shared();
    let key = world.api_key(None).await;
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let unknown = ApiKeyId::generate(world.now);
    let mark = |at: Timestamp| {
        let api_keys = vec![(unknown, at, here), (key.id, at, here)];
        RecordUses { api_keys, sessions: Vec::new() }
    };
    let later = world.now.plus(HOUR);
    store.record_uses(mark(later)).await.unwrap();
    store.record_uses(mark(world.now)).await.unwrap();
    assert_eq!(store.api_key(key.id).await.unwrap().unwrap().key.used, Some((later, here)));
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn the_number_of_keys_per_owner_is_bounded(world: &mut World) {
    let store = world.shared();
    for owner in [Some("admin"), None] {
        for _ in 0..MOST_API_KEYS {
            let made = store.create_api_key(world.new_api_key(owner)).await.unwrap();
            assert_eq!(made, ApiKeyCreation::Created);
        }
        let more = store.create_api_key(world.new_api_key(owner)).await.unwrap();
        assert_eq!(more, ApiKeyCreation::TooMany);
        assert_eq!(world.new_entries().await.len(), MOST_API_KEYS as usize);
    }
}

pub(in crate::store) async fn an_expired_key_is_collected_after_retention(world: &mut World) {
    let (short, mut long) = (world.api_key(None).await, world.new_api_key(None));
    long.key.terms.expires_at = None;
    let id = long.key.id;
    world.store().create_api_key(long).await.unwrap();
    world.pass(DAY * 8 - HOUR);
    assert_eq!(world.collect().await.api_keys, 0);
    world.pass(HOUR);
    assert_eq!(world.collect().await.api_keys, 1);
    assert!(world.store().api_key(short.id).await.unwrap().is_none());
    assert!(world.store().api_key(id).await.unwrap().is_some());
}
