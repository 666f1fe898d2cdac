//! Opening, migrating, closing.

use super::*;

#[tokio::test]
async fn a_second_server_is_refused() {
    let disk = OnDisk::new();
    let store = open(&disk);
    let second = SqliteStore::open(&disk.path, NOW);
    assert!(matches!(second, Err(OpenError::Locked { .. })));
    store.close();
    assert_eq!(append(&store, 10).await, Err(StoreError::Closed));
    drop(open(&disk));
}

#[tokio::test]
async fn closing_moves_everything_into_the_one_file() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    drop(store);
    let copy = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy(&disk.path, copy.path()).unwrap();
    assert_eq!(SqliteStore::open_read_only(copy.path()).unwrap().verify(|_, _| ()).unwrap().seq, 1);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_stays_unchanged() {
    let disk = OnDisk::new();
    drop(open(&disk));
    let newer = migrate::MIGRATIONS.len() as i64 + 1;
    Connection::open(&disk.path).unwrap().pragma_update(None, "user_version", newer).unwrap();
    let before = std::fs::read(&disk.path).unwrap();
    match SqliteStore::open(&disk.path, NOW) {
        Err(error @ OpenError::NewerSchema { found, .. }) if found == newer => {
            assert!(error.to_string().contains("newer gatepass"), "{error}");
        }
        _ => panic!("opened, or refused for another reason"),
    }
    let read = SqliteStore::open_read_only(&disk.path);
    assert!(matches!(read, Err(OpenError::NewerSchema { found, .. }) if found == newer));
    assert_eq!(std::fs::read(&disk.path).unwrap(), before);
}

#[tokio::test]
async fn an_older_schema_is_backed_up_and_migrated() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    drop(store);
    let later = [migrate::MIGRATIONS, &["CREATE TABLE novelty (x INTEGER) STRICT"]].concat();
    let (before, after) = (migrate::MIGRATIONS.len() as i64, later.len() as i64);
    let store = SqliteStore::open_with(&disk.path, NOW, Fuse::Refused, &later).unwrap();
    assert_eq!(store.chain_head().await.unwrap().seq, 1);
    drop(store);
    let version = |path: &std::path::Path| migrate::version(&Connection::open(path).unwrap()).unwrap();
    let backup = disk.path.with_file_name(format!("gatepass.db.v{before}.bak"));
    assert_eq!((version(&disk.path), version(&backup)), (after, before));
    assert_eq!(SqliteStore::open_read_only(&backup).unwrap().verify(|_, _| ()).unwrap().seq, 1);
}

#[tokio::test]
async fn a_migration_that_fails_changes_nothing() {
    let disk = OnDisk::new();
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    drop(store);
    let broken = [migrate::MIGRATIONS, &["CREATE TABLE half (x INTEGER) STRICT; SELECT nonsense"]].concat();
    assert!(SqliteStore::open_with(&disk.path, NOW, Fuse::Refused, &broken).is_err());
    let store = open(&disk);
    append(&store, 10).await.unwrap();
    assert_eq!(store.chain_head().await.unwrap().seq, 2);
}
