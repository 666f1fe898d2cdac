//! The effects of errors of the disk and of the database.

use std::path::Path;
use std::task::{Context, Poll, Waker};

use super::*;
use crate::access::Actor;
use crate::store::sqlite::QUEUE;
use crate::store::sqlite::open_error::beside;

#[tokio::test]
async fn a_full_disk_is_answered_and_recovered_from() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    let head = store.chain_head().await.unwrap();
    // A limit below the current size means the current size.
    store.hook(|writer| writer.pragma_update(None, "max_page_count", 1).unwrap());
    let (big, small) = (append(&store, 100_000), append(&store, 10));
    let (big, small) = tokio::join!(big, small);
    assert_eq!(big, Err(StoreError::Full));
    assert!(matches!(small, Ok(()) | Err(StoreError::Full)), "{small:?}");
    let kept = u64::from(small.is_ok());
    assert_eq!(store.chain_head().await.unwrap().seq, head.seq + kept);
    store.hook(|writer| writer.pragma_update(None, "max_page_count", i32::MAX).unwrap());
    append(&store, 100_000).await.unwrap();
    assert_eq!(store.chain_head().await.unwrap().seq, head.seq + kept + 1);
    drop(store);
    let verified = SqliteStore::open_read_only(&disk.path).unwrap().verify(|_, _| ()).unwrap();
    assert_eq!(verified.seq, head.seq + kept + 1);
}

#[tokio::test]
async fn a_full_disk_rolls_back_the_whole_batch() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    let head = store.chain_head().await.unwrap();
    store.hook(|writer| writer.pragma_update(None, "max_page_count", 1).unwrap());
    let go = hold_up(&store);
    let sizes = (0..20).map(|number| if number == 10 { 200_000 } else { 10 });
    let (refused, waiting) = queue_up(sizes.map(|size| append(&store, size)));
    assert!(refused.is_empty());
    go.send(()).unwrap();
    for answer in waiting {
        assert_eq!(answer.await, Err(StoreError::Full));
    }
    assert_eq!(store.chain_head().await.unwrap(), head);
    store.hook(|writer| writer.pragma_update(None, "max_page_count", i32::MAX).unwrap());
    append(&store, 10).await.unwrap();
    drop(store);
    SqliteStore::open_read_only(&disk.path).unwrap().verify(|_, _| ()).unwrap();
}

#[tokio::test]
async fn a_read_only_database_refuses_writes_and_recovers() {
    let disk = OnDisk::new();
    let store = open(&disk);
    store.hook(|writer| writer.pragma_update(None, "query_only", true).unwrap());
    assert_eq!(append(&store, 10).await, Err(StoreError::ReadOnly));
    assert_eq!(store.probe().await, Err(StoreError::ReadOnly));
    assert_eq!(store.chain_head().await.unwrap().seq, 0, "reads go on");
    store.hook(|writer| writer.pragma_update(None, "query_only", false).unwrap());
    store.probe().await.unwrap();
    append(&store, 10).await.unwrap();
    assert!(!*store.failed().borrow());
}

#[tokio::test]
async fn a_database_locked_by_another_process_is_busy() {
    let disk = OnDisk::new();
    let store = open(&disk);
    let other = Connection::open(&disk.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(append(&store, 10).await, Err(StoreError::Busy));
    other.execute_batch("ROLLBACK").unwrap();
    append(&store, 10).await.unwrap();
}

type Answers<'a> = Vec<StoreFuture<'a, ()>>;

/// Asks everything at once. Returns the immediate answers and the waiting ones.
fn queue_up<'a>(
    asked: impl Iterator<Item = StoreFuture<'a, ()>>,
) -> (Vec<Result<(), StoreError>>, Answers<'a>) {
    let (mut answered, mut waiting) = (Vec::new(), Vec::new());
    for mut answer in asked {
        match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(ready) => answered.push(ready),
            Poll::Pending => waiting.push(answer),
        }
    }
    (answered, waiting)
}

/// Holds the writer up, so that later writes become one batch.
fn hold_up(store: &SqliteStore) -> std::sync::mpsc::Sender<()> {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    store.hook(move |_| wait.recv().unwrap());
    go
}

