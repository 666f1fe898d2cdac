//! The state of buckets, in a bounded table.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use parking_lot::{Mutex, MutexGuard};

/// A request to a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Probe<K> {
    /// To take one.
    Take(K),
    /// To check that there is one.
    Look(K),
}

impl<K> Probe<K> {
    const fn key(&self) -> &K {
        match self {
            Self::Take(key) | Self::Look(key) => key,
        }
    }
}

/// The buckets: each is the moment at which it will be full again. The throttle and the limiter of the crate share them.
pub(super) struct Cells<K>(Arc<Inner<K>>);

struct Inner<K> {
    most: usize,
    table: Mutex<Table<K>>,
}

struct Table<K> {
    own: HashMap<K, Nanos>,
    /// That of every key that has none of its own.
    shared: Option<Nanos>,
}

impl<K> Clone for Cells<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq + Clone> Cells<K> {
    /// No bucket yet, and room for `most`.
    pub(super) fn new(most: usize) -> Self {
        let table = Mutex::new(Table { own: HashMap::new(), shared: None });
        Self(Arc::new(Inner { most, table }))
    }

    /// Returns true if the key of `probe` would have to share a bucket.
    pub(super) fn is_full_for(&self, probe: &Probe<K>) -> bool {
        let table = self.table();
        table.own.len() >= self.0.most && !table.own.contains_key(probe.key())
    }

    fn table(&self) -> MutexGuard<'_, Table<K>> {
        self.0.table.lock()
    }
}

impl<K: Hash + Eq + Clone> StateStore for Cells<K> {
    type Key = Probe<K>;

    fn measure_and_replace<T, F, E>(&self, probe: &Probe<K>, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut table = self.table();
        let own = table.own.get(probe.key()).copied();
        let shares = own.is_none() && table.own.len() >= self.0.most;
        let (outcome, next) = measure(if shares { table.shared } else { own })?;
        match probe {
            Probe::Look(_) => {}
            Probe::Take(_) if shares => table.shared = Some(next),
            Probe::Take(key) => {
                table.own.insert(key.clone(), next);
            }
        }
        Ok(outcome)
    }
}

impl<K: Hash + Eq + Clone> ShrinkableKeyedStateStore<Probe<K>> for Cells<K> {
    fn retain_recent(&self, drop_below: Nanos) {
        self.table().own.retain(|_, full_at| *full_at > drop_below);
    }

    fn shrink_to_fit(&self) {
        self.table().own.shrink_to_fit();
    }

    fn len(&self) -> usize {
        self.table().own.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
