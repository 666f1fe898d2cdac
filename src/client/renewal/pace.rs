//! The pace of renewals: when the next attempt is due, by both clocks of the machine. Decisions only, no clock and no network.

use std::time::Duration;

use crate::clock::{Reading, Timestamp};
use crate::wire::CertificateLife;

/// The first pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause after a failure, and the longest gap between two certificates.
const HOUR: Duration = Duration::from_secs(3600);
/// The longest pause that a server can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(86_400);
/// The shortest pause.
const SHORTEST: Duration = Duration::from_secs(1);
/// Bounds of the time that one attempt may take.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(300));

/// Time of the next renewal: `renew_after` plus up to a tenth of the remaining life, so that hosts enrolled together renew
/// apart.
pub fn due(life: &CertificateLife, share: f64) -> Timestamp {
    life.renew_after.plus(last_third(life).mul_f64(share / 10.0))
}

/// Pause until the server is asked again whether to renew now: about an hour, so that hosts started together ask apart.
pub fn ask_again(share: f64) -> Duration {
    HOUR.mul_f64(1.0 - share / 10.0)
}

/// Shortest time between two certificates, by the boot clock. With a wrong wall clock every certificate can be due at once. A
/// host must not renew in a loop then.
pub fn gap(life: &CertificateLife) -> Duration {
    last_third(life).clamp(SHORTEST, HOUR)
}

/// The part of a certificate's life in which renewal is due.
pub fn last_third(life: &CertificateLife) -> Duration {
    life.expires_at.since(life.renew_after)
}

/// Time that is left to renew a certificate. A clock that was set back makes it no longer than the last third.
pub fn time_left(now: Timestamp, life: &CertificateLife) -> Duration {
    life.expires_at.since(now).min(last_third(life))
}

/// Pause after a number of failures in a row: doubled each time, with jitter of one half. `asked` is the pause that the server
/// asks for. A certificate with `left` to live gets several attempts before its end.
pub fn pause(failures: u32, share: f64, left: Duration, asked: Option<Duration>) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(failures.min(16))).min(HOUR);
    let own = within(doubled, left / 4).mul_f64(0.5 + share / 2.0);
    let asked = asked.map(|asked| asked.min(LONGEST_ASKED).mul_f64(1.0 + share / 10.0));
    own.max(asked.map_or(Duration::ZERO, |asked| within(asked, left / 2)))
}

/// `pause`, but no longer than `most`. An expired certificate bounds nothing.
fn within(pause: Duration, most: Duration) -> Duration {
    if most.is_zero() { pause } else { pause.min(most.max(SHORTEST)) }
}

/// Time that one attempt may take for a certificate with `left` to live.
pub fn patience(left: Duration) -> Duration {
    (left / 3).clamp(PATIENCE.0, PATIENCE.1)
}

/// The end of a certificate by the boot clock. A wrong wall clock must not make a pause outlast the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    at: Duration,
    /// The certificate arrived just before, so that its age is known without the wall clock.
    is_exact: bool,
}

impl End {
    /// The end of a certificate that was issued just now.
    pub fn of_new(now: Reading, life: &CertificateLife) -> Self {
        Self { at: now.boot + last_third(life) * 3, is_exact: true }
    }

    /// The end of a certificate of unknown age. The wall clock shows how much of its life is left.
    pub fn of_known(now: Reading, life: &CertificateLife) -> Self {
        let left = life.expires_at.since(now.wall).min(last_third(life) * 3);
        Self { at: now.boot + left, is_exact: false }
    }

    /// The same after the wall clock was set. The nearer of two ends is the safe one.
    #[must_use]
    pub fn set(self, now: Reading, life: &CertificateLife) -> Self {
        let known = Self::of_known(now, life);
        match (self.left(now), known.left(now)) {
            (left, _) if left.is_zero() && !self.is_exact => known,
            (left, new) if self.is_exact || new.is_zero() || left <= new => self,
            _ => known,
        }
    }

    /// Time until the end.
    pub const fn left(self, now: Reading) -> Duration {
        self.at.saturating_sub(now.boot)
    }
}

/// A number from 0 to 1.
pub fn random_share() -> f64 {
    f64::from(u32::from_be_bytes(crate::id::random())) / f64::from(u32::MAX)
}

/// The time of an act, by both clocks: the wall clock may be set, and the boot clock ends with the boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// The time by the wall clock.
    pub at: Timestamp,
    /// The boot clock before which it never comes.
    earliest: Duration,
    /// The boot clock at which it comes, even if the wall clock was set back.
    pub latest: Duration,
}

impl Wake {
    /// At `at`, but not before the boot clock is `earliest`.
    pub fn due(now: Reading, at: Timestamp, earliest: Duration) -> Self {
        let latest = (now.boot + at.since(now.wall)).max(earliest);
        Self { at: at.max(now.wall.plus(earliest.saturating_sub(now.boot))), earliest, latest }
    }

    /// The same, but when the boot clock is `latest` at the latest.
    #[must_use]
    pub fn by(self, latest: Duration) -> Self {
        Self { latest: self.latest.min(latest).max(self.earliest), ..self }
    }

    /// After `pause`, whatever the wall clock does.
    pub fn after(now: Reading, pause: Duration) -> Self {
        let latest = now.boot.saturating_add(pause);
        Self { at: now.wall.plus(pause), earliest: latest, latest }
    }

    /// Returns true once the time has come.
    pub fn has_come(&self, now: Reading) -> bool {
        now.boot >= self.latest || (now.boot >= self.earliest && now.wall >= self.at)
    }