#[tokio::test]
async fn an_unexpected_constraint_undoes_only_its_own_command() {
    let disk = OnDisk::new();
    let path = disk.path.clone();
    let mut world = World::begin(Box::new(disk)).await;
    let token = world.mint_ephemeral(None).await;
    world.new_entries().await;
    let fresh = world.ephemeral(None);
    let mint = |record: &MintRecord| {
        let entry = world.draft(Action::TokenCreated);
        let (store, record) = (world.shared(), record.clone());
        tokio::spawn(async move { store.record_mint(RecordMint { record, by: Actor::System, entry }).await })
    };
    // The batch forms while another connection holds the lock for a moment.
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (again, first) = (mint(&token), mint(&fresh));
    tokio::task::yield_now().await;
    other.execute_batch("ROLLBACK").unwrap();
    assert!(matches!(again.await.unwrap(), Err(StoreError::Damaged { .. })));
    assert_eq!(first.await.unwrap(), Ok(MintOutcome::Recorded));
    world.expect_entries(&[Action::TokenCreated]).await;
    world.ledger_is_whole().await;
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let disk = OnDisk::new();
    let store = open(&disk);
    let go = hold_up(&store);
    let (refused, waiting) = queue_up((0..QUEUE + 10).map(|_| append(&store, 10)));
    go.send(()).unwrap();
    assert!(refused.iter().all(|refused| *refused == Err(StoreError::Overloaded)));
    // One more is refused if the writer has not yet taken the job that holds it up.
    assert!((10..=11).contains(&refused.len()), "{}", refused.len());
    let taken = waiting.len() as u64;
    for answer in waiting {
        assert_eq!(answer.await, Ok(()));
    }
    assert_eq!(store.chain_head().await.unwrap().seq, taken);
}

#[tokio::test]
async fn an_unknown_outcome_of_a_commit_ends_writing() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    // A deferred constraint fails in COMMIT itself, with an error unknown to the store.
    store.hook(|writer| {
        let sql = "CREATE TABLE parent (x INTEGER PRIMARY KEY); \
                   CREATE TABLE child (x REFERENCES parent DEFERRABLE INITIALLY DEFERRED); \
                   CREATE TRIGGER break AFTER INSERT ON ledger BEGIN INSERT INTO child VALUES (1); END";
        writer.execute_batch(sql).unwrap();
    });
    assert!(matches!(append(&store, 10).await, Err(StoreError::Failed { .. })));
    assert!(*store.failed().borrow());
    store.hook(|writer| writer.execute_batch("DROP TRIGGER break").unwrap());
    assert!(matches!(append(&store, 10).await, Err(StoreError::Failed { .. })), "it is never retried");
    assert!(matches!(store.probe().await, Err(StoreError::Failed { .. })));
    assert_eq!(store.chain_head().await.unwrap().seq, 1, "reads go on");
    drop(store);
    append(&open(&disk), 10).await.unwrap();
}

/// Takes a file from its name, as `rm` or a restored copy does.
fn displace(file: &Path, replaced: bool) {
    if !replaced {
        return std::fs::remove_file(file).unwrap();
    }
    let copy = file.with_extension("copy");
    std::fs::copy(file, &copy).unwrap();
    std::fs::rename(&copy, file).unwrap();
}

/// Number of entries in the database file alone, without its log.
fn entries_in_the_file_alone(disk: &OnDisk) -> u64 {
    let copy = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy(&disk.path, copy.path()).unwrap();
    SqliteStore::open_read_only(copy.path()).unwrap().verify(|_, _| ()).unwrap().seq
}

#[tokio::test]
async fn a_removed_file_ends_writing_and_loses_nothing() {
    for (ending, replaced) in
        [("-wal", false), ("-wal", true), ("-shm", false), (".lock", false), (".lock", true)]
    {
        let disk = OnDisk::new();
        let store = open(&disk);
        for _ in 0..3 {
            append(&store, 10).await.unwrap();
        }
        let file = beside(&disk.path, ending);
        displace(&file, replaced);
        let removed = StoreError::Removed { path: file.display().to_string() };
        assert_eq!(append(&store, 10).await, Err(removed), "{ending} {replaced}");
        assert!(*store.failed().borrow());
        assert_eq!(entries_in_the_file_alone(&disk), 3, "{ending} {replaced}");
        drop(store);
        let store = open(&disk);
        assert_eq!(store.chain_head().await.unwrap().seq, 3);
        append(&store, 10).await.unwrap();
    }
}

#[tokio::test]
async fn a_removed_log_is_found_without_a_write() {
    let disk = OnDisk::new();
    let store = open(&disk);
    store.probe().await.unwrap();
    append(&store, 10).await.unwrap();
    displace(&beside(&disk.path, "-wal"), false);
    assert!(matches!(store.probe().await, Err(StoreError::Removed { .. })));
    assert!(*store.failed().borrow());
}

#[tokio::test]
async fn a_reader_delays_the_end_and_loses_nothing() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    let reader = Connection::open(&disk.path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
    append(&store, 10).await.unwrap();
    displace(&beside(&disk.path, "-wal"), false);
    assert!(matches!(append(&store, 10).await, Err(StoreError::Removed { .. })));
    assert!(!*store.failed().borrow(), "the open log is the only copy");
    reader.execute_batch("ROLLBACK").unwrap();
    assert!(matches!(store.probe().await, Err(StoreError::Removed { .. })));
    assert!(*store.failed().borrow());
    assert_eq!(entries_in_the_file_alone(&disk), 2);
}

