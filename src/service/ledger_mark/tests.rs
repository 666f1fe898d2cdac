//! Ledgers with and without the entry of their mark.

use std::sync::Arc;

use super::*;
use crate::clock::ManualClock;
use crate::ledger::{Action, Draft};
use crate::service::TimeKeeper;
use crate::store::AppendEntries;
use crate::store::sqlite::SqliteStore;

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

struct World {
    store: Arc<dyn Store>,
    vault: Vault,
    keeper: MarkKeeper,
    _directory: tempfile::TempDir,
}

impl World {
    /// An empty keys directory, and a ledger of two entries.
    async fn begin() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("gatepass.db"), NOW).unwrap();
        let vault = Vault::open(&directory.path().join("keys")).unwrap();
        let time = Arc::new(TimeKeeper::new(Arc::new(ManualClock::at(NOW)), store.mark()));
        let store: Arc<dyn Store> = store;
        let keeper = MarkKeeper::new(Base { store: store.clone(), time }, vault.clone());
        let world = Self { store, vault, keeper, _directory: directory };
        world.append().await;
        world.append().await;
        world
    }

    async fn append(&self) {
        let entries = vec![Draft::done(Action::TokenCreated, NOW, "system")];
        self.store.append_entries(AppendEntries { entries }).await.unwrap();
    }

    async fn head(&self) -> ChainHead {
        self.store.chain_head().await.unwrap()
    }

    async fn judge(&self, head: ChainHead) -> Option<MarkFault> {
        LedgerMark::of(head, NOW).judge(self.store.as_ref()).await.unwrap()
    }
}

#[tokio::test]
async fn a_ledger_that_went_on_has_its_mark() {
    let world = World::begin().await;
    let head = world.head().await;
    assert_eq!(world.judge(head).await, None);
    world.append().await;
    assert_eq!(world.judge(head).await, None);
}

#[tokio::test]
async fn a_shorter_ledger_is_behind_its_mark() {
    let world = World::begin().await;
    let fault = world.judge(ChainHead { seq: 3, ..world.head().await }).await.unwrap();
    assert_eq!(fault, MarkFault::Behind { last: 2, last_at: NOW, seq: 3, at: NOW });
    let said = fault.to_string();
    assert!(said.contains("entry 2 of 2030-03-17T17:46:40Z") && said.contains("3 entries"), "{said}");
}

#[tokio::test]
async fn another_entry_of_that_number_differs() {
    let world = World::begin().await;
    let head = world.head().await;
    for seq in [1, 2] {
        let fault = world.judge(ChainHead { seq, hash: [7; 32], ..head }).await;
        assert_eq!(fault, Some(MarkFault::Differs { seq, found_at: NOW, at: NOW }));
    }
}

#[tokio::test]
async fn a_chain_of_another_database_is_unknown() {
    let world = World::begin().await;
    let chain = ChainId::generate(NOW);
    let fault = world.judge(ChainHead { chain, ..world.head().await }).await;
    assert_eq!(fault, Some(MarkFault::UnknownChain { last: 2, chain, seq: 2, at: NOW }));
}

#[tokio::test]
async fn a_mark_is_written_once_for_each_head() {
    let world = World::begin().await;
    assert_eq!(LedgerMark::read(&world.vault), Ok(None));
    world.keeper.write().await.unwrap();
    let mark = LedgerMark::read(&world.vault).unwrap();
    assert_eq!(mark, Some(LedgerMark::of(world.head().await, NOW)));
    world.vault.remove(LEDGER_MARK).unwrap();
    world.keeper.write().await.unwrap();
    assert_eq!(LedgerMark::read(&world.vault), Ok(None), "the ledger has no other entry");
    world.append().await;
    world.keeper.write().await.unwrap();
    assert_eq!(LedgerMark::read(&world.vault).unwrap().unwrap().seq, 3);
}

#[tokio::test]
async fn a_mark_that_cannot_be_written_is_reported() {
    let world = World::begin().await;
    let in_the_way = world.vault.path("ledger.mark.new");
    std::fs::create_dir(&in_the_way).unwrap();
    assert!(world.keeper.write().await.is_err());
    assert!(world.keeper.fault().unwrap().contains("ledger.mark"));
    std::fs::remove_dir(&in_the_way).unwrap();
    world.keeper.write().await.unwrap();
    assert_eq!(world.keeper.fault(), None);
    assert_eq!(LedgerMark::read(&world.vault).unwrap().unwrap().seq, 2);
}

#[tokio::test]
async fn a_mark_is_a_private_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::begin().await;
    world.keeper.write().await.unwrap();
    let mode = std::fs::metadata(world.vault.path(LEDGER_MARK)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(world.vault.path(LEDGER_MARK), "{").unwrap();
    assert!(LedgerMark::read(&world.vault).is_err());
}
