//! The limits of streams, and the commits that they miss.

use super::*;
use crate::access::{Actor, Limits, Rights, UserRole};
use crate::clock::Timestamp;
use crate::id::TokenId;
use crate::ledger::{Action, Draft, Subjects};
use crate::store::AppendEntries;
use crate::store::sqlite::SqliteStore;

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

fn store() -> (tempfile::TempDir, Arc<dyn Store>) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("gatepass.db"), NOW).unwrap();
    (directory, store)
}

fn reader(name: usize) -> Caller {
    let rights = Rights::of_role(UserRole::Viewer, Limits::ANY);
    Caller { actor: Actor::User(format!("user.{name}")), rights, ..Caller::SYSTEM }
}

/// Commits an entry about a new token.
async fn commit(store: &dyn Store) {
    let entry =
        Draft::done(Action::TokenCreated, NOW, "system").about(Subjects::token(TokenId::generate(NOW)));
    store.append_entries(AppendEntries { entries: vec![entry] }).await.unwrap();
}

#[tokio::test]
async fn a_user_has_ten_streams() {
    let (_directory, store) = store();
    let changes = Changes::new(store);
    let mut open =
        (0..MOST_OF_ONE).map(|_| changes.follow(&reader(1), false, None).unwrap()).collect::<Vec<_>>();
    assert_eq!(changes.follow(&reader(1), false, None).err(), Some(TooManyPages { limit: MOST_OF_ONE }));
    assert!(changes.follow(&reader(2), false, None).is_ok(), "another user has its own");
    drop(open.pop());
    assert!(changes.follow(&reader(1), false, None).is_ok(), "a closed stream makes room");
    drop(open);
    assert_eq!(changes.readers(), 0);
}

#[tokio::test]
async fn a_thousand_streams_are_the_maximum() {
    let (_directory, store) = store();
    let changes = Changes::new(store);
    let open =
        (0..MOST).map(|number| changes.follow(&reader(number), false, None).unwrap()).collect::<Vec<_>>();
    assert_eq!(changes.follow(&reader(MOST), false, None).err(), Some(TooManyPages { limit: MOST }));
    assert_eq!(changes.readers(), open.len());
}

#[tokio::test(start_paused = true)]
async fn commits_of_a_pause_go_together() {
    let (_directory, store) = store();
    let mut commits = store.commits();
    commit(store.as_ref()).await;
    commit(store.as_ref()).await;
    let news = news_after(Instant::now() + PAUSE, &mut commits).await.unwrap();
    assert_eq!(news.events(&reader(1)).matches("token_created").count(), 2);
}

#[tokio::test]
async fn a_slow_reader_is_asked_to_reload() {
    let (_directory, store) = store();
    let mut commits = store.commits();
    for _ in 0..100 {
        commit(store.as_ref()).await;
    }
    let news = news_after(Instant::now(), &mut commits).await.unwrap();
    assert_eq!(news.events(&reader(1)), "event: reload\ndata: {}\n\n");
}

#[tokio::test]
async fn a_commit_names_its_newest_entry() {
    let (_directory, store) = store();
    let mut commits = store.commits();
    commit(store.as_ref()).await;
    let newest = store.chain_head().await.unwrap().seq;
    assert_eq!(commits.recv().await.unwrap().newest, newest);
}
