//! What subscribers have not been told yet.

use std::collections::BTreeMap;

use crate::id::ListId;
use crate::store::{ListChange, Taken};
use crate::token::Status;

/// The most changes that are held while nothing can be signed; beyond it subscribers are told to fetch the lists.
const MOST: usize = 4096;

/// The changes since the last round, the last one of each token.
#[derive(Debug, Default)]
pub(super) struct News {
    changes: BTreeMap<ListId, BTreeMap<u32, Status>>,
    held: usize,
    lost: bool,
}

impl News {
    /// Adds what the store has noted.
    pub(super) fn add(&mut self, taken: Taken) {
        self.lost |= taken.overflowed;
        for change in taken.changes {
            match change {
                // An opened list has nothing to tell, and a dropped one nobody to tell it to.
                ListChange::Opened(_) => {}
                ListChange::Dropped(list) => drop(self.changes.remove(&list)),
                ListChange::Status(token, status) => {
                    let new = self.changes.entry(token.list).or_default().insert(token.index, status);
                    self.held += usize::from(new.is_none());
                }
            }
        }
        if self.held > MOST {
            self.lost = true;
        }
        if self.lost {
            self.changes = BTreeMap::new();
            self.held = 0;
        }
    }

    /// Whether more has changed than is known: every list may differ.
    pub(super) const fn is_lost(&self) -> bool {
        self.lost
    }

    /// The lists that are known to differ.
    pub(super) fn lists(&self) -> impl Iterator<Item = ListId> {
        self.changes.keys().copied()
    }

    /// What changed in which list.
    pub(super) fn changes(&self) -> impl Iterator<Item = (ListId, &BTreeMap<u32, Status>)> {
        self.changes.iter().map(|(list, changes)| (*list, changes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::StatusRef;

    fn list() -> ListId {
        ListId::generate(Timestamp::from_secs(1_900_000_000))
    }

    fn taken(list: ListId, indexes: std::ops::Range<u32>, status: Status) -> Taken {
        let changes = indexes.map(|index| ListChange::Status(StatusRef { list, index }, status));
        Taken { changes: changes.collect(), overflowed: false }
    }

    #[test]
    fn of_one_tokens_changes_the_last_is_told() {
        let (mut news, list) = (News::default(), list());
        news.add(taken(list, 7..8, Status::Suspended));
        news.add(taken(list, 7..8, Status::Revoked));
        let told = news.changes().collect::<Vec<_>>();
        assert_eq!(told, [(list, &BTreeMap::from([(7, Status::Revoked)]))]);
    }

    #[test]
    fn a_dropped_list_is_told_no_more() {
        let (mut news, list) = (News::default(), list());
        news.add(taken(list, 0..3, Status::Revoked));
        news.add(Taken { changes: vec![ListChange::Dropped(list)], overflowed: false });
        assert_eq!((news.lists().count(), news.is_lost()), (0, false));
    }

    #[test]
    fn what_cannot_be_told_for_long_is_counted_as_lost_and_does_not_grow() {
        let (mut news, list) = (News::default(), list());
        let most = u32::try_from(MOST).unwrap();
        news.add(taken(list, 0..most, Status::Revoked));
        assert!(!news.is_lost());
        news.add(taken(list, most..most + 1, Status::Revoked));
        assert!(news.is_lost() && news.changes().next().is_none());
        news.add(taken(list, 0..9, Status::UsedUp));
        assert!(news.is_lost() && news.changes().next().is_none());
    }
}
