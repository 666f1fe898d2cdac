//! Recent changes of token statuses, numbered from 1. Each reader keeps its own position.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::id::StatusRef;
use crate::token::Status;

/// Maximum number of changes kept, about 100 KiB. A reader that is further behind reads whole lists.
const CAPACITY: usize = 4096;

/// The new status of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusChange {
    /// The token's entry.
    pub token: StatusRef,
    /// Its status from now on.
    pub status: Status,
}

/// The last changes in the order of their commits.
///
/// The publisher of the status lists, the event streams and resumed streams all read this one log.
#[derive(Default)]
pub struct ChangeLog(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    changes: VecDeque<StatusChange>,
    end: u64,
}

impl ChangeLog {
    /// The number of the newest change; 0 before the first.
    pub fn end(&self) -> u64 {
        self.0.lock().end
    }

    /// The changes after number `from`, up to and including number `to`.
    ///
    /// Returns `None` if some of them are no longer known or have not happened: every list may differ.
    pub fn between(&self, from: u64, to: u64) -> Option<Vec<StatusChange>> {
        let recent = self.0.lock();
        let behind = |position: u64| usize::try_from(recent.end.checked_sub(position)?).ok();
        let first = recent.changes.len().checked_sub(behind(from)?)?;
        let last = recent.changes.len().checked_sub(behind(to)?)?;
        (first <= last).then(|| recent.changes.range(first..last).copied().collect())
    }

    /// Adds the next change.
    pub(super) fn push(&self, change: StatusChange) {
        let mut recent = self.0.lock();
        if recent.changes.len() == CAPACITY {
            recent.changes.pop_front();
        }
        recent.changes.push_back(change);
        recent.end += 1;
    }

    /// Forgets every change, so that each reader has missed some.
    pub(super) fn forget(&self) {
        let mut recent = self.0.lock();
        recent.changes.clear();
        recent.end += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::ListId;

    fn changes(count: usize) -> Vec<StatusChange> {
        let list = ListId::generate(Timestamp::from_secs(1_900_000_000));
        let token = |index| StatusRef { list, index };
        let count = u32::try_from(count).unwrap();
        (0..count).map(|index| StatusChange { token: token(index), status: Status::Revoked }).collect()
    }

    #[test]
    fn readers_at_different_positions_read_the_same_changes() {
        let (log, pushed) = (ChangeLog::default(), changes(5));
        pushed.iter().for_each(|change| log.push(*change));
        assert_eq!(log.end(), 5);
        assert_eq!(log.between(0, 5), Some(pushed.clone()));
        assert_eq!(log.between(2, 4), Some(pushed[2..4].to_vec()));
        assert_eq!(log.between(5, 5), Some(Vec::new()));
        for (from, to) in [(6, 6), (0, 6), (4, 3)] {
            assert_eq!(log.between(from, to), None, "{from} to {to}");
        }
    }

    #[test]
    fn a_late_reader_of_the_bounded_log_gets_none() {
        let (log, pushed) = (ChangeLog::default(), changes(CAPACITY + 10));
        pushed.iter().for_each(|change| log.push(*change));
        assert_eq!(log.0.lock().changes.len(), CAPACITY);
        assert_eq!(log.between(9, log.end()), None);
        assert_eq!(log.between(10, log.end()), Some(pushed[10..].to_vec()));
    }

    #[test]
    fn a_forgotten_log_has_gaps_for_every_reader() {
        let (log, pushed) = (ChangeLog::default(), changes(3));
        pushed.iter().for_each(|change| log.push(*change));
        log.forget();
        assert_eq!((log.between(3, log.end()), log.between(4, log.end())), (None, Some(Vec::new())));
    }
}
