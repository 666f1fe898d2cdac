//! The mark beside the keys: an entry that the ledger had. An older copy of the database does not have it.

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::ServiceError;
use super::base::Base;
use super::vault::{Vault, VaultError};
use crate::clock::Timestamp;
use crate::id::{ChainId, hex};
use crate::ledger::{ChainHead, EntryRecord};
use crate::store::{Store, StoreError};

/// The file of the mark in the keys directory.
pub const LEDGER_MARK: &str = "ledger.mark";

/// A committed entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LedgerMark {
    /// Id of the chain.
    pub chain: ChainId,
    /// Number of the entry.
    pub seq: u64,
    /// The entry's hash, in hexadecimal.
    hash: String,
    /// The time at which the mark was written.
    pub at: Timestamp,
}

/// The difference between a ledger and its mark.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkFault {
    /// The ledger ends before the entry.
    #[error(
        "the ledger of the database ends with entry {last} of {last_at}, but it had {seq} entries at {at}"
    )]
    Behind {
        /// Number of the last entry.
        last: u64,
        /// Its time.
        last_at: Timestamp,
        /// Number of the marked entry.
        seq: u64,
        /// The time of the mark.
        at: Timestamp,
    },
    /// The ledger has another entry with that number.
    #[error(
        "entry {seq} of the database is of {found_at}, and is not the entry {seq} that the ledger had at {at}"
    )]
    Differs {
        /// Number of the marked entry.
        seq: u64,
        /// The time of the entry with that number.
        found_at: Timestamp,
        /// The time of the mark.
        at: Timestamp,
    },
    /// The ledger does not have the chain: it is from before a restore, or of another authority.
    #[error(
        "the database ends with entry {last} and does not know the chain {chain}, which had entry {seq} at {at}"
    )]
    UnknownChain {
        /// Number of the last entry.
        last: u64,
        /// The chain of the mark.
        chain: ChainId,
        /// Number of the marked entry.
        seq: u64,
        /// The time of the mark.
        at: Timestamp,
    },
}

impl LedgerMark {
    /// The mark of a committed head, at `now`.
    pub fn of(head: ChainHead, now: Timestamp) -> Self {
        Self { chain: head.chain, seq: head.seq, hash: hex(&head.hash), at: now }
    }

    /// Reads the mark; `None` before the first one.
    ///
    /// # Errors
    /// The file is exposed, malformed or cannot be read.
    pub fn read(vault: &Vault) -> Result<Option<Self>, VaultError> {
        vault.holds(LEDGER_MARK).then(|| vault.load_json(LEDGER_MARK)).transpose()
    }

    /// Writes the mark. Call it only after the commit of the entry: a mark that is ahead locks out a good database.
    ///
    /// # Errors
    /// The file cannot be written. The mark before it is still there.
    pub fn write(&self, vault: &Vault) -> Result<(), VaultError> {
        vault.save_json(LEDGER_MARK, self)
    }

    /// Looks for the entry in the ledger of `store`. Returns the difference, if any.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn judge(&self, store: &dyn Store) -> Result<Option<MarkFault>, StoreError> {
        let Self { chain, seq, at, .. } = *self;
        let head = store.chain_head().await?;
        if !store.knows_chain(chain).await? {
            return Ok(Some(MarkFault::UnknownChain { last: head.seq, chain, seq, at }));
        }
        let (wanted, last) = (entry(store, seq).await?, entry(store, head.seq).await?);
        Ok(match wanted {
            Some(found) if found.chain == chain && hex(&found.hash) == self.hash => None,
            Some(found) if seq <= head.seq => Some(MarkFault::Differs { seq, found_at: found.origin.at, at }),
            _ => {
                let last_at = last.map_or(at, |last| last.origin.at);
                Some(MarkFault::Behind { last: head.seq, last_at, seq, at })
            }
        })
    }
}

/// Returns the entry with this number.
async fn entry(store: &dyn Store, seq: u64) -> Result<Option<EntryRecord>, StoreError> {
    let before = seq.saturating_sub(1);
    let entries = store.entries_after(store.chain_after(before).await?, before, 1).await?;
    Ok(entries.into_iter().find(|entry| entry.seq == seq))
}

/// Keeps the mark of a running server close to the newest entry.
pub struct MarkKeeper {
    base: Base,
    vault: Vault,
    written: Mutex<Option<ChainHead>>,
    fault: Mutex<Option<VaultError>>,
}

impl MarkKeeper {
    /// The keeper of the mark in `vault`.
    pub fn new(base: Base, vault: Vault) -> Self {
        Self { base, vault, written: Mutex::default(), fault: Mutex::default() }
    }

    /// Writes the mark of the newest entry, unless it is there already. Readers see an entry after its commit, so the mark is
    /// never ahead.
    ///
    /// # Errors
    /// The store cannot be read, or the file cannot be written.
    pub async fn write(&self) -> Result<(), ServiceError> {
        let head = self.base.store.chain_head().await?;
        if head.seq == 0 || *self.written.lock() == Some(head) {
            return Ok(());
        }
        let (mark, vault) = (LedgerMark::of(head, self.base.time.now()), self.vault.clone());
        let written = tokio::task::spawn_blocking(move || mark.write(&vault)).await;
        let written = written.map_err(|_| StoreError::Closed)?;
        *self.fault.lock() = written.as_ref().err().cloned();
        written?;
        *self.written.lock() = Some(head);
        Ok(())
    }

    /// Returns the reason why the newest mark could not be written.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().as_ref().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests;
