//! Documents that are made from something that is swapped now and then.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arc_swap::ArcSwap;

use super::Document;

/// The documents of sources, by name: each is made when it is first asked for, and again when its source is another one.
/// A source that has gone is not held back.
#[derive(Debug)]
pub struct Shelf<K, S: ?Sized> {
    kept: ArcSwap<HashMap<K, Kept<S>>>,
    /// One making at a time: a document that many ask for at once is made once.
    making: Mutex<()>,
}

/// A document and what it was made from. The weak reference keeps the source's place in memory from being given to another,
/// so that an equal address means the same source.
#[derive(Debug)]
struct Kept<S: ?Sized> {
    source: Weak<S>,
    document: Arc<Document>,
}

impl<K, S: ?Sized> Default for Shelf<K, S> {
    fn default() -> Self {
        Self { kept: ArcSwap::from_pointee(HashMap::new()), making: Mutex::default() }
    }
}

impl<K: Eq + Hash + Clone, S: ?Sized> Shelf<K, S> {
    /// The document `name` of `source`; `make` makes it, if it is not here yet.
    pub fn document<Q>(&self, name: &Q, source: &Arc<S>, make: impl FnOnce(&S) -> Document) -> Arc<Document>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(document) = self.find(name, source) {
            return document;
        }
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = self.find(name, source) {
            return document;
        }
        let document = Arc::new(make(source));
        self.keep(name.to_owned(), Kept { source: Arc::downgrade(source), document: Arc::clone(&document) });
        document
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.load().len()
    }

    fn find<Q>(&self, name: &Q, source: &Arc<S>) -> Option<Arc<Document>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let kept = self.kept.load();
        let kept =
            kept.get(name).filter(|kept| std::ptr::addr_eq(kept.source.as_ptr(), Arc::as_ptr(source)))?;
        Some(Arc::clone(&kept.document))
    }

    /// What has no source any more goes with this.
    fn keep(&self, name: K, kept: Kept<S>) {
        let before = self.kept.load();
        let living = before.iter().filter(|(_, kept)| kept.source.strong_count() > 0);
        let mut all = living.map(|(name, kept)| (name.clone(), kept.clone())).collect::<HashMap<_, _>>();
        all.insert(name, kept);
        self.kept.store(Arc::new(all));
    }
}

impl<S: ?Sized> Clone for Kept<S> {
    fn clone(&self) -> Self {
        Self { source: Weak::clone(&self.source), document: Arc::clone(&self.document) }
    }
}
