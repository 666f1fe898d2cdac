//! The clock mark in memory.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Timestamp;

/// Stands for no mark: a new database has none.
const NONE: i64 = i64::MIN;

/// The clock mark: the latest moment of a trusted clock. The owner of the clock moves it, and each commit with an entry
/// stores it.
///
/// An entry's own moment does not move it. While the clock is in doubt, entries are later than the mark. A mark that
/// followed them would keep a clock that was ahead in doubt for ever.
#[derive(Debug)]
pub struct ClockMark(AtomicI64);

impl ClockMark {
    /// The mark of a database; `None` if it has none yet.
    pub const fn stored(mark: Option<Timestamp>) -> Self {
        Self(AtomicI64::new(match mark {
            Some(mark) => mark.millis(),
            None => NONE,
        }))
    }

    /// The mark; `None` if no clock was read yet.
    pub fn get(&self) -> Option<Timestamp> {
        let millis = self.0.load(Ordering::Relaxed);
        (millis != NONE).then(|| Timestamp::from_millis(millis))
    }

    /// Moves the mark to `at`, unless it is later already. Returns the mark.
    pub fn raise(&self, at: Timestamp) -> Timestamp {
        let before = self.0.fetch_max(at.millis(), Ordering::Relaxed);
        Timestamp::from_millis(before.max(at.millis()))
    }

    /// Sets the mark, also back: an operator accepted the clock.
    pub(crate) fn set(&self, at: Timestamp) {
        self.0.store(at.millis(), Ordering::Relaxed);
    }
}
