//! Reading and verifying the ledger.

use super::{Authority, ServiceError};
use crate::id::ChainId;
use crate::ledger::{Fault, Verification};
use crate::store::{EntryRecord, Page, Store, StoreError};

/// How many entries are read at a time.
const CHUNK: u32 = 1000;

/// What verifying a chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The chain.
    pub chain: ChainId,
    /// How many entries were read and found good.
    pub entries: u64,
    /// The first fault, if there is one.
    pub fault: Option<Fault>,
}

/// Reads the current chain from its beginning and checks every entry; `progress` hears how many of how many are done.
///
/// # Errors
/// The store cannot be read.
pub async fn verify(store: &dyn Store, mut progress: impl FnMut(u64, u64)) -> Result<Verdict, StoreError> {
    let chain = store.chain().await?;
    // The head is read first: entries that are added meanwhile are beyond what is judged here.
    let head = store.chain_head().await?;
    let mut verification = Verification::new(chain);
    let mut done = 0;
    while done < head.0 {
        let entries = store.entries_after(chain, done, CHUNK).await?;
        if entries.is_empty() {
            break;
        }
        for entry in entries.iter().take_while(|entry| entry.seq <= head.0) {
            if let Err(fault) = verification.check(entry) {
                return Ok(Verdict { chain, entries: done, fault: Some(fault) });
            }
            done = entry.seq;
        }
        progress(done, head.0);
        if entries.last().is_some_and(|last| last.seq > head.0) {
            break;
        }
    }
    Ok(Verdict { chain, entries: done, fault: verification.finish(head).err() })
}

impl Authority {
    /// The newest entries of the ledger, newest first, before `before` if given.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_entries(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Page<EntryRecord, u64>, ServiceError> {
        // One more than is shown says whether another follows.
        let mut items = self.store.newest_entries(before, limit.saturating_add(1)).await?;
        let more = items.len() as u64 > u64::from(limit);
        if more {
            items.pop();
        }
        let next = items.last().filter(|_| more).map(|entry| entry.seq);
        Ok(Page { items, next })
    }

    /// Verifies the whole ledger.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn verify_ledger(&self) -> Result<Verdict, ServiceError> {
        Ok(verify(self.store.as_ref(), |_, _| {}).await?)
    }
}
