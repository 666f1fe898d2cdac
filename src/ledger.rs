//! The ledger: the append-only, hash-chained record of every decision.

mod chain;
mod entry;
mod verification;

pub use chain::{ChainHead, Link};
pub use entry::{Action, Draft, Outcome, Subjects};
pub use verification::{Fault, Verification};
