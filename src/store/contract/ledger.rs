//! One entry for each act that changes something, in the same commit (I8).

use super::world::*;
use crate::id::{HostId, RequestId, TokenId};
use crate::ledger::{Action, Draft, Outcome, Subjects};
use crate::store::*;

pub(in crate::store) async fn every_act_has_exactly_one_entry(world: &mut World) {
    let token = world.mint_ephemeral(Some(2)).await;
    world.expect_entries(&[Action::TokenCreated]).await;
    let host = world.enroll(&token, new_key()).await;
    world.expect_entries(&[Action::HostEnrolled]).await;
    world.renew(&host, host.newest.serial, new_key()).await;
    world.expect_entries(&[Action::HostRenewed]).await;
    world.set_roles(host.id, &[], false).await;
    world.expect_entries(&[Action::HostRolesChanged]).await;
    world.revoke_host(host.id).await;
    world.expect_entries(&[Action::HostRevoked]).await;
    world.revoke(&token).await;
    world.expect_entries(&[Action::TokenRevoked]).await;
    world.store().set_password(world.password("admin", "new")).await.unwrap();
    world.expect_entries(&[Action::PasswordSet]).await;
    let refused = Draft::refused(Action::TokenRefused, world.now, "token:x", "token_expired");
    let entries = vec![refused.clone(), refused];
    world.store().append_entries(AppendEntries { entries }).await.unwrap();
    world.expect_entries(&[Action::TokenRefused, Action::TokenRefused]).await;
}

pub(in crate::store) async fn refusals_and_repeats_leave_no_entry(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    let key = new_key();
    let host = world.enroll(&token, key).await;
    world.revoke(&token).await;
    world.new_entries().await;
    world.redeem(&token, new_key()).await;
    world.redeem(&token, key).await;
    world.revoke(&token).await;
    world.set_roles(host.id, &["proxy"], false).await;
    world.see(host.id, host.newest.serial).await;
    world.store().mark_clock(MarkClock { at: world.now }).await.unwrap();
    world.store().next_crl_number(NextCrlNumber { ski: vec![1] }).await.unwrap();
    world.collect().await;
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn entries_are_read_in_order_and_backwards(world: &mut World) {
    let entries = (0..5).map(|number| {
        let mut draft = Draft::refused(Action::TokenRefused, world.now, "token:x", "token_expired");
        draft.origin.request = Some(RequestId::generate(world.now));
        draft.origin.address = Some([192, 0, 2, number].into());
        draft
    });
    let command = AppendEntries { entries: entries.collect() };
    let drafts = command.entries.clone();
    world.store().append_entries(command).await.unwrap();
    let store = world.shared();
    let list = async |before, limit| {
        store.list_entries(EntryFilter::default(), PageQuery::new(before, limit)).await.unwrap()
    };
    let Page { items: newest, next } = list(None, 3).await;
    assert_eq!(next, Some(5));
    assert_eq!(newest.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [7, 6, 5]);
    assert_eq!(&newest[0].origin, &drafts[4].origin);
    assert_eq!((newest[0].outcome.as_str(), newest[0].reason.as_str()), ("refused", "token_expired"));
    let Page { items: older, next } = list(Some(5), 10).await;
    assert_eq!(next, None);
    assert_eq!(older.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4, 3, 2, 1]);
    let head = store.chain_head().await.unwrap();
    assert_eq!((head.seq, head.hash), (7, newest[0].hash));
    drop(store);
    world.restart();
    assert_eq!(world.store().chain_head().await.unwrap(), head, "the chain goes on");
    assert_eq!(world.store().entries_after(head.chain, 5, 10).await.unwrap().len(), 2);
}

#[expect(clippy::needless_pass_by_ref_mut, reason = "the suite calls every case alike")]
pub(in crate::store) async fn entries_are_found_by_every_condition(world: &mut World) {
    let (token, host) = (TokenId::generate(world.now), HostId::generate(world.now));
    let minutes = |minutes: u32| world.now.plus(HOUR / 60 * minutes);
    let acts = [
        (Action::TokenCreated, "user:anna", Subjects::token(token)),
        (Action::HostEnrolled, "token:x", Subjects::host(host).with_token(token)),
        (Action::HostRenewed, "host:x", Subjects::host(host)),
    ];
    let mut entries: Vec<_> = (0..)
        .zip(acts)
        .map(|(minute, (action, actor, about))| Draft::done(action, minutes(minute), actor).about(about))
        .collect();
    entries.push(Draft::refused(Action::TokenRefused, minutes(3), "token:x", "token_expired"));
    let first = world.store().chain_head().await.unwrap().seq;
    world.store().append_entries(AppendEntries { entries }).await.unwrap();

    let after = EntryFilter { after: Some(first), ..EntryFilter::default() };
    let cases: [(EntryFilter, &[u64]); 9] = [
        (after.clone(), &[4, 3, 2, 1]),
        (EntryFilter { after: Some(first + 3), ..after.clone() }, &[4]),
        (EntryFilter { actor: Some("token:x".to_owned()), ..after.clone() }, &[4, 2]),
        (EntryFilter { action: Some(Action::HostRenewed), ..after.clone() }, &[3]),
        (EntryFilter { outcome: Some(Outcome::Refused), ..after.clone() }, &[4]),
        (EntryFilter { token: Some(token), ..after.clone() }, &[2, 1]),
        (EntryFilter { host: Some(host), ..after.clone() }, &[3, 2]),
        (EntryFilter { since: Some(minutes(1)), until: Some(minutes(3)), ..after.clone() }, &[3, 2]),
        (EntryFilter { actor: Some("token".to_owned()), ..after }, &[]),
    ];
    for (filter, expected) in cases {
        let page = world.store().list_entries(filter.clone(), PageQuery::new(None, 10)).await.unwrap();
        let found: Vec<_> = page.items.iter().map(|entry| entry.seq - first).collect();
        assert_eq!((found.as_slice(), page.next), (expected, None), "{filter:?}");
        let head = world.store().chain_head().await.unwrap();
        let all = world.store().entries_after(head.chain, first, 10).await.unwrap();
        let matching = all.iter().rev().filter(|entry| filter.matches(entry));
        assert_eq!(matching.map(|entry| entry.seq - first).collect::<Vec<_>>(), expected, "{filter:?}");
    }
    let few = PageQuery { look_at: 2, ..PageQuery::new(None, 10) };
    let sparse = EntryFilter { action: Some(Action::TokenCreated), ..EntryFilter::default() };
    let page = world.store().list_entries(sparse, few).await.unwrap();
    assert_eq!((page.items.len(), page.next), (0, Some(first + 3)), "the list goes on");
}