#[tokio::test]
async fn a_moved_directory_comes_back_without_a_loss() {
    let directory = tempfile::tempdir().unwrap();
    let (place, elsewhere) = (directory.path().join("data"), directory.path().join("moved"));
    std::fs::create_dir(&place).unwrap();
    let store = SqliteStore::open(&place.join("gatepass.db"), NOW).unwrap();
    append(&store, 10).await.unwrap();
    std::fs::rename(&place, &elsewhere).unwrap();
    assert_eq!(append(&store, 10).await, Err(StoreError::Gone));
    assert!(!*store.failed().borrow());
    std::fs::rename(&elsewhere, &place).unwrap();
    append(&store, 10).await.unwrap();
    assert_eq!(store.chain_head().await.unwrap().seq, 2);
}

/// The length of the write-ahead log in pages, and how much of it is in the database.
fn log_of(disk: &OnDisk) -> (i64, i64) {
    let connection = Connection::open(&disk.path).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| Ok((row.get(1)?, row.get(2)?))).unwrap()
}

#[tokio::test]
async fn a_grown_log_is_moved_into_the_database() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    // A probe is served after the checkpoint that follows the batch before it.
    store.probe().await.unwrap();
    assert!(matches!(log_of(&disk), (1..1000, 0)), "{:?}", log_of(&disk));
    append(&store, 5_000_000).await.unwrap();
    store.probe().await.unwrap();
    let (pages, moved) = log_of(&disk);
    assert!(pages > 1000 && moved == pages, "{pages} {moved}");
    append(&store, 10).await.unwrap();
    assert!(log_of(&disk).0 < 1000, "the log is used from its beginning again");
    assert_eq!(store.standing(), Standing::default());
}

#[tokio::test]
async fn a_long_read_is_reported_until_it_ends() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    let reader = Connection::open(&disk.path).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
    for _ in 0..8 {
        append(&store, 9_000_000).await.unwrap();
    }
    store.probe().await.unwrap();
    let standing = store.standing();
    assert!(standing.warning().is_some_and(|warning| warning.contains(" MiB")), "{standing:?}");
    assert_eq!(standing.fault(), None, "the store is ready");
    reader.execute_batch("ROLLBACK").unwrap();
    // The next one moves the log, and the one after it begins the log again.
    for _ in 0..3 {
        append(&store, 10).await.unwrap();
    }
    store.probe().await.unwrap();
    assert_eq!(store.standing(), Standing::default());
}

#[tokio::test]
async fn a_damaged_table_is_reported_beside_good_writes() {
    let disk = OnDisk::new();
    drop(open(&disk));
    damage(&disk.path, "pairs");
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    let (token, key) = (crate::id::TokenId::generate(NOW), crate::id::SpkiHash::of(b"key"));
    assert!(matches!(store.pair(token, key).await, Err(StoreError::Damaged { .. })));
    append(&store, 10).await.unwrap();
    let standing = store.standing();
    assert_eq!(standing.write, None);
    assert!(
        standing.fault().is_some_and(|fault| fault.contains("gatepass doctor --integrity")),
        "{standing:?}"
    );
}

#[tokio::test]
async fn a_row_past_the_head_is_reported() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    assert_eq!(store.past_head().await.unwrap(), None);
    let sql = "INSERT INTO ledger SELECT chain, seq + 1, at, actor, address, request, action, token, host, outcome, reason, \
               bytes, hash FROM ledger WHERE seq = 1";
    store.hook(move |writer| writer.execute_batch(sql).unwrap());
    assert!(matches!(append(&store, 10).await, Err(StoreError::Damaged { .. })));
    // A probe adds no entry.
    store.probe().await.unwrap();
    assert!(store.standing().fault().is_some_and(|fault| fault.contains("gatepass ledger verify")));
    assert_eq!(store.past_head().await.unwrap(), Some((2, 1)));
}

#[tokio::test]
async fn a_batch_without_a_change_clears_no_fault() {
    let disk = OnDisk::new();
    let store = open(&disk);
    store.hook(|writer| writer.pragma_update(None, "max_page_count", 1).unwrap());
    assert_eq!(append(&store, 100_000).await, Err(StoreError::Full));
    let nothing = AppendEntries { entries: Vec::new() };
    assert_eq!(store.append_entries(nothing).await, Ok(()));
    assert_eq!(store.standing().write, Some(StoreError::Full));
    store.probe().await.unwrap();
    assert_eq!(store.standing().write, None);
}
