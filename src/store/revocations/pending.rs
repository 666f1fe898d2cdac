//! What has changed of the status lists since their publisher last asked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::{ListId, StatusRef};
use crate::token::Status;

/// The most changes that are kept for the publisher: about 200 KiB. Who is told of more reads whole lists as fast.
const MOST: usize = 4096;

/// One thing that a commit changed of what is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// A list was opened.
    Opened(ListId),
    /// A list was dropped.
    Dropped(ListId),
    /// A token's status changed.
    Status(StatusRef, Status),
}

/// What the publisher takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// What changed, in the order of the commits; nothing if there was more than is kept.
    pub changes: Vec<ListChange>,
    /// True if there was more than is kept: then every list may differ.
    pub overflowed: bool,
}

/// What waits for the publisher.
#[derive(Default)]
pub(super) struct Pending(Mutex<Taken>);

impl Pending {
    /// Keeps `change` for the publisher.
    pub(super) fn note(&self, change: ListChange) {
        let mut taken = self.taken();
        if taken.overflowed {
            return;
        }
        if taken.changes.len() >= MOST {
            *taken = Taken { changes: Vec::new(), overflowed: true };
            return;
        }
        taken.changes.push(change);
    }

    /// Everything that waits; it waits no more.
    pub(super) fn take(&self) -> Taken {
        std::mem::take(&mut *self.taken())
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    fn change(list: ListId, index: usize) -> ListChange {
        ListChange::Status(StatusRef { list, index: u32::try_from(index).unwrap() }, Status::Revoked)
    }

    #[test]
    fn changes_wait_in_order_and_are_taken_once() {
        let (pending, list) = (Pending::default(), ListId::generate(Timestamp::from_secs(1_900_000_000)));
        let noted = [ListChange::Opened(list), change(list, 7), ListChange::Dropped(list)];
        noted.into_iter().for_each(|change| pending.note(change));
        assert_eq!(pending.take(), Taken { changes: noted.to_vec(), overflowed: false });
        assert_eq!(pending.take(), Taken::default());
    }

    #[test]
    fn what_nobody_takes_does_not_grow() {
        let (pending, list) = (Pending::default(), ListId::generate(Timestamp::from_secs(1_900_000_000)));
        (0..MOST).for_each(|index| pending.note(change(list, index)));
        assert_eq!(pending.taken().changes.len(), MOST);
        (0..3 * MOST).for_each(|index| pending.note(change(list, index)));
        assert_eq!(pending.taken().changes.capacity(), 0);
        assert_eq!(pending.take(), Taken { changes: Vec::new(), overflowed: true });
        pending.note(change(list, 1));
        assert_eq!(pending.take(), Taken { changes: vec![change(list, 1)], overflowed: false });
    }
}
