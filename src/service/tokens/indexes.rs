//! Status list entries for new tokens: each index is given once.

use tokio::sync::Mutex;

use crate::clock::Timestamp;
use crate::id::{ListId, StatusRef};
use crate::store::{ListKind, ListRecord, OpenList, Store, StoreError};
use crate::token::STATUS_LIST_CAPACITY;

/// Gives out indexes of the two open lists. The index of a failed mint is never given again.
pub struct Indexes {
    ephemeral: Mutex<Open>,
    persistent: Mutex<Open>,
}

struct Open {
    list: ListId,
    next: u32,
}

impl Indexes {
    /// Continues after the stored lists; `None` unless each kind has an open list.
    pub fn resume(lists: &[ListRecord]) -> Option<Self> {
        Some(Self {
            ephemeral: newest(lists, ListKind::Ephemeral)?,
            persistent: newest(lists, ListKind::Persistent)?,
        })
    }

    /// The next free index of a list of `kind`. A full list is followed by a new one, recorded first.
    pub(in crate::service) async fn take(
        &self,
        kind: ListKind,
        store: &dyn Store,
        now: Timestamp,
    ) -> Result<StatusRef, StoreError> {
        let mut open = self.of(kind).lock().await;
        if open.next >= STATUS_LIST_CAPACITY {
            let list = ListRecord { id: ListId::generate(now), kind, next: 0 };
            store.open_list(OpenList { list }).await?;
            *open = Open { list: list.id, next: 0 };
        }
        let status = StatusRef { list: open.list, index: open.next };
        open.next += 1;
        Ok(status)
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
    Some(Mutex::new(Open { list: list.id, next: list.next }))
}
