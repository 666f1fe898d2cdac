//! Verifying a chain: row by row, from its first entry to the stored head.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::chain::{ChainHead, HashedEntry, parse};
use super::entry::Origin;
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
            | Self::Column { seq, .. }
            | Self::Cut { seq, .. }
            | Self::PastHead { seq, .. }
            | Self::Head { seq } => seq,
        }
    }
}

/// A running verification. It sees every row of one chain once, in order, and keeps only the last hash.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The last verified row.
    last: ChainHead,
}

impl Verification {
    /// Starts before the first entry of `chain`.
    pub const fn new(chain: ChainId) -> Self {
        Self { last: ChainHead::start(chain) }
    }

    /// Number of entries verified so far.
    pub const fn checked(&self) -> u64 {
        self.last.seq
    }

    /// Checks the next row.
    ///
    /// # Errors
    /// The row's fault. The verification must not continue after it.
    pub fn check(&mut self, record: &EntryRecord) -> Result<(), Fault> {
        let (seq, expected) = (record.seq, self.last.seq + 1);
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
        (self.last.seq, self.last.hash) = (seq, record.hash);
        Ok(())
    }

    fn check_place(&self, entry: &HashedEntry<'_>, record: &EntryRecord) -> Result<(), Fault> {
        let seq = record.seq;
        if entry.seq != seq || entry.chain != self.last.chain || record.chain != self.last.chain {
            return Err(Fault::Moved { seq, written: entry.seq, chain: entry.chain });
        }
        if entry.previous != self.last.hash {
            return Err(Fault::Unchained { seq });
        }
        Ok(())
    }

    /// Compares the rows with the head that the writer keeps beside them: only the head shows that the last rows are missing.
    ///
    /// # Errors
    /// The difference between the two.
    pub fn finish(self, head: ChainHead) -> Result<(), Fault> {
        let (last, seq) = (self.last.seq, head.seq);
        if last < seq {
            return Err(Fault::Cut { seq, last });
        }
        if last > seq {
            return Err(Fault::PastHead { seq: last, head: seq });
        }
        if self.last == head { Ok(()) } else { Err(Fault::Head { seq }) }
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
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::TokenId;
    use crate::ledger::{Action, Draft, Subjects};

    fn ledger(length: u64) -> (Vec<EntryRecord>, ChainHead) {
        let now = Timestamp::from_secs(1_900_000_000);
        let mut head = ChainHead::start(ChainId::generate(now));
        let rows = (0..length).map(|_| {
            let token = TokenId::generate(now);
            let subjects = Subjects::token(token);
            let draft = Draft::done(Action::TokenCreated, now, "user:admin").about(subjects);
            row(&mut head, &draft)
        });
        (rows.collect(), head)
    }

    fn row(head: &mut ChainHead, draft: &Draft) -> EntryRecord {
        let link = head.append(draft);
        EntryRecord {
            chain: head.chain,
            seq: link.seq,
            origin: draft.origin.clone(),
            action: draft.action.to_string(),
            token: draft.subjects.token,
            host: draft.subjects.host,
            outcome: draft.outcome.as_str().to_owned(),
            reason: draft.reason.clone(),
            bytes: link.bytes,
            hash: link.hash,
        }
    }

    fn verify(rows: &[EntryRecord], head: ChainHead) -> Result<(), Fault> {
        let mut verification = Verification::new(head.chain);
        rows.iter().try_for_each(|row| verification.check(row))?;
        verification.finish(head)
    }

    #[test]
    fn an_unchanged_ledger_is_intact() {
        let (rows, head) = ledger(5);
        assert_eq!(verify(&rows, head), Ok(()));
        assert_eq!(verify(&[], ChainHead::start(head.chain)), Ok(()));
    }

    #[test]
    fn a_flipped_bit_is_found() {
        let (rows, head) = ledger(4);
        for bit in [0, 100, 600] {
            let mut flipped = rows.clone();
            flipped[2].bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(verify(&flipped, head), Err(Fault::Altered { seq: 3 }));
        }
    }

    #[test]
    fn a_rehashed_entry_breaks_the_chain() {
        let (mut rows, head) = ledger(4);
        let end = rows[1].bytes.len() - 2;
        rows[1].bytes[end] = b' ';
        rows[1].hash = Sha256::digest(&rows[1].bytes).into();
        assert!(matches!(
            verify(&rows, head),
            Err(Fault::Unreadable { seq: 2 } | Fault::Unchained { seq: 3 })
        ));
    }

    #[test]
    fn deleted_swapped_inserted_and_cut_rows_are_found() {
        let (rows, head) = ledger(5);
        let mut deleted = rows.clone();
        deleted.remove(2);
        assert_eq!(verify(&deleted, head), Err(Fault::Missing { seq: 3, found: 4 }));

        let mut swapped = rows.clone();
        swapped.swap(1, 2);
        (swapped[1].seq, swapped[2].seq) = (2, 3);
        assert_eq!(verify(&swapped, head), Err(Fault::Moved { seq: 2, written: 3, chain: head.chain }));

        let mut doubled = rows.clone();
        doubled.insert(2, rows[1].clone());
        assert_eq!(verify(&doubled, head), Err(Fault::OutOfOrder { seq: 2 }));

        assert_eq!(verify(&rows[..4], head), Err(Fault::Cut { seq: 5, last: 4 }));
        let early = ChainHead { seq: 4, hash: rows[3].hash, ..head };
        assert_eq!(verify(&rows, early), Err(Fault::PastHead { seq: 5, head: 4 }));
        assert_eq!(verify(&rows, ChainHead { hash: [1; 32], ..head }), Err(Fault::Head { seq: 5 }));
    }

    #[test]
    fn an_inserted_row_is_unchained() {
        let (mut rows, head) = ledger(3);
        let mut forged = ChainHead { seq: 1, hash: [9; 32], ..head };
        rows[1] = row(&mut forged, &Draft::done(Action::TokenRevoked, rows[1].origin.at, "user:mallory"));
        assert_eq!(verify(&rows, head), Err(Fault::Unchained { seq: 2 }));
    }

    #[test]
    fn an_edited_column_is_named() {
        let (rows, head) = ledger(2);
        let column = |change: fn(&mut EntryRecord)| {
            let mut changed = rows.clone();
            change(&mut changed[1]);
            match verify(&changed, head) {
                Err(Fault::Column { seq: 2, column }) => column,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(column(|row| row.origin.at = Timestamp::from_secs(1)), "at");
        assert_eq!(column(|row| row.origin.actor = "user:other".to_owned()), "actor");
        assert_eq!(column(|row| row.token = None), "token");
        assert_eq!(column(|row| row.outcome = "refused".to_owned()), "outcome");
        assert_eq!(column(|row| row.reason = "because".to_owned()), "reason");
    }
}
