//! Users: their records, their epochs, and the last admin.

use std::net::IpAddr;
use std::sync::Arc;

use super::together::due;
use super::world::*;
use crate::access::limits::Most;
use crate::access::{Actor, Limits, UserRole};
use crate::ledger::Action;
use crate::name::UserName;
use crate::secret::Secret;
use crate::store::*;

pub(in crate::store) fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

impl World {
    pub(in crate::store) fn new_user(&self, user: &str, role: UserRole, limits: Limits) -> CreateUser {
        let hash = Secret::new("hash".to_owned());
        let entry = self.draft(Action::UserCreated);
        CreateUser { user: name(user), hash, role, limits, entry }
    }

    /// Creates a user.
    pub(in crate::store) async fn user(&mut self, user: &str, role: UserRole, limits: Limits) -> UserRecord {
        let created = self.store().create_user(self.new_user(user, role, limits)).await.unwrap();
        assert_eq!(created, UserCreation::Created);
        self.expect_entries(&[Action::UserCreated]).await;
        self.read_user(user).await.unwrap()
    }

    pub(in crate::store) async fn read_user(&self, user: &str) -> Option<UserRecord> {
        self.store().user(user.to_owned()).await.unwrap()
    }

    pub(in crate::store) fn change(&self, before: &UserRecord, role: UserRole, disabled: bool) -> ChangeUser {
        let (before, limits) = (before.clone(), before.limits.clone());
        let entries = vec![self.draft(Action::UserChanged)];
        ChangeUser { before, role, limits, disabled, entries }
    }

    pub(in crate::store) fn new_password(&self, before: &UserRecord) -> ReplacePassword {
        let (before, hash) = (before.clone(), Arc::new(Secret::new("other".to_owned())));
        ReplacePassword { before, hash, keep: None, entry: self.draft(Action::PasswordSet) }
    }

    pub(in crate::store) fn deletion(&self, user: &str, revoke_tokens: bool) -> DeleteUser {
        DeleteUser { user: name(user), revoke_tokens, entry: self.draft(Action::UserDeleted) }
    }
}

