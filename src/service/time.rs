//! The time of decisions, and the checks that it can be trusted.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::{Clock, Reading, Timestamp};
use crate::store::ClockMark;

/// Tolerance of a clock behind the mark.
pub(super) const TOLERATED_STEP_BACK: Duration = Duration::from_secs(120);
/// Tolerance of a clock that gains on the boot-time clock while the server runs.
pub(super) const TOLERATED_STEP_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// Reasons for which the clock is not trusted. Until it is corrected or accepted, minting, redeeming, renewing and collecting
/// fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClockDoubt {
    /// It is behind an earlier trusted moment.
    #[error(
        "the clock says {wall}, but gatepass has already seen {mark}: set the clock right, or run `gatepass clock accept`"
    )]
    Behind {
        /// The clock's reading.
        wall: Timestamp,
        /// The latest moment of a trusted clock.
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
    /// The latest moment of a trusted clock.
    pub mark: Timestamp,
    /// The reason for doubt; `None` if the clock is trusted.
    pub doubt: Option<ClockDoubt>,
}

/// The time of decisions: the later of the clock and the mark. The mark is the latest moment of a trusted clock.
///
/// While the clock is in doubt, time continues by the boot clock from the last trusted moment, and the mark stands
/// still. So credentials expire, and a clock that was ahead is trusted again once the time has reached the mark.
pub struct TimeKeeper {
    clock: Arc<dyn Clock>,
    mark: Arc<ClockMark>,
    /// Wall clock minus boot clock at the start. A step of the clock changes it, passing time does not.
    offset: AtomicI64,
    /// Time of the last trusted reading minus its boot clock.
    trusted_offset: AtomicI64,
}

impl TimeKeeper {
    /// Starts from the stored mark. A server that was off for a week trusts its clock.
    pub fn new(clock: Arc<dyn Clock>, mark: Arc<ClockMark>) -> Self {
        let Reading { wall, boot } = clock.read();
        let from = mark.get().unwrap_or_else(|| mark.raise(wall));
        let (offset, trusted_offset) = (offset(wall, boot).into(), offset(from, boot).into());
        Self { clock, mark, offset, trusted_offset }
    }

    /// Returns the time, if the clock is trusted.
    ///
    /// # Errors
    /// The reason for doubt.
    pub fn trusted(&self) -> Result<Timestamp, ClockDoubt> {
        self.judge(self.clock.read())
    }

    fn judge(&self, Reading { wall, boot }: Reading) -> Result<Timestamp, ClockDoubt> {
        let mark = self.mark();
        if wall.plus(TOLERATED_STEP_BACK) < mark {
            return Err(ClockDoubt::Behind { wall, mark });
        }
        let gained = offset(wall, boot).saturating_sub(self.offset.load(Ordering::Relaxed));
        let by = Duration::from_millis(u64::try_from(gained).unwrap_or(0));
        if by > TOLERATED_STEP_AHEAD {
            return Err(ClockDoubt::Ahead { wall, by });
        }
        let now = self.mark.raise(wall);
        self.trusted_offset.store(offset(now, boot), Ordering::Relaxed);
        Ok(now)
    }

    /// The clock's reading, the mark, and the doubt if there is one.
    pub fn standing(&self) -> ClockStanding {
        let reading = self.clock.read();
        let doubt = self.judge(reading).err();
        ClockStanding { wall: reading.wall, mark: self.mark(), doubt }
    }

    /// Returns the time. While the clock is in doubt, it continues by the boot clock from the last trusted moment.
    pub fn now(&self) -> Timestamp {
        let reading = self.clock.read();
        self.judge(reading).unwrap_or_else(|_| {
            let since = Timestamp::from_millis(self.trusted_offset.load(Ordering::Relaxed));
            since.plus(reading.boot)
        })
    }

    /// The latest moment of a trusted clock.
    pub fn mark(&self) -> Timestamp {
        self.mark.get().unwrap_or(Timestamp::from_millis(i64::MIN))
    }

    /// The wall clock's reading, trusted or not.
    pub fn wall(&self) -> Timestamp {
        self.clock.read().wall
    }

    /// The machine's uptime, for spans that must end while the wall clock is in doubt.
    pub fn boot(&self) -> Duration {
        self.clock.read().boot
    }

    /// Trusts the clock's reading from now on. The store has set the mark to it.
    pub fn accept(&self) {
        let Reading { wall, boot } = self.clock.read();
        self.offset.store(offset(wall, boot), Ordering::Relaxed);
    }
}

fn offset(at: Timestamp, boot: Duration) -> i64 {
    let boot = i64::try_from(boot.as_millis()).unwrap_or(i64::MAX);
    at.millis().saturating_sub(boot)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const START: Timestamp = Timestamp::from_secs(1_900_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn keeper() -> (Arc<ManualClock>, TimeKeeper) {
        let clock = Arc::new(ManualClock::at(START));
        (clock.clone(), TimeKeeper::new(clock, Arc::new(ClockMark::stored(None))))
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
    fn time_continues_by_the_boot_clock_in_doubt() {
        for wall in [START.minus(Duration::from_secs(600)), START.plus(Duration::from_secs(2 * 86_400))] {
            let (clock, time) = keeper();
            clock.advance(MINUTE);
            assert_eq!(time.trusted(), Ok(START.plus(MINUTE)));
            clock.step_to(wall);
            clock.advance(MINUTE);
            assert!(time.trusted().is_err());
            assert_eq!(time.now(), START.plus(2 * MINUTE));
            assert_eq!(time.mark(), START.plus(MINUTE), "the mark stands still");
        }
    }

    #[test]
    fn a_clock_that_was_ahead_recovers() {
        let (clock, time) = keeper();
        clock.step_to(START.minus(10 * MINUTE));
        assert!(time.trusted().is_err());
        clock.advance(7 * MINUTE);
        assert!(time.trusted().is_err());
        assert_eq!(time.now(), START.plus(7 * MINUTE));
        clock.advance(MINUTE);
        assert_eq!(time.trusted(), Ok(START), "two minutes behind the mark are tolerated");
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
        time.mark.set(wall);
        time.accept();
        assert_eq!(time.trusted(), Ok(wall));
    }

    #[test]
    fn a_server_starts_after_a_week_off() {
        let clock = Arc::new(ManualClock::at(START));
        let mark = START.minus(Duration::from_secs(7 * 86_400));
        let time = TimeKeeper::new(clock, Arc::new(ClockMark::stored(Some(mark))));
        assert_eq!(time.trusted(), Ok(START));
    }
}
