//! Rate limits: a bucket of tokens for each address, actor, account or refused token.
//!
//! A bucket holds the tokens that may be taken at once, and refills evenly. The number of buckets is bounded. Full buckets are
//! forgotten first; while none is full, new keys share one bucket. So every key is limited, and a flood of keys discards no
//! other state.

mod cells;
mod limit;
mod rate;

use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;

use self::cells::{Cells, Probe};
pub use self::limit::{Limit, RateLimited, Rates, Throttles};
pub use self::rate::{Rate, RateError};

/// Minimum time between two searches for full buckets when there is no room for another.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Buckets of one size, one for each key.
pub struct Throttle<K, C = DefaultClock>
where
    K: Hash + Eq + Clone,
    C: Clock,
{
    buckets: RateLimiter<Probe<K>, Cells<K>, C, NoOpMiddleware<C::Instant>>,
    cells: Cells<K>,
    began: C::Instant,
    /// The time of the last search for full buckets, in nanoseconds since the start.
    swept: AtomicU64,
}

impl<K: Hash + Eq + Clone> Throttle<K> {
    /// Buckets of this size, at most so many of them and one for all keys beyond.
    pub fn new(rate: Rate, most_keys: usize) -> Self {
        Self::with_clock(rate, most_keys, DefaultClock::default())
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Throttle<K, C> {
    /// The same by another clock.
    pub fn with_clock(rate: Rate, most_keys: usize, clock: C) -> Self {
        let began = clock.now();
        let cells = Cells::new(most_keys);
        let buckets = RateLimiter::new(rate.quota(), cells.clone(), clock);
        Self { buckets, cells, began, swept: AtomicU64::new(0) }
    }

    /// Takes one out of the bucket of `key`. It costs a lock that is held for a look into a table, never over I/O.
    ///
    /// # Errors
    /// The bucket is empty: the whole seconds until it is not, as `Retry-After` has them (RFC 9110 section 10.2.3).
    pub fn check(&self, key: &K) -> Result<(), u32> {
        self.ask(Probe::Take(key.clone()))
    }

    /// Checks that the bucket of `key` has a token. None is taken.
    ///
    /// # Errors
    /// The bucket is empty: the whole seconds until it is not, as `Retry-After` has them (RFC 9110 section 10.2.3).
    pub fn look(&self, key: &K) -> Result<(), u32> {
        self.ask(Probe::Look(key.clone()))
    }

    /// Forgets the buckets that are full, as those of new keys are: for a timer.
    pub fn sweep(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }

    /// Number of keys that have a bucket of their own.
    pub fn keys(&self) -> usize {
        self.buckets.len()
    }

    fn ask(&self, probe: Probe<K>) -> Result<(), u32> {
        if self.cells.is_full_for(&probe) && self.may_sweep() {
            self.buckets.retain_recent();
        }
        let now = self.buckets.clock().now();
        self.buckets.check_key(&probe).map_err(|empty| whole_seconds(empty.wait_time_from(now)))
    }

    /// Returns true if it is time to search again: a flood of new keys must not cause a search each.
    fn may_sweep(&self) -> bool {
        let now = self.buckets.clock().now().duration_since(self.began).as_u64();
        let last = self.swept.load(Ordering::Relaxed);
        let due = u64::try_from(SWEEP_EVERY.as_nanos()).unwrap_or(u64::MAX);
        now.saturating_sub(last) >= due
            && self.swept.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// Rounded up, one at least.
fn whole_seconds(wait: Duration) -> u32 {
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    u32::try_from(whole.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
