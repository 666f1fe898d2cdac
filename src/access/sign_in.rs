//! Bounds of sign-ins by name and password, and which addresses are known.

use std::time::Duration;

use crate::clock::Timestamp;

/// The time within which the sign-ins of a user at one address are recorded once.
const RECORD_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// The section `[sign_in]` of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInLimits {
    /// Maximum number of passwords that are hashed at once. Each hash takes a core and 19 MiB.
    pub parallel_hashes: usize,
    /// Maximum number of passwords that wait to be hashed. Half of these slots are kept for known addresses.
    pub queue: usize,
    /// The time for which an address is known after a successful sign-in of the user there.
    pub known_for: Duration,
    /// The time for which a verdict on a password is cached.
    pub proof_lifetime: Duration,
}

impl SignInLimits {
    /// The time for which the record of a sign-in is kept. The latest sign-in may be `RECORD_INTERVAL` later than its record.
    pub fn address_retention(&self) -> Duration {
        self.known_for + RECORD_INTERVAL
    }

    /// Returns true if an address is known at `now`, given the record of the user's latest sign-in there.
    pub fn is_known(&self, recorded: Option<Timestamp>, now: Timestamp) -> bool {
        recorded.is_some_and(|at| now < at.plus(self.address_retention()))
    }

    /// Returns true if a sign-in at `now` is to be recorded.
    pub fn is_due(recorded: Option<Timestamp>, now: Timestamp) -> bool {
        recorded.is_none_or(|at| now >= at.plus(RECORD_INTERVAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 3600);
    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    #[test]
    fn an_address_is_known_for_thirty_days() {
        let minute = Duration::from_secs(60);
        let (parallel_hashes, queue, known_for, proof_lifetime) = (2, 16, 30 * DAY, minute);
        let limits = SignInLimits { parallel_hashes, queue, known_for, proof_lifetime };
        assert!(!limits.is_known(None, NOW) && SignInLimits::is_due(None, NOW));
        let newest = NOW.plus(DAY.saturating_sub(minute));
        assert!(!SignInLimits::is_due(Some(NOW), newest), "recorded once a day");
        assert!(limits.is_known(Some(NOW), newest.plus(30 * DAY)));
        assert!(!limits.is_known(Some(NOW), NOW.plus(limits.address_retention())));
    }
}
