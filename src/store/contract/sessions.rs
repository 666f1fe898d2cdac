//! Sessions: begun, bounded, used, ended, collected.

use std::net::IpAddr;

use super::world::*;
use crate::access::SessionKind;
use crate::id::{SessionId, random};
use crate::ledger::Action;
use crate::name::UserName;
use crate::store::*;

/// A session of the admin's that begins now.
pub(super) fn record(world: &World, epoch: u64) -> SessionRecord {
    SessionRecord {
        id: SessionId::from_bytes(random()),
        user: "admin".to_owned(),
        epoch,
        kind: SessionKind::Bearer,
        created_at: world.now,
        expires_at: world.now.plus(12 * HOUR),
        seen_at: world.now,
        address: Some(IpAddr::from([192, 0, 2, 7])),
    }
}

async fn begin(world: &World, session: SessionRecord, most: u32) -> SessionBeginning {
    let entry = world.draft(Action::SessionStarted);
    world.store().begin_session(BeginSession { session, most, entry }).await.unwrap()
}

async fn begun(world: &World) -> SessionRecord {
    let session = record(world, 0);
    assert_eq!(begin(world, session.clone(), 50).await, SessionBeginning::Begun);
    session
}

async fn read(world: &World, id: SessionId) -> Option<SessionRecord> {
    world.store().session(id).await.unwrap().map(|(session, _)| session)
}

pub(in crate::store) async fn a_session_is_read_back_after_a_restart(world: &mut World) {
    let session = begun(world).await;
    world.expect_entries(&[Action::SessionStarted]).await;
    world.restart();
    let (found, user) = world.store().session(session.id).await.unwrap().unwrap();
    assert_eq!((found, user.name.as_str()), (session, "admin"));
    assert_eq!(read(world, SessionId::from_bytes([7; 32])).await, None);
}

pub(in crate::store) async fn a_users_sessions_are_listed_newest_first(world: &mut World) {
    assert_eq!(sessions_of_admin(world).await, []);
    let older = begun(world).await;
    world.pass(HOUR);
    let newer = begun(world).await;
    assert_eq!(sessions_of_admin(world).await, [newer, older]);
    assert_eq!(world.store().sessions_of("nobody".to_owned()).await.unwrap(), []);
    world.store().set_password(world.password("admin", "second")).await.unwrap();
    assert_eq!(sessions_of_admin(world).await, [], "they are of an earlier epoch");
    world.expect_entries(&[Action::SessionStarted, Action::SessionStarted, Action::PasswordSet]).await;
}

async fn sessions_of_admin(world: &World) -> Vec<SessionRecord> {
    world.store().sessions_of("admin".to_owned()).await.unwrap()
}

