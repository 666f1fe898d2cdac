//! Wrong passwords, counted and forgiven one by one.

use std::time::Duration;

/// How long one is held against an account or an address.
pub(super) const FORGIVEN_AFTER: Duration = Duration::from_secs(30);
/// How many are counted beyond those that are free: some minutes after the last of many, all is forgiven.
const MOST_BEYOND: u32 = 15;
/// How long the first attempt is held back that is; each further failure doubles it.
pub(super) const SHORTEST: Duration = Duration::from_millis(250);
/// How long one is held back at most.
pub const LONGEST: Duration = Duration::from_secs(4);

/// How many there were lately.
#[derive(Clone, Copy, Default)]
pub(super) struct Failures {
    count: u32,
    /// Since when they are being forgiven.
    since: Duration,
}

impl Failures {
    /// One more, where so many are free.
    pub(super) fn add(&mut self, free: u32, now: Duration) {
        self.forgive(now);
        if self.count == 0 {
            self.since = now;
        }
        self.count = (self.count + 1).min(free + MOST_BEYOND);
    }

    /// How long the next attempt is held back, if it is, where so many are free.
    pub(super) fn delay(&mut self, free: u32, now: Duration) -> Option<Duration> {
        self.forgive(now);
        let beyond = self.count.checked_sub(free + 1)?;
        Some(SHORTEST.saturating_mul(2_u32.saturating_pow(beyond)).min(LONGEST))
    }

    /// Whether all are forgiven.
    pub(super) fn are_forgiven(&mut self, now: Duration) -> bool {
        self.forgive(now);
        self.count == 0
    }

    fn forgive(&mut self, now: Duration) {
        let spans = now.saturating_sub(self.since).as_secs() / FORGIVEN_AFTER.as_secs();
        let forgiven = u32::try_from(spans).unwrap_or(u32::MAX);
        self.count = self.count.saturating_sub(forgiven);
        self.since = self.since.saturating_add(FORGIVEN_AFTER.saturating_mul(forgiven));
    }
}
