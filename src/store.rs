//! The store: all that a signature cannot say. [`Verbs`] write, each atomically and with its ledger entries; a small trait per noun
//! reads. One process writes: see "The next backend" in ARCHITECTURE.md.

mod command;
#[cfg(test)]
mod contract;
mod listing;
mod outcome;
mod read;
mod record;
pub mod revocations;
pub mod sqlite;

use std::future::Future;
use std::pin::Pin;

pub use command::*;
pub use listing::*;
pub use outcome::*;
pub use read::*;
pub use record::*;
pub use revocations::{ListChange, Revocations, Taken};

/// What a store answers with, later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Why the store did not do what it was asked. Whatever the variant, nothing was half done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full.
    #[error("the disk that holds the database is full: free some space; gatepass goes on by itself")]
    Full,
    /// The database cannot be written.
    #[error(
        "the database cannot be written: make its file and directory writable; gatepass goes on by itself"
    )]
    ReadOnly,
    /// The file of the database is not where it was.
    #[error(
        "the database file is gone or another one is in its place: bring it back; gatepass goes on by itself"
    )]
    Gone,
    /// Another process holds the database.
    #[error("the database is locked by another process: stop that process; gatepass goes on by itself")]
    Busy,
    /// Too much work waits already.
    #[error("more writes are waiting than the store accepts: try again in a second")]
    Overloaded,
    /// Each attempt lost a race against another write.
    #[error("other writes changed the same records each time it was tried: try again in a second")]
    Contended,
    /// The disk failed, or it is unknown whether a commit reached it. The process must end.
    #[error("the disk failed: {detail}")]
    Failed {
        /// What the database said.
        detail: String,
    },
    /// The database does not hold what it should.
    #[error("the database is damaged: {detail}")]
    Damaged {
        /// What is wrong with it.
        detail: String,
    },
    /// Who asked for it is disabled or gone by now, or the API key has expired or is gone. Nothing was written.
    #[error("who asked for it may do nothing any more")]
    ActorGone,
    /// The rights of who asked for it are not those any more that it was judged upon. Nothing was written.
    #[error("the rights of who asked for it have changed meanwhile")]
    RightsChanged,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// A store, whichever database is behind it.
pub trait Store:
    Verbs + Tokens + Hosts + Entries + Accounts + Administration + Sessions + Send + Sync
{
    /// What is revoked, in memory. It changes after the commit that changed it, before the command is answered.
    fn revocations(&self) -> &Revocations;

    /// Why the newest write was not possible; `None` if it was. Asking this writes nothing.
    fn standing(&self) -> Option<StoreError>;

    /// Whether writes are possible now, tried with a real one that changes nothing. For a timer, never for a stranger.
    fn probe(&self) -> Answer<'_, ()>;
}
