//! The maximum age of keys, status lists and CRLs.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use super::MAX_STALENESS;
use crate::clock::Timestamp;
use crate::token::LEEWAY;

/// Maximum time without confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Staleness {
    pub(super) limit: Duration,
    /// Accepts stale keys, lists and CRLs.
    pub(super) fail_open: bool,
}

impl Staleness {
    /// [`MAX_STALENESS`], failing closed.
    pub(super) const DEFAULT: Self = Self { limit: MAX_STALENESS, fail_open: false };

    /// Checks the age of something last confirmed at `confirmed_at`.
    ///
    /// # Errors
    /// The distance from `now`. A time far in the future fails too: the clock ran ahead, and the age is unknown.
    pub(super) fn judge(self, confirmed_at: Timestamp, now: Timestamp) -> Result<(), Duration> {
        let ahead = confirmed_at > now.plus(LEEWAY);
        let age = if ahead { confirmed_at.since(now) } else { now.since(confirmed_at) };
        if self.fail_open || (!ahead && age <= self.limit) { Ok(()) } else { Err(age) }
    }
}

/// The time of the last confirmation of keys or of a list.
pub(super) struct ConfirmedAt(AtomicI64);

impl ConfirmedAt {
    pub(super) const fn at(at: Timestamp) -> Self {
        Self(AtomicI64::new(at.millis()))
    }

    pub(super) fn get(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Acquire))
    }

    /// Records a confirmation. A late response does not make it older; a time from a clock that ran ahead is replaced.
    pub(super) fn renew(&self, at: Timestamp) {
        let newest =
            |held: i64| (held < at.millis() || held > at.plus(LEEWAY).millis()).then_some(at.millis());
        // A later confirmation stays.
        let _ = self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, newest);
    }
}

impl Clone for ConfirmedAt {
    fn clone(&self) -> Self {
        Self::at(self.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_893_456_000);

    #[test]
    fn an_old_or_future_confirmation_is_stale() {
        let (at, seconds) = (|secs: i64| Timestamp::from_secs(NOW.secs() + secs), Duration::from_secs);
        for (confirmed_at, verdict) in [
            (at(-300), Ok(())),
            (at(-301), Err(seconds(301))),
            (at(60), Ok(())),
            (at(61), Err(seconds(61))),
            (at(7200), Err(seconds(7200))),
        ] {
            assert_eq!(Staleness::DEFAULT.judge(confirmed_at, NOW), verdict, "{confirmed_at}");
            assert_eq!(Staleness { fail_open: true, ..Staleness::DEFAULT }.judge(confirmed_at, NOW), Ok(()));
        }
    }
}
