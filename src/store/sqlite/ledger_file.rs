//! The ledger of a database opened for reading: verified without a server.

use std::path::Path;

use rusqlite::Connection;

use super::driver::Sql;
use super::open::open_existing;
use super::open_error::OpenError;
use super::{fault, read};
use crate::ledger::{ChainHead, Fault, Verification};
use crate::store::StoreError;

/// Entries read at a time: a ledger of any length takes little memory.
const CHUNK: u32 = 1000;

/// The reason why a ledger is not intact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// The ledger was changed or damaged.
    #[error("the ledger is not whole: {0}")]
    Broken(#[from] Fault),
    /// The ledger could not be read.
    #[error("the ledger cannot be read: {0}")]
    Unreadable(#[from] StoreError),
}

/// A ledger opened for reading. A server may run on the same database.
pub struct LedgerFile(Connection);

impl LedgerFile {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        open_existing(path).map(Self)
    }

    /// Verifies every chain from its first entry to the head, as of this moment, and returns the head. `progress` gets the
    /// numbers of verified and of all entries.
    ///
    /// # Errors
    /// The first fault, or the reason why the entries cannot be read.
    pub fn verify(&self, mut progress: impl FnMut(u64, u64)) -> Result<ChainHead, LedgerFault> {
        let unreadable = |error| LedgerFault::Unreadable(fault::of_read(&error));
        // One snapshot for the head and all entries: a server may be writing.
        let snapshot = self.0.unchecked_transaction().map_err(unreadable)?;
        let sql = Sql::on(&snapshot);
        let head = read::chain_head(sql).map_err(unreadable)?;
        let mut verification = Verification::default();
        loop {
            let (chain, seq) = verification.place();
            let entries = read::entries_after(sql, chain, seq, CHUNK);
            let entries = entries.map_err(unreadable)?;
            if entries.is_empty() {
                verification.finish(head)?;
                return Ok(head);
            }
            for entry in &entries {
                verification.check(entry)?;
            }
            progress(verification.checked(), head.seq);
        }
    }
}
