//! The ledger: the append-only, hash-chained record of every decision.

mod basis;
mod chain;
mod entry;
mod line;
mod record;
mod verification;

pub use basis::Basis;
pub use chain::{ChainHead, HashedEntry, Link, parse};
pub use entry::{Action, Draft, Origin, Outcome, Subjects};
pub use record::EntryRecord;
pub use verification::{Fault, Verification};
