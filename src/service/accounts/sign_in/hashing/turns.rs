//! Turns: so many at a time of each kind, in the order of coming.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::service::{AccountError, ServiceError};

/// Queues, one for each `K`. One that nobody waits in takes no memory.
pub(super) struct Turns<K> {
    at_once: usize,
    queues: Mutex<HashMap<K, Weak<Semaphore>>>,
}

impl<K: Eq + Hash> Turns<K> {
    /// Queues that let so many of their own pass at a time.
    pub(super) fn new(at_once: usize) -> Self {
        Self { at_once, queues: Mutex::default() }
    }

    /// Waits in the queue of `key`. Whoever comes out of it is one of `at_once`, until the turn is dropped.
    ///
    /// # Errors
    /// [`AccountError::SignInBusy`]: never, as queues are not closed.
    pub(super) async fn wait(&self, key: K) -> Result<OwnedSemaphorePermit, ServiceError> {
        turn(&self.queue(key)).await
    }

    fn queue(&self, of: K) -> Arc<Semaphore> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&of).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::new(Semaphore::new(self.at_once));
        queues.insert(of, Arc::downgrade(&queue));
        queue
    }
}

/// Waits for one of the permits of `of`: they are given in the order of coming.
pub(super) async fn turn(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, ServiceError> {
    Arc::clone(of).acquire_owned().await.map_err(|_| ServiceError::Account(AccountError::SignInBusy))
}
