//! One piece of work for all who ask for the same at the same time.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

type Flying<K, T> = Mutex<HashMap<K, watch::Receiver<Option<T>>>>;

/// Work that is under way, by what it is about. It goes on although who began it leaves.
pub(super) struct Flights<K, T>(Arc<Flying<K, T>>);

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, T> Flights<K, T>
where
    K: Hash + Eq + Copy + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Waits for the work about `key` if it is under way.
    pub(super) async fn join(&self, key: K) -> Option<T> {
        let flight = flying(&self.0).get(&key).cloned();
        landed(flight?).await
    }

    /// Waits for the first work about `key` that begins from now on, with `begin` unless somebody else begins it. Work that is under
    /// way is waited for and left: it may have looked already at what has changed since.
    pub(super) async fn fly_next<F>(&self, key: K, begin: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.join(key).await;
        self.fly(key, begin).await
    }

    /// Waits for the work about `key`, which `begin` begins unless it is under way. `None` if it panicked.
    pub(super) async fn fly<F>(&self, key: K, begin: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let flight = {
            let mut flights = flying(&self.0);
            match flights.get(&key) {
                Some(flight) => flight.clone(),
                None => {
                    let (land, flight) = watch::channel(None);
                    flights.insert(key, flight.clone());
                    let (work, gone) = (begin(), Gone { key, flights: Arc::clone(&self.0) });
                    tokio::spawn(async move {
                        let outcome = work.await;
                        // Whoever comes from now on finds what the work has left, or begins it again.
                        drop(gone);
                        land.send_replace(Some(outcome));
                    });
                    flight
                }
            }
        };
        landed(flight).await
    }
}

async fn landed<T: Clone>(mut flight: watch::Receiver<Option<T>>) -> Option<T> {
    let outcome = flight.wait_for(Option::is_some).await.ok()?;
    outcome.clone()
}

/// Takes a flight from the list when it ends, however it does.
struct Gone<K: Hash + Eq, T> {
    key: K,
    flights: Arc<Flying<K, T>>,
}

impl<K: Hash + Eq, T> Drop for Gone<K, T> {
    fn drop(&mut self) {
        flying(&self.flights).remove(&self.key);
    }
}

fn flying<K, T>(flights: &Flying<K, T>) -> MutexGuard<'_, HashMap<K, watch::Receiver<Option<T>>>> {
    flights.lock()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn a_hundred_who_ask_for_the_same_share_one_piece_of_work() {
        let (flights, runs) = (Arc::new(Flights::<u8, u8>::default()), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new(Semaphore::new(0));
        let ask = |key: u8| {
            let (flights, runs, gate) = (Arc::clone(&flights), Arc::clone(&runs), Arc::clone(&gate));
            tokio::spawn(async move {
                let work = || async move {
                    runs.fetch_add(1, Ordering::SeqCst);
                    let _open = gate.acquire().await.unwrap();
                    key
                };
                flights.fly(key, work).await
            })
        };
        let asking: Vec<_> = (0..100).map(|_| ask(1)).chain([ask(2)]).collect();
        while runs.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(2);
        let mut heard = Vec::new();
        for asked in asking {
            heard.push(asked.await.unwrap());
        }
        assert_eq!(heard, [vec![Some(1); 100], vec![Some(2)]].concat());
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        assert!(flying(&flights.0).is_empty());
        assert_eq!(flights.join(1).await, None);
    }

    #[tokio::test]
    async fn who_comes_while_work_is_under_way_shares_what_begins_after_it() {
        let (flights, runs) = (Arc::new(Flights::<u8, usize>::default()), Arc::new(AtomicUsize::new(0)));
        let gate = Arc::new(Semaphore::new(0));
        let ask = || {
            let (flights, runs, gate) = (Arc::clone(&flights), Arc::clone(&runs), Arc::clone(&gate));
            tokio::spawn(async move {
                let work = || async move {
                    let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
                    gate.acquire().await.unwrap().forget();
                    run
                };
                flights.fly_next(1, work).await
            })
        };
        let first = ask();
        while runs.load(Ordering::SeqCst) < 1 {
            tokio::task::yield_now().await;
        }
        let others: Vec<_> = (0..100).map(|_| ask()).collect();
        gate.add_permits(1);
        assert_eq!(first.await.unwrap(), Some(1));
        gate.add_permits(1);
        for other in others {
            assert_eq!(other.await.unwrap(), Some(2));
        }
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn work_that_panics_leaves_nobody_waiting() {
        let flights = Flights::<u8, u8>::default();
        let fall = flights.fly(1, || async { panic!("on purpose") }).await;
        assert_eq!(fall, None);
        assert_eq!(flights.fly(1, || async { 7 }).await, Some(7));
    }
}
