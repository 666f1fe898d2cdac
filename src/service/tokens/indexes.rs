//! Status list entries for new tokens: each index is given once, in random order.
//!
//! Anyone can watch the lists. An index that followed from the order of minting would show how many tokens were minted
//! before (draft-ietf-oauth-status-list-21 section 13.3 advises random ones). So indexes are drawn from a shuffled block,
//! one page of the list. A restart begins the next block: the rest of the last one is lost.

use tokio::sync::Mutex;

use crate::clock::Timestamp;
use crate::id::{ListId, StatusRef, random};
use crate::store::{ListKind, ListRecord, OpenList, PAGE_BYTES, Store, StoreError};
use crate::token::STATUS_LIST_CAPACITY;

/// Number of indexes in a block: a page of the list, with four of them in a byte.
const BLOCK: u32 = PAGE_BYTES as u32 * 4;

/// Gives out indexes of the two open lists. The index of a failed mint is never given again.
pub struct Indexes {
    ephemeral: Mutex<Open>,
    persistent: Mutex<Open>,
}

struct Open {
    list: ListId,
    /// The first index of the next block.
    next: u32,
    /// The rest of the current block, shuffled.
    block: Vec<u32>,
}

impl Indexes {
    /// Continues after the stored lists; `None` unless each kind has an open list.
    pub fn resume(lists: &[ListRecord]) -> Option<Self> {
        Some(Self {
            ephemeral: newest(lists, ListKind::Ephemeral)?,
            persistent: newest(lists, ListKind::Persistent)?,
        })
    }

    /// A free index of a list of `kind`. A full list is followed by a new one, recorded first.
    pub(in crate::service) async fn take(
        &self,
        kind: ListKind,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<StatusRef, StoreError> {
        let mut open = self.of(kind).lock().await;
        loop {
            if let Some(index) = open.block.pop() {
                return Ok(StatusRef { list: open.list, index });
            }
            if open.next >= STATUS_LIST_CAPACITY {
                let list = ListRecord { id: ListId::generate(now), kind, next: 0 };
                store.open_list(OpenList { list }).await?;
                *open = Open::after(&list);
            }
            open.block = shuffled(open.next);
            open.next += BLOCK;
        }
    }

    /// The lists that are being written to.
    pub(in crate::service) async fn open(&self) -> Vec<ListId> {
        vec![self.ephemeral.lock().await.list, self.persistent.lock().await.list]
    }

    const fn of(&self, kind: ListKind) -> &Mutex<Open> {
        match kind {
            ListKind::Ephemeral => &self.ephemeral,
            ListKind::Persistent => &self.persistent,
        }
    }
}

/// Ids are time-ordered: the greatest is the newest.
fn newest(lists: &[ListRecord], kind: ListKind) -> Option<Mutex<Open>> {
    let list = lists.iter().filter(|list| list.kind == kind).max_by_key(|list| list.id)?;
    Some(Mutex::new(Open::after(list)))
}

impl Open {
    /// Continues a list with the block after its last recorded index.
    const fn after(list: &ListRecord) -> Self {
        Self { list: list.id, next: list.next.next_multiple_of(BLOCK), block: Vec::new() }
    }
}

/// The block that begins at `first`, in random order (Fisher-Yates).
fn shuffled(first: u32) -> Vec<u32> {
    let mut block = (first..first + BLOCK).collect::<Vec<_>>();
    let dice = random::<{ PAGE_BYTES * 16 }>();
    for (last, dice) in (1..block.len()).rev().zip(dice.as_chunks::<4>().0) {
        block.swap(last, u32::from_le_bytes(*dice) as usize % (last + 1));
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_each_index_once_in_random_order() {
        let (one, other) = (shuffled(2048), shuffled(2048));
        assert_ne!(one, other);
        for mut block in [one, other] {
            assert!(!block.is_sorted());
            block.sort_unstable();
            assert_eq!(block, (2048..3072).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_restart_begins_the_next_block() {
        let list = |next| ListRecord {
            id: ListId::generate(Timestamp::from_secs(1)),
            kind: ListKind::Ephemeral,
            next,
        };
        for (recorded, first) in [(0, 0), (1, 1024), (1024, 1024), (1025, 2048), (1 << 20, 1 << 20)] {
            assert_eq!(Open::after(&list(recorded)).next, first);
        }
    }
}