pub(in crate::store) async fn a_session_begins_in_the_users_own_epoch_only(world: &mut World) {
    let mut stranger = record(world, 0);
    stranger.user = "nobody".to_owned();
    assert_eq!(begin(world, stranger, 50).await, SessionBeginning::UserChanged);
    let later = record(world, 1);
    assert_eq!(begin(world, later, 50).await, SessionBeginning::UserChanged);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn the_oldest_session_makes_room_for_one_too_many(world: &mut World) {
    let mut all = Vec::new();
    for _ in 0..4 {
        let session = record(world, 0);
        assert_eq!(begin(world, session.clone(), 3).await, SessionBeginning::Begun);
        all.push(session.id);
        world.pass(HOUR);
    }
    assert_eq!(world.store().count_sessions("admin".to_owned()).await.unwrap(), 3);
    assert_eq!(read(world, all[0]).await, None);
    assert!(read(world, all[1]).await.is_some());
    world.expect_entries(&[Action::SessionStarted; 4]).await;
}

pub(in crate::store) async fn a_used_session_stays(world: &mut World) {
    let cookie = SessionRecord { kind: SessionKind::Cookie, ..record(world, 0) };
    assert_eq!(begin(world, cookie.clone(), 3).await, SessionBeginning::Begun);
    let mut all = Vec::new();
    for _ in 0..5 {
        world.pass(HOUR);
        let session = record(world, 0);
        assert_eq!(begin(world, session.clone(), 3).await, SessionBeginning::Begun);
        all.push(session.id);
        let seen = vec![(all[0], world.now)];
        world.store().record_uses(RecordUses { api_keys: Vec::new(), sessions: seen }).await.unwrap();
    }
    for gone in [all[1], all[2]] {
        assert_eq!(read(world, gone).await, None);
    }
    for kept in [cookie.id, all[0], all[3], all[4]] {
        assert!(read(world, kept).await.is_some());
    }
    world.expect_entries(&[Action::SessionStarted; 6]).await;
}

pub(in crate::store) async fn a_new_password_ends_every_session(world: &mut World) {
    let session = begun(world).await;
    world.store().set_password(world.password("admin", "second")).await.unwrap();
    assert_eq!(read(world, session.id).await, None);
    let next = record(world, 1);
    assert_eq!(begin(world, next.clone(), 50).await, SessionBeginning::Begun);
    assert_eq!(read(world, next.id).await, Some(next));
    assert_eq!(world.store().count_sessions("admin".to_owned()).await.unwrap(), 1, "the other went with it");
    world.expect_entries(&[Action::SessionStarted, Action::PasswordSet, Action::SessionStarted]).await;
}

pub(in crate::store) async fn a_session_ends_once(world: &mut World) {
    let (session, other) = (begun(world).await, begun(world).await);
    world.new_entries().await;
    for ended in [true, false] {
        let command = EndSession { id: session.id, entry: world.draft(Action::SessionEnded) };
        assert_eq!(world.store().end_session(command).await.unwrap(), ended);
    }
    world.expect_entries(&[Action::SessionEnded]).await;
    assert!(read(world, session.id).await.is_none() && read(world, other.id).await.is_some());
}

pub(in crate::store) async fn signing_out_everywhere_ends_all_sessions(world: &mut World) {
    let sessions = [begun(world).await, begun(world).await];
    world.new_entries().await;
    let user = UserName::parse("admin").unwrap();
    let command = SignOutUser { user, entry: world.draft(Action::UserSignedOut) };
    assert_eq!(world.store().sign_out_user(command).await.unwrap(), UserChange::Done);
    world.expect_entries(&[Action::UserSignedOut]).await;
    for session in sessions {
        assert_eq!(read(world, session.id).await, None);
    }
    let late = record(world, 0);
    assert_eq!(begin(world, late, 50).await, SessionBeginning::UserChanged, "proven in the epoch before");
}

pub(in crate::store) async fn use_moves_on_and_leaves_no_entry(world: &mut World) {
    let session = begun(world).await;
    world.new_entries().await;
    let later = world.now.plus(HOUR);
    let gone = SessionId::from_bytes([7; 32]);
    for at in [later, world.now] {
        let seen = vec![(session.id, at), (gone, at)];
        world.store().record_uses(RecordUses { api_keys: Vec::new(), sessions: seen }).await.unwrap();
        assert_eq!(read(world, session.id).await.unwrap().seen_at, later);
    }
    world.expect_entries(&[]).await;
    let expires_at = world.now.plus(24 * HOUR);
    let extend =
        |world: &World, id| ExtendSession { id, expires_at, entry: world.draft(Action::SessionExtended) };
    assert!(world.store().extend_session(extend(world, session.id)).await.unwrap());
    assert!(!world.store().extend_session(extend(world, gone)).await.unwrap());
    world.expect_entries(&[Action::SessionExtended]).await;
    let found = read(world, session.id).await.unwrap();
    assert_eq!((found.expires_at, found.seen_at), (expires_at, later));
}

pub(in crate::store) async fn expired_and_unused_sessions_are_collected(world: &mut World) {
    let (used, idle) = (begun(world).await, begun(world).await);
    world.pass(HOUR / 2);
    let seen = vec![(used.id, world.now)];
    world.store().record_uses(RecordUses { api_keys: Vec::new(), sessions: seen }).await.unwrap();
    assert_eq!(world.collect().await.sessions, 0, "its use is known to a minute only");
    world.pass(HOUR / 10);
    assert_eq!(world.collect().await.sessions, 1);
    assert!(read(world, idle.id).await.is_none() && read(world, used.id).await.is_some());
    world.pass(12 * HOUR);
    let seen = vec![(used.id, world.now)];
    world.store().record_uses(RecordUses { api_keys: Vec::new(), sessions: seen }).await.unwrap();
    assert_eq!(world.collect().await.sessions, 1);
    assert_eq!(world.store().count_sessions("admin".to_owned()).await.unwrap(), 0);
}
