//! Ledgers with one fault each, and the seam of a restore.

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
    let mut verification = Verification::default();
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
    assert!(matches!(verify(&rows, head), Err(Fault::Unreadable { seq: 2 } | Fault::Unchained { seq: 3 })));
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
    let mut other = rows.clone();
    other[1].chain = later(head.chain);
    assert_eq!(verify(&other, head), Err(Fault::Moved { seq: 2, written: 2, chain: head.chain }));

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

/// A chain that begins after `chain`.
fn later(chain: ChainId) -> ChainId {
    let mut bytes = *chain.as_bytes();
    bytes[0] += 1;
    ChainId::from_bytes(bytes)
}

/// The time of the entries.
fn begun(rows: &[EntryRecord]) -> Timestamp {
    rows[0].origin.at
}

/// A ledger of 3 entries, and 2 of the chain that `action` begins.
fn seam(action: Action) -> (Vec<EntryRecord>, ChainHead) {
    let (mut rows, head) = ledger(3);
    let mut head = ChainHead { chain: later(head.chain), ..head };
    let at = begun(&rows);
    for action in [action, Action::TokenCreated] {
        rows.push(row(&mut head, &Draft::done(action, at, "system")));
    }
    (rows, head)
}

#[test]
fn a_restore_continues_in_another_chain() {
    let (rows, head) = seam(Action::Restored);
    assert_eq!(verify(&rows, head), Ok(()));
    let mut verification = Verification::default();
    rows.iter().for_each(|row| verification.check(row).unwrap());
    assert_eq!(verification.checked(), 5);
    assert_eq!(verification.place(), (head.chain, 5));
    assert_eq!(verify(&rows[..4], head), Err(Fault::Cut { seq: 5, last: 4 }));
}

#[test]
fn rows_removed_before_a_restore_are_found() {
    let (rows, head) = seam(Action::Restored);
    let mut cut = rows.clone();
    cut.remove(2);
    assert_eq!(verify(&cut, head), Err(Fault::Missing { seq: 3, found: 4 }));
    assert_eq!(verify(&rows[3..], head), Err(Fault::Missing { seq: 1, found: 4 }));
    let mut replaced = rows;
    let mut forged = ChainHead { seq: 2, hash: replaced[1].hash, ..ChainHead::start(replaced[1].chain) };
    replaced[2] = row(&mut forged, &Draft::done(Action::TokenRevoked, begun(&replaced), "user:mallory"));
    assert_eq!(verify(&replaced, head), Err(Fault::Unchained { seq: 4 }));
}

#[test]
fn a_chain_without_a_restore_is_a_fault() {
    let (rows, head) = seam(Action::TokenCreated);
    assert_eq!(verify(&rows, head), Err(Fault::NotRestored { seq: 4, chain: head.chain }));
    let (mut rows, head) = ledger(3);
    let mut other = ChainHead::start(later(head.chain));
    rows.push(row(&mut other, &Draft::done(Action::Restored, begun(&rows), "system")));
    assert_eq!(verify(&rows, other), Err(Fault::OutOfOrder { seq: 1 }));
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
