//! The certificate authorities in use.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::service::ca::set::CaSet;

/// The certificate authorities in use, shared by the use cases that sign with them or show them.
pub struct LiveCas {
    set: ArcSwap<CaSet>,
    changes: watch::Sender<u64>,
}

impl LiveCas {
    /// The certificate authorities of the start.
    pub fn new(set: CaSet) -> Self {
        Self { set: ArcSwap::from_pointee(set), changes: watch::Sender::new(0) }
    }

    /// The certificate authorities as they are now.
    pub fn load(&self) -> Arc<CaSet> {
        self.set.load_full()
    }

    /// A counter of the rotations of this process. The listener loads its new chain when it moves.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub(super) fn replace(&self, set: CaSet) {
        self.set.store(Arc::new(set));
        self.changes.send_modify(|changes| *changes += 1);
    }
}
