//! Filters and pages of lists, and the newest use of a token.

use std::net::{IpAddr, Ipv4Addr};

use strum::VariantArray as _;

use super::world::*;
use crate::id::{BatchId, HostId, TokenId};
use crate::ledger::Action;
use crate::name::{DnsName, Label};
use crate::store::*;

const SOMEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

async fn tokens(world: &World, filter: &TokenFilter) -> Vec<TokenId> {
    let page = world.store().list_tokens(filter.clone(), PageQuery::new(None, 1000)).await.unwrap();
    assert_eq!(page.next, None);
    sorted(page.items.into_iter().map(|token| token.mint.token.id))
}

/// Sorts ids: tokens of one moment have no known order.
fn sorted(ids: impl IntoIterator<Item = TokenId>) -> Vec<TokenId> {
    let mut ids: Vec<_> = ids.into_iter().collect();
    ids.sort();
    ids
}

fn every(world: &World) -> TokenFilter {
    TokenFilter::every(TokenType::Enrollment, EndedTokens::All, world.now)
}

pub(in crate::store) async fn the_newest_use_is_kept_with_the_token(world: &mut World) {
    let token = world.mint_ephemeral(None).await;
    assert_eq!(world.token(&token).await.unwrap().last_use, None);
    let key = new_key();
    let mut first = world.redemption(&token, key);
    first.admission.address = Some(SOMEWHERE);
    let (host, at) = (first.admission.certificate.host, world.now);
    assert_eq!(world.store().redeem(first).await.unwrap(), Redeemed::First);
    let used = LastUse { at, host, from: Some(SOMEWHERE) };
    assert_eq!(world.token(&token).await.unwrap().last_use, Some(used));

    world.pass(HOUR / 4);
    world.new_entries().await;
    assert!(matches!(world.redeem(&token, key).await, Redeemed::Again(_)));
    assert_eq!(world.token(&token).await.unwrap().last_use, Some(used), "a repeat writes nothing");
    assert!(world.new_entries().await.is_empty());

    let second = world.enroll(&token, new_key()).await;
    let expected = LastUse { at: world.now, host: second.id, from: None };
    let record = world.token(&token).await.unwrap();
    assert_eq!((record.used, record.last_use), (2, Some(expected)));
}

pub(in crate::store) async fn each_filter_shows_its_tokens_and_no_other(world: &mut World) {
    let labelled = |label: &str, record| MintRecord { label: Label::parse(label).unwrap(), ..record };
    let once = world.ephemeral(Some(1));
    let once = world.mint(labelled("Rack \u{c4}9", once)).await;
    let mut lasting = world.persistent(None);
    lasting.terms.roles = roles(&["director"]);
    let purpose = TokenPurpose::Enrollment(TokenKind::Rollout);
    let lasting = world.mint(MintRecord { purpose, ..lasting }).await;
    let foreign = world.ephemeral(None);
    let foreign = world.mint(MintRecord { minter: "user:anna".to_owned(), ..foreign }).await;
    let revoked = world.mint_persistent(None).await;
    world.revoke(&revoked).await;
    let used = world.mint_ephemeral(Some(1)).await;
    world.enroll(&used, new_key()).await;
    let batch = Some(BatchId::generate(world.now));
    let batched = world.persistent(None);
    let batched = world.mint(MintRecord { batch, ..batched }).await;

    let all = every(world);
    let by = |change: &dyn Fn(&mut TokenFilter)| {
        let mut filter = all.clone();
        change(&mut filter);
        filter
    };
    let cases: [(TokenFilter, Vec<&MintRecord>); 12] = [
        (all.clone(), vec![&batched, &used, &revoked, &foreign, &lasting, &once]),
        (by(&|f| f.batch = batch), vec![&batched]),
        (by(&|f| f.batch = Some(BatchId::generate(f.now))), vec![]),
        (by(&|f| f.states = Some(vec![TokenState::Revoked, TokenState::Used])), vec![&used, &revoked]),
        (by(&|f| f.states = Some(vec![TokenState::Pending])), vec![&once]),
        (by(&|f| f.role = roles(&["director"]).pop()), vec![&lasting]),
        (by(&|f| f.label = Some(NameFilter::new("Rack \u{c4}9".to_owned()))), vec![&once]),
        (by(&|f| f.minter = Some("user:anna".to_owned())), vec![&foreign]),
        (by(&|f| f.kinds = Some(vec![TokenKind::Rollout])), vec![&lasting]),
        (by(&|f| f.kinds = Some(vec![TokenKind::Rollout, TokenKind::Emergency])), vec![&lasting]),
        (by(&|f| f.persistent = Some(true)), vec![&batched, &revoked, &lasting]),
        (
            by(&|f| (f.minter, f.persistent) = (Some("user:admin".to_owned()), Some(false))),
            vec![&used, &once],
        ),
    ];
    for (filter, expected) in cases {
        let expected = sorted(expected.into_iter().map(|record| record.token.id));
        assert_eq!(tokens(world, &filter).await, expected, "{filter:?}");
    }
}

