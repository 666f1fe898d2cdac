//! The queue before argon2.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::access::SignInLimits;
use crate::service::AccountError;

/// Runs a bounded number of hashes at once and lets a bounded number wait.
pub(super) struct HashQueue {
    running: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    /// The slots of unknown addresses: half of the queue is beyond their reach.
    unknown: Arc<Semaphore>,
}

/// A slot in the queue. It is freed when its hash ends or it is dropped.
pub(super) struct HashSlot {
    running: Arc<Semaphore>,
    slots: Vec<OwnedSemaphorePermit>,
}

impl HashQueue {
    pub(super) fn new(limits: &SignInLimits) -> Self {
        let SignInLimits { parallel_hashes, queue, .. } = *limits;
        Self {
            running: Arc::new(Semaphore::new(parallel_hashes)),
            slots: Arc::new(Semaphore::new(parallel_hashes + queue)),
            unknown: Arc::new(Semaphore::new(parallel_hashes + queue / 2)),
        }
    }

    /// Takes a slot.
    ///
    /// # Errors
    /// [`AccountError::SignInBusy`]: none is free.
    pub(super) fn enter(&self, is_known: bool) -> Result<HashSlot, AccountError> {
        let take = |slots: &Arc<Semaphore>| {
            Arc::clone(slots).try_acquire_owned().map_err(|_| AccountError::SignInBusy)
        };
        let mut slots = vec![take(&self.slots)?];
        if !is_known {
            slots.push(take(&self.unknown)?);
        }
        Ok(HashSlot { running: Arc::clone(&self.running), slots })
    }
}

impl HashSlot {
    /// Runs `hash` on a thread of its own when its turn comes. The slot is kept until the hash ends, because a hash that has
    /// begun cannot be stopped. A client that leaves must not make room for another.
    ///
    /// # Errors
    /// [`AccountError::Unauthenticated`]: the hash panicked.
    pub(super) async fn run<T: Send + 'static>(
        self,
        hash: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccountError> {
        let Self { running, slots } = self;
        let permit = running.acquire_owned().await.map_err(|_| AccountError::SignInBusy)?;
        let hashed = tokio::task::spawn_blocking(move || {
            let _held = (permit, slots);
            hash()
        });
        hashed.await.map_err(|_| AccountError::Unauthenticated)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use tokio::task::JoinSet;

    use super::*;

    const LIMITS: SignInLimits = SignInLimits {
        parallel_hashes: 2,
        queue: 16,
        known_for: Duration::from_secs(30 * 24 * 3600),
        proof_lifetime: Duration::from_secs(60),
    };

    fn enter(queue: &HashQueue, is_known: bool, asked: usize) -> Vec<HashSlot> {
        (0..asked).filter_map(|_| queue.enter(is_known).ok()).collect()
    }

    #[test]
    fn half_of_the_queue_is_kept_for_known_addresses() {
        let queue = HashQueue::new(&LIMITS);
        let unknown = enter(&queue, false, 100);
        assert_eq!(unknown.len(), 2 + 8);
        let known = enter(&queue, true, 100);
        assert_eq!(known.len(), 8);
        assert!(matches!(queue.enter(true), Err(AccountError::SignInBusy)));
        drop((unknown, known));
        assert_eq!(enter(&queue, true, 100).len(), 2 + 16, "a dropped slot is free");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_hashes_run_at_once_after_clients_leave() {
        let queue = HashQueue::new(&LIMITS);
        let (release, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut hashes = JoinSet::new();
        for slot in enter(&queue, true, 18) {
            let (gate, running, most) = (Arc::clone(&gate), Arc::clone(&running), Arc::clone(&most));
            let hash = move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let _released = gate.lock().unwrap().recv();
                running.fetch_sub(1, Ordering::SeqCst);
            };
            hashes.spawn(slot.run(hash));
        }
        while running.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        hashes.shutdown().await;
        assert_eq!(queue.running.available_permits(), 0, "a hash that has begun goes on");
        assert_eq!(enter(&queue, true, 100).len(), 16, "and keeps its slot");
        drop(release);
        let _all_ended = queue.running.acquire_many(2).await.unwrap();
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }
}
