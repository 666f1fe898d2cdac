//! The store: all facts that a signature cannot carry. [`Verbs`] write, each atomically and with its ledger entries. A small trait per noun
//! reads. One process writes: see "The next backend" in ARCHITECTURE.md.

mod clock_mark;
mod command;
mod commits;
#[cfg(test)]
mod contract;
mod listing;
mod outcome;
mod read;
mod record;
pub mod revocations;
mod snapshot;
pub mod sqlite;
mod standing;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::broadcast::Receiver;

pub use clock_mark::ClockMark;
pub use command::*;
pub use commits::{Commit, CommittedEntry};
pub use listing::*;
pub use outcome::*;
pub use read::*;
pub use record::*;
#[cfg(test)]
pub(crate) use revocations::with_lists;
pub use revocations::{ChangeLog, PAGE_BYTES, Revocations, StatusChange, StoredRevocations};
pub use snapshot::{CopyError, CopyProgress, Snapshot};
pub use standing::Standing;

/// The future result of a call to the store.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The reason for a failed call. With every variant, nothing was half done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error(
        "the disk that holds the database is full: free some space; gatepass then continues automatically"
    )]
    Full,
    /// The database cannot be written.
    #[error(
        "the database cannot be written: make its file and directory writable; gatepass then continues automatically"
    )]
    ReadOnly,
    /// The database file was removed or replaced.
    #[error(
        "the database file is gone or another one is in its place: bring it back without stopping gatepass, whose open file may be the only copy; \
         it then continues automatically"
    )]
    Gone,
    /// A file beside the database was removed or replaced. Its content is moved into the database, then the process must end.
    #[error(
        "{path} was removed or replaced while gatepass ran: gatepass moves what it holds into the database and stops; start it \
         again"
    )]
    Removed {
        /// The file.
        path: String,
    },
    /// Another process holds the database.
    #[error(
        "the database is locked by another process: stop that process; gatepass then continues automatically"
    )]
    Busy,
    /// The queue of writes is full.
    #[error("more writes are waiting than the store accepts: try again in a second")]
    Overloaded,
    /// Each attempt lost a race against another write.
    #[error("other writes changed the same records each time it was tried: try again in a second")]
    Contended,
    /// The disk failed, or a commit has an unknown outcome. The process must end.
    #[error("the disk failed: {detail}")]
    Failed {
        /// Message of the database.
        detail: String,
    },
    /// The database contradicts its schema or itself.
    #[error("the database is damaged: {detail}: run `gatepass doctor --integrity`")]
    Damaged {
        /// The contradiction.
        detail: String,
    },
    /// The caller's user is disabled or deleted, or the API key has expired or is deleted. Nothing was written.
    #[error("the caller was disabled, deleted or expired while the request ran")]
    ActorGone,
    /// The caller's rights changed after they were read. Nothing was written.
    #[error("the caller's rights changed while the request ran")]
    RightsChanged,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// A store on any database.
pub trait Store:
    Verbs
    + TokenReads
    + HostReads
    + LedgerReads
    + AccountReads
    + AuthorityReads
    + RuleReads
    + PolicyReads
    + OutputReads
    + OutputKeyReads
    + EnrollmentReads
    + FleetReads
    + OpaqueKeyReads
    + SessionReads
    + Send
    + Sync
{
    /// The revocations in memory. They change after the commit, before the caller gets its answer.
    fn revocations(&self) -> &Revocations;

    /// The clock mark in memory, which each commit with an entry stores.
    fn mark(&self) -> Arc<ClockMark>;

    /// The commits from now on that have ledger entries. A receiver that lags misses some; the store never waits for it.
    fn commits(&self) -> Receiver<Arc<Commit>>;

    /// Number of the last ledger entry that this process committed; 0 before the first.
    fn newest_commit(&self) -> u64;

    /// The faults that later calls may meet too. It costs no write.
    fn standing(&self) -> Standing;

    /// Looks whether the files are in place and can be locked. After a failed write it tries a real one, which changes nothing. For a timer,
    /// not for a request.
    fn probe(&self) -> StoreFuture<'_, ()>;

    /// Holds the last commit for a copy.
    fn snapshot(&self) -> StoreFuture<'_, Box<dyn Snapshot>>;
}