pub(in crate::store) async fn unused_tokens_are_neither_new_nor_used(world: &mut World) {
    let (never, used) = (world.mint_persistent(None).await, world.mint_persistent(None).await);
    world.enroll(&used, new_key()).await;
    world.pass(DAY * 20);
    let lately = world.mint_persistent(None).await;
    world.enroll(&lately, new_key()).await;
    let fresh = world.mint_persistent(None).await;
    world.pass(DAY * 15);
    let unused = |world: &World, days: u32| TokenFilter {
        unused_since: Some(world.now.minus(DAY * days)),
        ..every(world)
    };
    assert_eq!(tokens(world, &unused(world, 30)).await, sorted([used.token.id, never.token.id]));
    let all = sorted([fresh.token.id, lately.token.id, used.token.id, never.token.id]);
    assert_eq!(tokens(world, &unused(world, 10)).await, all);
    assert!(tokens(world, &unused(world, 40)).await.is_empty());
    world.enroll(&never, new_key()).await;
    assert_eq!(tokens(world, &unused(world, 30)).await, [used.token.id]);
}

pub(in crate::store) async fn a_pattern_judges_a_bounded_number_of_rows(world: &mut World) {
    let mut minted = Vec::new();
    for number in 0..7 {
        world.pass(HOUR / 60);
        let label = Label::parse(&format!("Rack {number}")).unwrap();
        let record = world.ephemeral(None);
        minted.push(world.mint(MintRecord { label, ..record }).await);
    }
    let label = Some(NameFilter::new("*ACK 1*".to_owned()));
    let sparse = TokenFilter { label, ..every(world) };
    let (mut found, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let query = PageQuery { after, limit: 10, look_at: 3 };
        let page = world.store().list_tokens(sparse.clone(), query).await.unwrap();
        found.extend(page.items.into_iter().map(|token| token.mint.token.id));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((found, pages), (vec![minted[1].token.id], 3));
    let query = PageQuery { after: None, limit: 7, look_at: 7 };
    assert_eq!(world.store().list_tokens(every(world), query).await.unwrap().next, None, "nothing follows");
}

pub(in crate::store) async fn the_next_page_begins_after_the_last_row(world: &mut World) {
    let mut minted = Vec::new();
    for _ in 0..5 {
        world.pass(HOUR / 60);
        minted.push(world.mint_ephemeral(None).await.token.id);
    }
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..3 {
        let page = world.store().list_tokens(every(world), PageQuery::new(after, 2)).await.unwrap();
        found.extend(page.items.into_iter().map(|token| token.mint.token.id));
        after = page.next;
    }
    minted.reverse();
    assert_eq!((found, after), (minted, None));
}

pub(in crate::store) async fn a_filter_by_state_agrees_with_the_records(world: &mut World) {
    let mut suspended = Vec::new();
    for max_uses in [None, Some(1), Some(2)] {
        for uses in 0..=max_uses.unwrap_or(1) {
            let (ended, later) = (world.now.plus(HOUR), world.now.plus(DAY * 9));
            for (expires_at, revoked, due) in [
                (later, false, false),
                (ended, false, false),
                (later, true, false),
                (later, false, true),
                (ended, false, true),
            ] {
                let record = world.ephemeral(max_uses);
                let token = world.mint(until(record, expires_at)).await;
                for _ in 0..uses {
                    world.enroll(&token, new_key()).await;
                }
                if due && world.token(&token).await.unwrap().may_rotate(world.now).is_ok() {
                    let successor = world.ephemeral(None);
                    let successor = RecordMint {
                        record: successor,
                        by: crate::access::Actor::System,
                        entry: world.draft(Action::TokenCreated),
                    };
                    let entry = world.draft(Action::TokenRotated);
                    let revoke_at = Some(world.now.plus(HOUR * 2));
                    let command = RotateToken { token: token.token.id, successor, revoke_at, entry };
                    world.store().rotate_token(command).await.unwrap();
                }
                if revoked {
                    world.revoke(&token).await;
                }
                suspended.extend([token].into_iter().filter(|_| max_uses == Some(2) && !revoked));
            }
        }
    }
    world.suspend(&suspended, &[]);
    world.pass(HOUR * 3);
    let all = world.store().list_tokens(every(world), PageQuery::new(None, 1000)).await.unwrap().items;
    for state in TokenState::VARIANTS.iter().copied() {
        let expected = all.iter().filter(|token| token.state(world.now) == state);
        let expected = sorted(expected.map(|token| token.mint.token.id));
        assert!(!expected.is_empty(), "{state:?}");
        let filter = TokenFilter { states: Some(vec![state]), ..every(world) };
        assert_eq!(tokens(world, &filter).await, expected, "{state:?}");
    }
    let states = Some(vec![TokenState::Active, TokenState::Revoked]);
    let both =
        all.iter().filter(|token| matches!(token.state(world.now), TokenState::Active | TokenState::Revoked));
    let expected = sorted(both.map(|token| token.mint.token.id));
    assert_eq!(tokens(world, &TokenFilter { states, ..every(world) }).await, expected);
}

pub(in crate::store) async fn tokens_and_hosts_are_counted_by_state(world: &mut World) {
    let lasting = world.mint_persistent(None).await;
    let once = world.mint_ephemeral(Some(1)).await;
    world.enroll(&once, new_key()).await;
    world.enroll(&lasting, new_key()).await;
    let mut shared = world.persistent(None);
    shared.terms.expires_at = Some(world.now.plus(DAY * 60));
    let shared = MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::Cluster), ..shared };
    let shared = world.mint(shared).await;
    world.enroll(&shared, new_key()).await;
    world.pass(DAY * 10);
    world.mint_ephemeral(Some(1)).await;
    let revoked = world.mint_persistent(None).await;
    world.revoke(&revoked).await;
    for _ in 0..2 {
        let gone = world.enroll(&lasting, new_key()).await;
        world.revoke_host(gone.id).await;
    }
    for (days, expiring) in [(0, 0), (15, 0), (30, 1)] {
        world.pass(DAY * days);
        let (store, now) = (world.store(), world.now);
        let records = store.list_tokens(every(world), PageQuery::new(None, 100)).await.unwrap().items;
        assert_eq!(records.len(), 5);
        for (state, number) in store.count_tokens(now).await.unwrap() {
            let expected = records.iter().filter(|token| token.state(now) == state).count() as u64;
            assert_eq!(number, expected, "{state:?} after {days} days");
        }
        let soon = records.iter().filter(|token| token.warning(now) == Some(TokenWarning::ExpiresSoon));
        let counted = store.count_expiring_tokens(now).await.unwrap();
        assert_eq!((counted, soon.count() as u64), (expiring, expiring), "after {days} days");
        let hosts = HostFilter::every(None, now);
        let records = store.list_hosts(hosts, PageQuery::new(None, 100)).await.unwrap().items;
        let counts = store.count_hosts(now).await.unwrap();
        assert_eq!(counts.len(), HostState::VARIANTS.len());
        for (state, number) in counts {
            let expected = records.iter().filter(|host| host.state(now) == state).count() as u64;
            assert_eq!(number, expected, "{state:?} after {days} days");
        }
    }
}

