//! One entry for each act that changes something, in the same commit (I8).

use super::world::*;
use crate::id::RequestId;
use crate::ledger::{Action, Draft};
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
    let newest = store.newest_entries(None, 3).await.unwrap();
    assert_eq!(newest.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [7, 6, 5]);
    assert_eq!(&newest[0].origin, &drafts[4].origin);
    assert_eq!((newest[0].outcome.as_str(), newest[0].reason.as_str()), ("refused", "token_expired"));
    let older = store.newest_entries(Some(5), 10).await.unwrap();
    assert_eq!(older.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4, 3, 2, 1]);
    let head = store.chain_head().await.unwrap();
    assert_eq!((head.seq, head.hash), (7, newest[0].hash));
    drop(store);
    world.restart();
    assert_eq!(world.store().chain_head().await.unwrap(), head, "the chain goes on");
    assert_eq!(world.store().entries_after(head.chain, 5, 10).await.unwrap().len(), 2);
}
