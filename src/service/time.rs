//! The time of decisions, and the checks that it can be trusted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Reading, Timestamp};

/// Tolerance of a clock behind the mark.
pub(super) const TOLERATED_STEP_BACK: Duration = Duration::from_secs(120);
/// Tolerance of a clock that gains on the boot-time clock while the server runs.
pub(super) const TOLERATED_STEP_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// Reasons for which the clock is not trusted. Until it is corrected or accepted, minting, redeeming, renewing and collecting
/// fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockDoubt {
    /// It is behind moments of earlier decisions.
    #[error(
        "the clock says {wall}, but gatepass has already seen {mark}: set the clock right, or run `gatepass clock accept`"
    )]
    Behind {
        /// The clock's reading.
        wall: Timestamp,
        /// The latest moment of a decision.
        mark: Timestamp,
    },
    /// It advanced more than time passed.
    #[error(
        "the clock jumped ahead by {} h while the server ran and says {wall}: set the clock right, or run \
         `gatepass clock accept`",
        .by.as_secs() / 3600
    )]
    Ahead {
        /// The clock's reading.
        wall: Timestamp,
        /// The gain.
        by: Duration,
    },
}

/// The clock's reading, the mark, and the doubt if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockStanding {
    /// The clock's reading.
    pub wall: Timestamp,
    /// The latest moment of a decision.
    pub mark: Timestamp,
    /// The reason for doubt; `None` if the clock is trusted.
    pub doubt: Option<ClockDoubt>,
}

/// The time of decisions: the later of the clock and the mark. The mark is the latest moment of any decision.
pub struct TimeKeeper {
    clock: Arc<dyn Clock>,
    mark: AtomicI64,
    /// Wall clock minus boot clock at the start, in milliseconds. A step of the clock changes it, passing time does not.
    offset: AtomicI64,
}

impl TimeKeeper {
    /// Starts from the stored mark. A server that was off for a week trusts its clock.
    pub fn new(clock: Arc<dyn Clock>, mark: Option<Timestamp>) -> Self {
        let reading = clock.read();
        let mark = mark.unwrap_or(reading.wall);
        Self { clock, mark: AtomicI64::new(mark.millis()), offset: AtomicI64::new(offset(reading)) }
    }

    /// Returns the time, if the clock is trusted.
    ///
    /// # Errors
    /// The reason for doubt.
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
        // The mark moves only with a trusted clock, so that a wrong jump ahead does not outlive its correction.
        let before = self.mark.fetch_max(wall.millis(), Ordering::Relaxed);
        Ok(Timestamp::from_millis(before.max(wall.millis())))
    }

    /// The clock's reading, the mark, and the doubt if there is one.
    pub fn standing(&self) -> ClockStanding {
        ClockStanding { wall: self.wall(), mark: self.mark(), doubt: self.trusted().err() }
    }

    /// Returns the time; while the clock is in doubt, the last trusted moment.
    pub fn now(&self) -> Timestamp {
        self.trusted().unwrap_or_else(|_| self.mark())
    }

    /// The latest moment of a decision.
    pub fn mark(&self) -> Timestamp {
        Timestamp::from_millis(self.mark.load(Ordering::Relaxed))
    }

    /// The wall clock's reading, trusted or not.
    pub fn wall(&self) -> Timestamp {
        self.clock.read().wall
    }

    /// The machine's uptime, for spans that must end while the wall clock is in doubt.
    pub fn boot(&self) -> Duration {
        self.clock.read().boot
    }

    /// Trusts the clock's reading from now on.
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
    fn ten_minutes_back_is_doubted_until_corrected() {
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
    fn two_days_that_passed_are_trusted() {
        let (clock, time) = keeper();
        clock.advance(Duration::from_secs(2 * 86_400));
        assert!(time.trusted().is_ok());
    }

    #[test]
    fn an_accepted_clock_is_trusted() {
        let (clock, time) = keeper();
        let wall = START.minus(Duration::from_secs(3600));
        clock.step_to(wall);
        time.accept(wall);
        assert_eq!(time.trusted(), Ok(wall));
    }

    #[test]
    fn a_server_starts_after_a_week_off() {
        let clock = Arc::new(ManualClock::at(START));
        let time = TimeKeeper::new(clock, Some(START.minus(Duration::from_secs(7 * 86_400))));
        assert_eq!(time.trusted(), Ok(START));
    }
}