pub(in crate::store) async fn a_filter_by_role_follows_changes(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let host = world.enroll(&token, new_key()).await;
    let with = async |world: &World, role: &str| {
        let filter = HostFilter { role: roles(&[role]).pop(), ..HostFilter::every(None, world.now) };
        let page = world.store().list_hosts(filter, PageQuery::new(None, 10)).await.unwrap();
        page.items.into_iter().map(|host| host.id).collect::<Vec<_>>()
    };
    assert_eq!(with(world, "proxy").await, [host.id]);
    world.set_roles(host.id, &["director", "allocator"], false).await;
    assert!(with(world, "proxy").await.is_empty());
    assert_eq!(
        (with(world, "director").await, with(world, "allocator").await),
        (vec![host.id], vec![host.id])
    );
    world.pass(DAY * 200);
    assert_eq!(world.collect().await.hosts, 1);
    assert!(with(world, "director").await.is_empty());
}

pub(in crate::store) async fn hosts_are_found_by_token_role_name_and_state(world: &mut World) {
    let (one, other) = (world.mint_persistent(None).await, world.mint_persistent(None).await);
    let mut admitted = Vec::new();
    for token in [&one, &other, &one] {
        world.pass(HOUR);
        admitted.push(world.enroll(token, new_key()).await.id);
    }
    world.pass(HOUR);
    let mut named = world.redemption(&one, new_key());
    let id = named.admission.certificate.host;
    named.admission.host.name = DnsName::parse("node-1.example.org").ok();
    named.admission.host.roles = roles(&["director"]);
    world.store().redeem(named).await.unwrap();
    world.revoke_host(admitted[2]).await;

    let every = HostFilter::every(None, world.now);
    let named = |name: &str| {
        let name = Some(NameFilter::new(name.to_owned()));
        HostFilter { texts: HostTexts { name, ..HostTexts::ANY }, ..every.clone() }
    };
    let of_one = HostFilter { token: Some(one.token.id), ..every.clone() };
    let live = Some(HostState::LIVE.to_vec());
    let cases: [(HostFilter, Vec<HostId>); 6] = [
        (every.clone(), vec![id, admitted[2], admitted[1], admitted[0]]),
        (of_one.clone(), vec![id, admitted[2], admitted[0]]),
        (HostFilter { states: live, ..of_one }, vec![id, admitted[0]]),
        (HostFilter { role: roles(&["director"]).pop(), ..every.clone() }, vec![id]),
        (named("node-1.example.org"), vec![id]),
        (named("node"), vec![]),
    ];
    for (filter, expected) in cases {
        let page = world.store().list_hosts(filter.clone(), PageQuery::new(None, 10)).await.unwrap();
        let found: Vec<_> = page.items.into_iter().map(|host| host.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let live = world.store().count_live_hosts(vec![one.token.id, other.token.id]).await.unwrap();
    assert_eq!(live, 3);
}
