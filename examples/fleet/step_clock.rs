//! The clock of a host, which somebody sets wrong for a moment.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use gatepass::clock::{Clock, Reading, SystemClock};

/// The clock of this machine, some seconds off. The time since boot is right.
#[derive(Debug, Default)]
pub(crate) struct StepClock(AtomicI64);

impl StepClock {
    /// Sets the wall clock so many seconds ahead of the right time.
    pub(crate) fn set(&self, ahead: i64) {
        self.0.store(ahead, Ordering::Relaxed);
    }
}

impl Clock for StepClock {
    fn read(&self) -> Reading {
        let (now, ahead) = (SystemClock.read(), self.0.load(Ordering::Relaxed));
        let span = Duration::from_secs(ahead.unsigned_abs());
        let wall = if ahead < 0 { now.wall.minus(span) } else { now.wall.plus(span) };
        Reading { wall, ..now }
    }
}