pub(in crate::store) async fn a_user_is_read_back_and_a_name_is_taken_once(world: &mut World) {
    let limits = Limits { max_uses: Most::UpTo(3), ..Limits::ANY };
    let user = world.user("ops", UserRole::Operator, limits.clone()).await;
    assert_eq!((user.name.as_str(), user.role), ("ops", UserRole::Operator));
    assert_eq!((user.limits, user.disabled_at, user.created_at), (limits, None, world.now));
    let again = world.new_user("ops", UserRole::Admin, Limits::ANY);
    assert_eq!(world.store().create_user(again).await.unwrap(), UserCreation::Taken);
    assert_eq!(world.read_user("ops").await.unwrap().role, UserRole::Operator);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn the_last_whole_admin_stays_one(world: &mut World) {
    let store = world.shared();
    let admin = world.read_user("admin").await.unwrap();
    // An admin with limits and a disabled admin cannot create another.
    let least = Limits { persistent: false, ..Limits::ANY };
    world.user("limited", UserRole::Admin, least.clone()).await;
    let asleep = world.user("asleep", UserRole::Admin, Limits::ANY).await;
    store.change_user(world.change(&asleep, UserRole::Admin, true)).await.unwrap();
    world.expect_entries(&[Action::UserChanged]).await;
    for change in [
        world.change(&admin, UserRole::Operator, false),
        world.change(&admin, UserRole::Admin, true),
        ChangeUser { limits: least, ..world.change(&admin, UserRole::Admin, false) },
    ] {
        assert_eq!(store.change_user(change).await.unwrap(), UserChange::LastAdmin);
    }
    assert_eq!(store.delete_user(world.deletion("admin", false)).await.unwrap(), UserDeletion::LastAdmin);
    world.expect_entries(&[]).await;
    let asleep = world.read_user("asleep").await.unwrap();
    let awake = store.change_user(world.change(&asleep, UserRole::Admin, false)).await.unwrap();
    assert_eq!(awake, UserChange::Done);
    let gone = store.delete_user(world.deletion("admin", false)).await.unwrap();
    assert_eq!(gone, UserDeletion::Deleted(Removal { api_keys: 0, tokens: 0 }));
}

pub(in crate::store) async fn two_admins_cannot_remove_each_other(world: &mut World) {
    let store = world.shared();
    for round in 0..20 {
        let other = format!("admin{round}");
        let names = store.list_users(PageQuery::new(None, 10)).await.unwrap().items;
        assert_eq!(names.len(), 1);
        world.user(&other, UserRole::Admin, Limits::ANY).await;
        let first = store.delete_user(world.deletion(&names[0].name, false));
        let second = store.delete_user(world.deletion(&other, false));
        let (first, second) = tokio::join!(first, second);
        let refused = [first.unwrap(), second.unwrap()].map(|end| end == UserDeletion::LastAdmin);
        assert_eq!(refused.into_iter().filter(|refused| *refused).count(), 1);
        world.expect_entries(&[Action::UserDeleted]).await;
    }
}

pub(in crate::store) async fn a_change_of_an_outdated_record_is_refused(world: &mut World) {
    let store = world.shared();
    let seen = world.user("ops", UserRole::Viewer, Limits::ANY).await;
    store.change_user(world.change(&seen, UserRole::Admin, false)).await.unwrap();
    world.expect_entries(&[Action::UserChanged]).await;
    // A change that was allowed for a viewer must not set an admin's password.
    let password = world.new_password(&seen);
    assert_eq!(store.replace_password(password).await.unwrap(), UserChange::Moved);
    let change = world.change(&seen, UserRole::Viewer, true);
    assert_eq!(store.change_user(change).await.unwrap(), UserChange::Moved);
    let nobody = UserRecord { name: "nobody".to_owned(), ..seen };
    let change = world.change(&nobody, UserRole::Viewer, true);
    assert_eq!(store.change_user(change).await.unwrap(), UserChange::Unknown);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn a_password_begins_an_epoch_and_a_role_does_not(world: &mut World) {
    let store = world.shared();
    let ops = world.user("ops", UserRole::Operator, Limits::ANY).await;
    let first = ops.epoch;
    store.change_user(world.change(&ops, UserRole::Viewer, false)).await.unwrap();
    let ops = world.read_user("ops").await.unwrap();
    assert_eq!((ops.role, ops.epoch), (UserRole::Viewer, first));
    store.replace_password(world.new_password(&ops)).await.unwrap();
    let ops = world.read_user("ops").await.unwrap();
    assert_eq!(ops.epoch, first + 1);
    let hash = store.password_hash("ops".to_owned()).await.unwrap().unwrap();
    assert_eq!(hash.expose(), "other");
    store.change_user(world.change(&ops, UserRole::Viewer, true)).await.unwrap();
    let ops = world.read_user("ops").await.unwrap();
    assert_eq!((ops.epoch, ops.disabled_at), (first + 2, Some(world.now)));
    let out = |user| SignOutUser { user: name(user), entry: world.draft(Action::UserSignedOut) };
    assert_eq!(store.sign_out_user(out("ops")).await.unwrap(), UserChange::Done);
    assert_eq!(store.sign_out_user(out("nobody")).await.unwrap(), UserChange::Unknown);
    assert_eq!(world.read_user("ops").await.unwrap().epoch, first + 3);
    let acts = [Action::UserChanged, Action::PasswordSet, Action::UserChanged, Action::UserSignedOut];
    world.expect_entries(&acts).await;
}

pub(in crate::store) async fn a_new_user_of_a_deleted_name_has_other_epochs(world: &mut World) {
    let mut epochs = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let user = world.user("ops", UserRole::Viewer, Limits::ANY).await;
        assert!(epochs.insert(user.epoch), "{epochs:?}");
        world.store().delete_user(world.deletion("ops", false)).await.unwrap();
        world.expect_entries(&[Action::UserDeleted]).await;
    }
}

pub(in crate::store) async fn a_deleted_user_takes_keys_and_tokens(world: &mut World) {
    let store = world.shared();
    for (revoke, ended) in [(false, 0), (true, 3)] {
        let user = if revoke { "second" } else { "first" };
        world.user(user, UserRole::Operator, Limits::ANY).await;
        let key = world.api_key(Some(user)).await;
        let earlier = world.api_key(Some(user)).await;
        let by_user = MintRecord { minter: format!("user:{user}"), ..world.ephemeral(Some(1)) };
        let by_user = world.mint(by_user).await;
        let by_key = MintRecord { minter: format!("api_key:{}", key.id), ..world.persistent(None) };
        let by_key = world.mint_by(by_key, Actor::ApiKey(key.id)).await;
        // Tokens of a key that was deleted before its owner are revoked too.
        let by_earlier = MintRecord { minter: format!("api_key:{}", earlier.id), ..world.ephemeral(Some(1)) };
        let by_earlier = world.mint_by(by_earlier, Actor::ApiKey(earlier.id)).await;
        store.delete_api_key(world.key_deletion(earlier.id, None, false)).await.unwrap();
        let other = world.mint_ephemeral(Some(1)).await;
        world.new_entries().await;
        let gone = store.delete_user(world.deletion(user, revoke)).await.unwrap();
        assert_eq!(gone, UserDeletion::Deleted(Removal { api_keys: 1, tokens: ended }));
        assert!(world.read_user(user).await.is_none());
        assert!(store.api_key(key.id).await.unwrap().is_none());
        assert_eq!(due(world).await, ended);
        for (token, is_revoked) in
            [(&by_user, revoke), (&by_key, revoke), (&by_earlier, revoke), (&other, false)]
        {
            assert_eq!(world.token(token).await.unwrap().revoked_at.is_some(), is_revoked);
        }
        let again = store.delete_user(world.deletion(user, revoke)).await.unwrap();
        assert_eq!(again, UserDeletion::Unknown);
        let acts = [Action::UserDeleted, Action::TokenRevoked, Action::TokenRevoked, Action::TokenRevoked];
        world.expect_entries(&acts[..=usize::try_from(ended).unwrap()]).await;
    }
}

pub(in crate::store) async fn users_are_listed_by_name_page_by_page(world: &mut World) {
    for user in ["b", "c", "a"] {
        world.user(user, UserRole::Viewer, Limits::ANY).await;
    }
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = world.store().list_users(PageQuery::new(after, 2)).await.unwrap();
        listed.extend(page.items.into_iter().map(|user| user.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, ["a", "admin", "b", "c"]);
}

pub(in crate::store) async fn known_addresses_are_bounded_and_expire(world: &mut World) {
    let site = |last| IpAddr::from([192, 0, 2, last]);
    let store = world.shared();
    world.user("ops", UserRole::Operator, Limits::ANY).await;
    let record = async |user: &str, last, at| {
        store.know_address(KnowAddress { user: user.to_owned(), site: site(last), at }).await.unwrap();
    };
    let known = async |user: &str, last| store.known_address(user.to_owned(), site(last)).await.unwrap();
    let first = world.now;
    record("ops", 1, first).await;
    record("nobody", 1, first).await;
    assert_eq!((known("ops", 1).await, known("ops", 2).await), (Some(first), None));
    assert_eq!((known("admin", 1).await, known("nobody", 1).await), (None, None));
    world.pass(DAY);
    record("ops", 1, world.now).await;
    for last in 2..=MOST_KNOWN_ADDRESSES as u8 + 1 {
        world.pass(HOUR);
        record("ops", last, world.now).await;
    }
    assert_eq!((known("ops", 1).await, known("ops", 2).await), (None, Some(first.plus(DAY + HOUR))));
    world.expect_entries(&[]).await;
    world.pass(DAY * 30 - HOUR * 8);
    assert_eq!(world.collect().await.known_addresses, 8);
    assert_eq!((known("ops", 9).await, known("ops", 10).await.is_some()), (None, true));
    store.delete_user(world.deletion("ops", false)).await.unwrap();
    assert_eq!(known("ops", 10).await, None);
    world.new_entries().await;
    world.user("ops", UserRole::Operator, Limits::ANY).await;
    assert_eq!(known("ops", 10).await, None, "another user of that name");
}