    /// Time until it comes, if the wall clock is not set.
    pub fn left(&self, now: Reading) -> Duration {
        self.latest.saturating_sub(now.boot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn life(seconds: i64) -> CertificateLife {
        let renew_after = Timestamp::from_secs(seconds * 2 / 3);
        CertificateLife { expires_at: Timestamp::from_secs(seconds), renew_after }
    }

    fn at(wall: i64, boot: u64) -> Reading {
        Reading { wall: Timestamp::from_secs(wall), boot: Duration::from_secs(boot) }
    }

    #[test]
    fn renewal_starts_at_two_thirds_with_jitter() {
        assert_eq!(due(&life(3000), 0.0), Timestamp::from_secs(2000));
        assert_eq!(due(&life(3000), 1.0), Timestamp::from_secs(2100));
    }

    #[test]
    fn certificates_are_an_hour_or_a_third_apart() {
        assert_eq!(gap(&life(30 * 86_400)), HOUR);
        assert_eq!(gap(&life(60)), Duration::from_secs(20));
        let broken = CertificateLife { renew_after: Timestamp::from_secs(9), ..life(3) };
        assert_eq!(gap(&broken), SHORTEST);
    }

    #[test]
    fn pauses_double_up_to_an_hour() {
        let pause = |failures, share| pause(failures, share, DAY * 10, None);
        assert_eq!(pause(0, 1.0), Duration::from_secs(30));
        assert_eq!(pause(3, 1.0), Duration::from_secs(240));
        assert_eq!(pause(3, 0.0), Duration::from_secs(120));
        assert_eq!(pause(u32::MAX, 1.0), HOUR);
    }

    #[test]
    fn an_asked_pause_is_kept_up_to_the_deadline() {
        let asked = |seconds, left| pause(0, 0.0, left, Some(Duration::from_secs(seconds)));
        assert_eq!(asked(300, DAY), Duration::from_secs(300));
        assert_eq!(
            pause(0, 1.0, DAY, Some(Duration::from_secs(300))),
            Duration::from_secs(330),
            "with jitter"
        );
        assert_eq!(asked(300, Duration::from_secs(20)), Duration::from_secs(10), "half of the rest");
        assert_eq!(asked(u64::MAX, DAY * 300), LONGEST_ASKED, "an absurd value");
        assert_eq!(asked(u64::MAX, Duration::ZERO), LONGEST_ASKED, "an expired certificate");
        assert_eq!(asked(0, DAY), Duration::from_secs(15), "never sooner than without");
    }

    #[test]
    fn a_short_life_has_room_for_several_attempts() {
        let (mut left, mut attempts) = (Duration::from_secs(20), 0);
        while let Some(rest) = left.checked_sub(pause(attempts, 1.0, left, None)) {
            (left, attempts) = (rest, attempts + 1);
        }
        assert!(attempts >= 8, "{attempts}");
    }

    #[test]
    fn a_wrong_clock_moves_no_new_certificates_end() {
        let (life, hour) = (life(60), 3600);
        let end = End::of_new(at(0, 100), &life);
        for wall in [0, hour, -hour] {
            assert_eq!(end.left(at(wall, 130)), Duration::from_secs(30), "{wall}");
            assert_eq!(end.set(at(wall, 130), &life).left(at(wall, 130)), Duration::from_secs(30));
        }
        assert_eq!(end.left(at(-hour, 161)), Duration::ZERO);
    }

    #[test]
    fn certificates_of_unknown_age_end_by_the_right_clock() {
        let (life, hour) = (life(60), 3600);
        let end = End::of_known(at(50, 100), &life);
        assert_eq!(end.left(at(50, 100)), Duration::from_secs(10));
        assert_eq!(end.set(at(50 - hour, 100), &life), end, "set back");
        assert_eq!(end.set(at(50 + hour, 100), &life), end, "set past the expiry");
        let was_back = End::of_known(at(50 - hour, 100), &life);
        assert_eq!(was_back.left(at(0, 100)), Duration::from_secs(60), "no longer than a life");
        assert_eq!(was_back.set(at(52, 102), &life).left(at(52, 102)), Duration::from_secs(8));
        let was_ahead = End::of_known(at(50 + hour, 100), &life);
        assert_eq!(was_ahead.set(at(52, 102), &life).left(at(52, 102)), Duration::from_secs(8));
    }

    #[test]
    fn no_clock_lengthens_the_time_to_renew() {
        let left = |wall| time_left(Timestamp::from_secs(wall), &life(60));
        assert_eq!(left(55), Duration::from_secs(5));
        assert_eq!(left(-3600), Duration::from_secs(20), "set back");
        assert_eq!(left(3600), Duration::ZERO, "set forward");
    }

    #[test]
    fn a_clock_set_forward_renews_at_most_each_gap() {
        let wake = Wake::due(at(1000, 50), Timestamp::from_secs(2000), Duration::from_secs(100));
        assert!(!wake.has_come(at(1049, 99)));
        assert!(!wake.has_come(at(9000, 99)), "set forward");
        assert!(wake.has_come(at(9000, 100)));
    }

    #[test]
    fn a_clock_set_back_delays_no_renewal() {
        let wake = Wake::due(at(1000, 50), Timestamp::from_secs(2000), Duration::ZERO);
        assert!(!wake.has_come(at(0, 1049)));
        assert!(wake.has_come(at(0, 1050)), "the time has passed by the boot clock");
        assert_eq!(wake.left(at(0, 1000)), Duration::from_secs(50));
        let pause = Wake::after(at(1000, 50), Duration::from_secs(30));
        assert!(!pause.has_come(at(9000, 79)) && pause.has_come(at(0, 80)));
    }
}
