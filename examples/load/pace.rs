//! The schedule of requests: independent of answers, or as fast as the connections allow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::arguments::Rate;

/// The schedule is looked at so often at most: waking up costs what the generator cannot spare.
const TICK: Duration = Duration::from_micros(100);
/// Time after the run for scheduled requests, relative to the length of the run.
const GRACE: f64 = 0.1;

/// One request's turn.
pub(crate) struct Turn {
    /// Which request it is.
    pub(crate) index: u64,
    /// Scheduled time.
    pub(crate) intended: Instant,
}

/// The order in which requests leave.
pub(crate) struct Schedule {
    rate: Rate,
    began: Instant,
    length: Duration,
    total: u64,
    due: Semaphore,
    next: AtomicU64,
}

impl Schedule {
    /// A schedule of `length` that begins now, for `connections` callers of [`Schedule::turn`].
    pub(crate) fn begin(rate: Rate, length: Duration, connections: usize) -> Arc<Self> {
        let total = match rate {
            Rate::Max => u64::MAX,
            Rate::Fixed(rate) => (rate * length.as_secs_f64()).ceil() as u64,
        };
        let began = Instant::now();
        let next = AtomicU64::new(0);
        let schedule = Arc::new(Self { rate, began, length, total, due: Semaphore::new(0), next });
        if let Rate::Fixed(rate) = rate {
            let pacing = Arc::clone(&schedule);
            std::thread::spawn(move || pacing.pace(rate, connections));
        }
        schedule
    }

    /// The next request, at its scheduled time; `None` at the end of the run.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        match self.rate {
            Rate::Max => {
                let now = Instant::now();
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                (now < self.began + self.length).then_some(Turn { index, intended: now })
            }
            Rate::Fixed(rate) => {
                self.due.acquire().await.ok()?.forget();
                if Instant::now() > self.ends() {
                    return None;
                }
                let index = self.next.fetch_add(1, Ordering::Relaxed);
                (index < self.total).then(|| Turn { index, intended: self.intended(rate, index) })
            }
        }
    }

    /// Waiting times of unsent requests: lower bounds of their latencies.
    pub(crate) fn unsent(&self) -> Vec<Duration> {
        let Rate::Fixed(rate) = self.rate else { return Vec::new() };
        let now = Instant::now();
        let first = self.next.load(Ordering::Relaxed).min(self.total);
        (first..self.total).map(|index| now.saturating_duration_since(self.intended(rate, index))).collect()
    }

    /// Start of the run.
    pub(crate) const fn began(&self) -> Instant {
        self.began
    }

    fn intended(&self, rate: f64, index: u64) -> Instant {
        self.began + Duration::from_secs_f64(index as f64 / rate)
    }

    fn ends(&self) -> Instant {
        self.began + self.length.mul_f64(1.0 + GRACE)
    }

    /// Releases requests as they become due, then one more turn per connection, so that each learns of the end.
    fn pace(&self, rate: f64, connections: usize) {
        let mut released = 0;
        while released < self.total && Instant::now() <= self.ends() {
            let due = (self.began.elapsed().as_secs_f64() * rate) as u64 + 1;
            let due = due.min(self.total);
            self.due.add_permits(usize::try_from(due - released).unwrap_or(0));
            released = due;
            let next = self.intended(rate, released);
            std::thread::sleep(next.saturating_duration_since(Instant::now()).max(TICK));
        }
        self.due.add_permits(connections);
    }
}
