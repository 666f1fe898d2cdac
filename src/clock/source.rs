//! The clocks of a machine: wall time, and time since boot.

use std::time::Duration;

use parking_lot::Mutex;

use super::{SystemClock, Timestamp};

/// A reading of both clocks of a machine at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The wall clock, which an operator or NTP may step.
    pub wall: Timestamp,
    /// Time since the machine booted, suspended time included. It cannot be stepped.
    pub boot: Duration,
}

/// A source of time. Code that decides takes `now` as an argument; only a composition root holds a clock.
pub trait Clock: Send + Sync {
    /// Reads both clocks.
    fn read(&self) -> Reading;
}

impl Clock for SystemClock {
    fn read(&self) -> Reading {
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let boot = Duration::new(boot.tv_sec.unsigned_abs(), u32::try_from(boot.tv_nsec).unwrap_or(0));
        Reading { wall: Self::now(), boot }
    }
}

/// A clock that moves only on request, for tests.
#[derive(Debug)]
pub struct ManualClock(Mutex<Reading>);

impl ManualClock {
    /// A clock that stands at `wall`, an hour after its machine booted.
    pub fn at(wall: Timestamp) -> Self {
        Self(Mutex::new(Reading { wall, boot: Duration::from_secs(3600) }))
    }

    /// Lets time pass: both clocks move on.
    pub fn advance(&self, span: Duration) {
        let mut reading = self.0.lock();
        reading.wall = reading.wall.plus(span);
        reading.boot += span;
    }

    /// Steps the wall clock to `wall`, as an operator would; the boot clock stays.
    pub fn step_to(&self, wall: Timestamp) {
        self.0.lock().wall = wall;
    }
}

impl Clock for ManualClock {
    fn read(&self) -> Reading {
        *self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_clock_leaves_the_boot_clock_alone() {
        let clock = ManualClock::at(Timestamp::from_secs(100));
        let before = clock.read();
        clock.step_to(Timestamp::from_secs(50));
        assert_eq!(clock.read().boot, before.boot);
        clock.advance(Duration::from_secs(2));
        assert_eq!(
            clock.read(),
            Reading { wall: Timestamp::from_secs(52), boot: before.boot + Duration::from_secs(2) }
        );
    }
}
