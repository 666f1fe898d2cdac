//! The time that decisions use, and when it is not to be trusted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Reading, Timestamp};

/// How far behind the mark the clock may stand.
pub(super) const TOLERATED_STEP_BACK: Duration = Duration::from_secs(120);
/// How much the clock may gain on the boot-time clock while the server runs.
pub(super) const TOLERATED_STEP_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// Why the clock is not trusted. Until it is right again or accepted, nothing is minted, redeemed, renewed or collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockDoubt {
    /// It stands before moments that have already been decided upon.
    #[error(
        "the clock says {wall}, but gatepass has already seen {mark}: set the clock right, or run `gatepass clock accept`"
    )]
    Behind {
        /// What the clock says.
        wall: Timestamp,
        /// The latest moment that was decided upon.
        mark: Timestamp,
    },
    /// It moved on more than time passed.
    #[error(
        "the clock jumped ahead by {} h while the server ran and says {wall}: set the clock right, or run \
         `gatepass clock accept`",
        .by.as_secs() / 3600
    )]
    Ahead {
        /// What the clock says.
        wall: Timestamp,
        /// How much it gained.
        by: Duration,
    },
}

/// Keeps the time: decisions use the later of the clock and the mark, the latest moment ever decided upon.
pub struct TimeKeeper {
    clock: Arc<dyn Clock>,
    mark: AtomicI64,
    /// Wall clock minus boot clock at the start, in milliseconds: what a step changes and passing time does not.
    offset: AtomicI64,
}

impl TimeKeeper {
    /// Starts keeping time from the stored mark. A server that was off for a week starts in good standing.
    pub fn new(clock: Arc<dyn Clock>, mark: Option<Timestamp>) -> Self {
        let reading = clock.read();
        let mark = mark.unwrap_or(reading.wall);
        Self { clock, mark: AtomicI64::new(mark.millis()), offset: AtomicI64::new(offset(reading)) }
    }

    /// Now, if the clock is to be trusted.
    ///
    /// # Errors
    /// Why it is not.
    pub fn trusted(&self) -> Result<Timestamp, ClockDoubt> {
        let reading = self.clock.read();
        let wall = reading.wall;
        let mark = self.mark();
        if wall.plus(TOLERATED_STEP_BACK) < mark {
            return Err(ClockDoubt::Behind { wall, mark });
        }
        let gained = offset(reading).saturating_sub(self.offset.load(Ordering::Relaxed));
        let by = Duration::from_millis(u64::try_from(gained).unwrap_or(0));
        if by > TOLERATED_STEP_AHEAD {
            return Err(ClockDoubt::Ahead { wall, by });
        }
        // The mark moves only with a trusted clock: a wrong jump ahead must not outlive its correction.
        let before = self.mark.fetch_max(wall.millis(), Ordering::Relaxed);
        Ok(Timestamp::from_millis(before.max(wall.millis())))
    }

    /// Now; while the clock is in doubt, the last moment that was not.
    pub fn now(&self) -> Timestamp {
        self.trusted().unwrap_or_else(|_| self.mark())
    }

    /// The latest moment decided upon.
    pub fn mark(&self) -> Timestamp {
        Timestamp::from_millis(self.mark.load(Ordering::Relaxed))
    }

    /// What the wall clock says, trusted or not.
    pub fn wall(&self) -> Timestamp {
        self.clock.read().wall
    }

    /// How long the machine has been up: for spans that must end while the wall clock is in doubt.
    pub fn boot(&self) -> Duration {
        self.clock.read().boot
    }

    /// Trusts the clock as it stands, from now on.
    pub fn accept(&self, at: Timestamp) {
        self.offset.store(offset(self.clock.read()), Ordering::Relaxed);
        self.mark.store(at.millis(), Ordering::Relaxed);
    }
}

fn offset(reading: Reading) -> i64 {
    let boot = i64::try_from(reading.boot.as_millis()).unwrap_or(i64::MAX);
    reading.wall.millis().saturating_sub(boot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const START: Timestamp = Timestamp::from_secs(1_900_000_000);

    fn keeper() -> (Arc<ManualClock>, TimeKeeper) {
        let clock = Arc::new(ManualClock::at(START));
        (clock.clone(), TimeKeeper::new(clock, None))
    }

    #[test]
    fn a_small_step_back_is_bridged_by_the_mark() {
        let (clock, time) = keeper();
        assert_eq!(time.trusted(), Ok(START));
        clock.step_to(START.minus(TOLERATED_STEP_BACK));
        assert_eq!(time.trusted(), Ok(START));
    }

    #[test]
    fn ten_minutes_back_is_doubted_until_the_clock_is_right_again() {
        let (clock, time) = keeper();
        let wall = START.minus(Duration::from_secs(600));
        clock.step_to(wall);
        assert_eq!(time.trusted(), Err(ClockDoubt::Behind { wall, mark: START }));
        assert_eq!(time.now(), START);
        clock.step_to(START);
        assert_eq!(time.trusted(), Ok(START));
    }

    #[test]
    fn two_days_ahead_is_doubted_and_leaves_no_mark() {
        let (clock, time) = keeper();
        let wall = START.plus(Duration::from_secs(2 * 86_400));
        clock.step_to(wall);
        assert!(matches!(time.trusted(), Err(ClockDoubt::Ahead { .. })));
        assert_eq!(time.now(), START);
        clock.step_to(START);
        assert_eq!(time.trusted(), Ok(START));
    }

    #[test]
    fn two_days_that_really_passed_are_believed() {
        let (clock, time) = keeper();
        clock.advance(Duration::from_secs(2 * 86_400));
        assert!(time.trusted().is_ok());
    }

    #[test]
    fn an_accepted_clock_is_trusted_from_then_on() {
        let (clock, time) = keeper();
        let wall = START.minus(Duration::from_secs(3600));
        clock.step_to(wall);
        time.accept(wall);
        assert_eq!(time.trusted(), Ok(wall));
    }

    #[test]
    fn a_server_that_was_off_for_a_week_starts_at_once() {
        let clock = Arc::new(ManualClock::at(START));
        let time = TimeKeeper::new(clock, Some(START.minus(Duration::from_secs(7 * 86_400))));
        assert_eq!(time.trusted(), Ok(START));
    }
}
