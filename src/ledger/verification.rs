//! Verifying a ledger: row by row, from the first entry of its first chain to the stored head.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::chain::{ChainHead, HashedEntry, parse};
use super::entry::{Action, Origin};
use super::record::EntryRecord;
use crate::id::ChainId;

/// A fault of a ledger, with its row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Rows are gone.
    #[error("entry {seq} is missing: the next one there is {found}")]
    Missing {
        /// The first that is missing.
        seq: u64,
        /// The one found in its place.
        found: u64,
    },
    /// A row repeats or precedes a number that was read before.
    #[error("entry {seq} stands out of order or twice")]
    OutOfOrder {
        /// Number of the entry.
        seq: u64,
    },
    /// The bytes do not match their hash.
    #[error("entry {seq} was altered: its bytes do not have its hash")]
    Altered {
        /// Number of the entry.
        seq: u64,
    },
    /// The bytes are not an entry.
    #[error("entry {seq} was altered: its bytes are not an entry")]
    Unreadable {
        /// Number of the entry.
        seq: u64,
    },
    /// The bytes belong to another row.
    #[error("entry {seq} was moved: its hashed bytes say it is entry {written} of chain {chain}")]
    Moved {
        /// The row's number.
        seq: u64,
        /// Number in the hashed bytes.
        written: u64,
        /// The chain in its bytes.
        chain: ChainId,
    },
    /// The entry is not chained to its predecessor.
    #[error("entry {seq} does not follow the entry before it: one of the two was altered or inserted")]
    Unchained {
        /// Number of the entry.
        seq: u64,
    },
    /// A chain begins without a restore.
    #[error(
        "entry {seq} begins the chain {chain}, but it is not the entry of a restore: it was inserted or altered"
    )]
    NotRestored {
        /// Number of the entry.
        seq: u64,
        /// The chain of the entry.
        chain: ChainId,
    },
    /// A column differs from the hashed bytes.
    #[error("entry {seq} was altered: its column {column:?} differs from its hashed bytes")]
    Column {
        /// Number of the entry.
        seq: u64,
        /// A column differs from the hashed bytes of its row.
        column: &'static str,
    },
    /// The last rows are gone.
    #[error("the ledger was cut: it ends with entry {last}, its head says {seq}")]
    Cut {
        /// Number of the head.
        seq: u64,
        /// Number of the last row.
        last: u64,
    },
    /// There are rows past the head.
    #[error("entry {seq} was inserted: the ledger's head is at {head}")]
    PastHead {
        /// Number of the last row.
        seq: u64,
        /// Number of the head.
        head: u64,
    },
    /// The head names another last row.
    #[error("entry {seq} was replaced: the ledger's head has another hash")]
    Head {
        /// Number of the entry.
        seq: u64,
    },
}

impl Fault {
    /// Number of the faulty entry.
    pub const fn seq(&self) -> u64 {
        match *self {
            Self::Missing { seq, .. }
            | Self::OutOfOrder { seq }
            | Self::Altered { seq }
            | Self::Unreadable { seq }
            | Self::Moved { seq, .. }
            | Self::Unchained { seq }
            | Self::NotRestored { seq, .. }
            | Self::Column { seq, .. }
            | Self::Cut { seq, .. }
            | Self::PastHead { seq, .. }
            | Self::Head { seq } => seq,
        }
    }
}

/// A running verification. It sees every row once, in the order of chains and numbers, and keeps only the last hash.
///
/// A restore begins a chain. Its first entry has the next number, and the hash of the last entry of the chain before.
#[derive(Clone, Copy, Debug, Default)]
pub struct Verification {
    /// The last verified row.
    last: Option<ChainHead>,
}

impl Verification {
    /// Number of entries verified so far.
    pub fn checked(&self) -> u64 {
        self.last.map_or(0, |last| last.seq)
    }

    /// The place of the last verified row. No row stands before the one of a new verification.
    pub fn place(&self) -> (ChainId, u64) {
        self.last.map_or((ChainId::from_bytes([0; 16]), 0), |last| (last.chain, last.seq))
    }

    /// Checks the next row.
    ///
    /// # Errors
    /// The row's fault. The verification must not continue after it.
    pub fn check(&mut self, record: &EntryRecord) -> Result<(), Fault> {
        let (seq, expected) = (record.seq, self.checked() + 1);
        if seq > expected {
            return Err(Fault::Missing { seq: expected, found: seq });
        }
        if seq < expected {
            return Err(Fault::OutOfOrder { seq });
        }
        if <[u8; 32]>::from(Sha256::digest(&record.bytes)) != record.hash {
            return Err(Fault::Altered { seq });
        }
        let entry = parse(&record.bytes).ok_or(Fault::Unreadable { seq })?;
        self.check_place(&entry, record)?;
        check_columns(&entry, record)?;
        self.last = Some(ChainHead { chain: record.chain, seq, hash: record.hash });
        Ok(())
    }

    fn check_place(&self, entry: &HashedEntry<'_>, record: &EntryRecord) -> Result<(), Fault> {
        let (seq, chain) = (record.seq, record.chain);
        if entry.seq != seq || entry.chain != chain {
            return Err(Fault::Moved { seq, written: entry.seq, chain: entry.chain });
        }
        if entry.previous != self.last.map_or([0; 32], |last| last.hash) {
            return Err(Fault::Unchained { seq });
        }
        // The first entry of all is the one of the foundation.
        let begins = self.last.is_some_and(|last| last.chain != chain);
        if begins && record.action != Action::Restored.as_str() {
            return Err(Fault::NotRestored { seq, chain });
        }
        Ok(())
    }

    /// Compares the rows with the head that the writer keeps beside them: only the head shows that the last rows are missing.
    ///
    /// # Errors
    /// The difference between the two.
    pub fn finish(self, head: ChainHead) -> Result<(), Fault> {
        let (last, seq) = (self.checked(), head.seq);
        if last < seq {
            return Err(Fault::Cut { seq, last });
        }
        if last > seq {
            return Err(Fault::PastHead { seq: last, head: seq });
        }
        match self.last {
            Some(last) if last != head => Err(Fault::Head { seq }),
            _ => Ok(()),
        }
    }
}

/// The columns only index the hashed bytes. An edited column, which would hide an entry from a list, is a fault.
fn check_columns(entry: &HashedEntry<'_>, record: &EntryRecord) -> Result<(), Fault> {
    let EntryRecord { seq, origin: Origin { at, actor, address, request }, .. } = record;
    let seq = *seq;
    let body: Value = serde_json::from_slice(entry.body).map_err(|_| Fault::Unreadable { seq })?;
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let shown = |value: Option<String>| value.unwrap_or_default();
    let columns = [
        ("at", "/at", at.to_rfc3339()),
        ("actor", "/actor", actor.clone()),
        ("address", "/address", shown(address.map(|address| address.to_string()))),
        ("request", "/request", shown(request.map(|request| request.to_string()))),
        ("action", "/action", record.action.clone()),
        ("token", "/subjects/token", shown(record.token.map(|token| token.to_string()))),
        ("host", "/subjects/host", shown(record.host.map(|host| host.to_string()))),
        ("outcome", "/outcome", record.outcome.clone()),
        ("reason", "/reason", record.reason.clone()),
    ];
    match columns.iter().find(|(_, pointer, column)| text(pointer) != column) {
        Some((column, ..)) => Err(Fault::Column { seq, column }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
