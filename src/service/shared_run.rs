//! One run of the same work for all concurrent callers.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OnceCell;

/// Work that runs once at a time. Callers that arrive before a run begins share its result. Later callers share the next
/// run: the current one may have read what has changed since.
pub(super) struct SharedRun<T> {
    next: Mutex<Arc<OnceCell<T>>>,
    running: tokio::sync::Mutex<()>,
}

impl<T> Default for SharedRun<T> {
    fn default() -> Self {
        Self { next: Mutex::default(), running: tokio::sync::Mutex::default() }
    }
}

impl<T: Clone> SharedRun<T> {
    /// Returns the result of the next run. If the caller that runs it leaves or panics, another caller runs its own `work`.
    pub(super) async fn share(&self, work: impl Future<Output = T>) -> T {
        let cell = Arc::clone(&self.next.lock());
        let run = async {
            let _running = self.running.lock().await;
            *self.next.lock() = Arc::default();
            work.await
        };
        cell.get_or_init(|| run).await.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::{JoinHandle, JoinSet};

    use super::*;

    #[derive(Clone)]
    struct Work {
        shared: Arc<SharedRun<usize>>,
        runs: Arc<AtomicUsize>,
        gate: Arc<Semaphore>,
    }

    impl Work {
        fn new() -> Self {
            let (shared, runs) = Default::default();
            Self { shared, runs, gate: Arc::new(Semaphore::new(0)) }
        }

        async fn ask(self) -> usize {
            let work = async {
                let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
                self.gate.acquire().await.unwrap().forget();
                run
            };
            self.shared.share(work).await
        }

        /// Begins a run that waits at the gate.
        async fn begin(&self) -> JoinHandle<usize> {
            let runs = self.runs.load(Ordering::SeqCst);
            let first = tokio::spawn(self.clone().ask());
            while self.runs.load(Ordering::SeqCst) == runs {
                tokio::task::yield_now().await;
            }
            first
        }
    }

    #[tokio::test]
    async fn callers_during_a_run_share_the_next_one() {
        let work = Work::new();
        let first = work.begin().await;
        let mut others = JoinSet::new();
        (0..100).for_each(|_| drop(others.spawn(work.clone().ask())));
        work.gate.add_permits(2);
        assert_eq!((first.await.unwrap(), others.join_all().await), (1, vec![2; 100]));
        assert_eq!(work.runs.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_caller_that_leaves_blocks_nobody() {
        let work = Work::new();
        let first = work.begin().await;
        first.abort();
        work.gate.add_permits(1);
        assert_eq!(work.clone().ask().await, 2);
    }
}
