//! A moment of a store, from which a copy is made while writes go on.

use std::path::Path;

use super::StoreError;
use crate::ledger::ChainHead;

/// A moment of a store. It is read in one transaction: a copy in steps beside a writer would never end.
pub trait Snapshot: Send {
    /// Copies the moment into the new file `to` (mode 0600) and verifies the copy: its pages, references and ledger. Returns the
    /// head of its ledger. A file that remains after an error is not a backup.
    ///
    /// # Errors
    /// The store cannot be read, the file cannot be written, or the copy is not sound.
    fn copy_to(
        self: Box<Self>,
        to: &Path,
        progress: &mut dyn FnMut(CopyProgress),
    ) -> Result<ChainHead, CopyError>;
}

/// A step of copying or of verifying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyProgress {
    /// Bytes of the database that were copied, and of all.
    Copied(u64, u64),
    /// Entries of the ledger that were verified, and of all.
    Verified(u64, u64),
}

/// The reason why a copy is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CopyError {
    /// The store cannot be read.
    #[error("the database cannot be read: {0}")]
    Unreadable(#[from] StoreError),
    /// The copy cannot be written.
    #[error("{path} cannot be written: {cause}")]
    Unwritable {
        /// The file.
        path: String,
        /// The message of the system or the database.
        cause: String,
    },
    /// The copy has a fault, which the database has too, or the disk made.
    #[error("the copy of the database is not sound: {fault}; run `gatepass doctor --integrity`")]
    Unsound {
        /// The first fault.
        fault: String,
    },
}
