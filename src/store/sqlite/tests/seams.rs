//! The ledger of a restored database: one chain continues the other.

use rusqlite::params;

use super::*;
use crate::id::ChainId;

/// Begins a chain as a restore does: its first entry continues the numbers and hashes of the chain before.
async fn begin_chain(store: &Arc<SqliteStore>) -> ChainId {
    let mut bytes = *store.chain_head().await.unwrap().chain.as_bytes();
    bytes[0] += 1;
    let sql = "UPDATE meta SET chain = ?1";
    store.hook(move |writer| assert_eq!(writer.execute(sql, params![bytes]).unwrap(), 1));
    let entry = Draft::done(Action::Restored, NOW, "system");
    store.append_entries(AppendEntries { entries: vec![entry] }).await.unwrap();
    ChainId::from_bytes(bytes)
}

/// A ledger of the numbers 1 to 4, 5 to 7 and 8: two restores began a chain each.
async fn three_chains(disk: &OnDisk) -> (Arc<SqliteStore>, [ChainId; 3]) {
    let store = open(disk);
    for _ in 0..4 {
        append(&store, 10).await.unwrap();
    }
    let first = store.chain_head().await.unwrap().chain;
    let second = begin_chain(&store).await;
    append(&store, 10).await.unwrap();
    append(&store, 10).await.unwrap();
    let third = begin_chain(&store).await;
    (store, [first, second, third])
}

fn verified(disk: &OnDisk) -> Result<u64, LedgerFault> {
    SqliteStore::open_read_only(&disk.path).unwrap().verify(|_, _| ()).map(|head| head.seq)
}

#[tokio::test]
async fn a_ledger_of_several_chains_is_whole() {
    let disk = OnDisk::new();
    let (store, chains) = three_chains(&disk).await;
    assert_eq!(verified(&disk), Ok(8));
    assert_eq!(store.past_head().await.unwrap(), None);
    for chain in chains {
        assert!(store.knows_chain(chain).await.unwrap());
    }
    assert!(!store.knows_chain(ChainId::generate(NOW)).await.unwrap());
}

#[tokio::test]
async fn a_list_goes_back_over_every_chain() {
    let disk = OnDisk::new();
    let (store, _) = three_chains(&disk).await;
    for limit in 1..=9 {
        let (mut before, mut found) = (None, Vec::new());
        loop {
            let query = PageQuery::new(before, limit);
            let page = store.list_entries(EntryFilter::default(), query).await.unwrap();
            assert!(page.items.len() <= limit as usize, "{limit}");
            found.extend(page.items.iter().map(|entry| entry.seq));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(found, [8, 7, 6, 5, 4, 3, 2, 1], "{limit}");
    }
    let restored = EntryFilter { action: Some(Action::Restored), ..EntryFilter::default() };
    let page = store.list_entries(restored.clone(), PageQuery::new(None, 9)).await.unwrap();
    assert_eq!(page.items.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [8, 5]);
    let after = EntryFilter { after: Some(6), ..EntryFilter::default() };
    let page = store.list_entries(after, PageQuery::new(None, 9)).await.unwrap();
    assert_eq!(page.items.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [8, 7]);
}

#[tokio::test]
async fn entries_go_on_in_the_next_chain() {
    let disk = OnDisk::new();
    let (store, [first, second, third]) = three_chains(&disk).await;
    let chains = [first, first, first, first, second, second, second, third, third];
    for (seq, chain) in (0..).zip(chains) {
        assert_eq!(store.chain_after(seq).await.unwrap(), chain, "{seq}");
        let entries = store.entries_after(chain, seq, 9).await.unwrap();
        let expected = (seq + 1..=8).collect::<Vec<_>>();
        assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_change_at_the_seam_is_found() {
    let cases: [(&str, Fault); 4] = [
        ("DELETE FROM ledger WHERE seq = 4", Fault::Missing { seq: 4, found: 5 }),
        ("DELETE FROM ledger WHERE seq = 5", Fault::Missing { seq: 5, found: 6 }),
        ("DELETE FROM ledger WHERE seq < 5", Fault::Missing { seq: 1, found: 5 }),
        ("DELETE FROM ledger WHERE seq = 8", Fault::Cut { seq: 8, last: 7 }),
    ];
    for (edit, expected) in cases {
        let disk = OnDisk::new();
        drop(three_chains(&disk).await);
        Connection::open(&disk.path).unwrap().execute_batch(edit).unwrap();
        assert_eq!(verified(&disk), Err(LedgerFault::Broken(expected)), "{edit}");
    }
}

#[tokio::test]
async fn a_later_chain_than_the_head_is_reported() {
    let disk = OnDisk::new();
    let (store, _) = three_chains(&disk).await;
    let sql = "INSERT INTO ledger SELECT CAST(x'ff' || substr(chain, 2) AS BLOB), 1, at, actor, address, request, action, \
               token, host, outcome, reason, bytes, hash FROM ledger WHERE seq = 1";
    store.hook(move |writer| writer.execute_batch(sql).unwrap());
    append(&store, 10).await.unwrap();
    assert_eq!(store.past_head().await.unwrap(), Some((1, 9)));
    assert_eq!(verified(&disk), Err(LedgerFault::Broken(Fault::OutOfOrder { seq: 1 })));
}
