//! The validity of certificates, and the only conversion between a [`Timestamp`] and the times of X.509.

use std::time::Duration;

use x509_cert::der::DateTime;
use x509_cert::time::Time;

use super::error::IssueError;
use crate::clock::Timestamp;

/// The time that notBefore is set back, for hosts with a slow clock.
pub const BACKDATED: Duration = Duration::from_secs(5 * 60);

/// A certificate's validity (RFC 5280 section 4.1.2.5), never empty and never longer than the requested lifetime. With a
/// known issuer it is also within the issuer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
    now: Timestamp,
}

impl Validity {
    /// From five minutes before `now` until `lifetime` after it, in whole seconds.
    ///
    /// # Errors
    /// [`IssueError::EmptyLifetime`] if that is less than a second.
    pub fn new(now: Timestamp, lifetime: Duration) -> Result<Self, IssueError> {
        let not_after = now.plus(lifetime).whole_second().min(LAST);
        if not_after <= now.whole_second() {
            return Err(IssueError::EmptyLifetime);
        }
        Ok(Self { not_before: now.minus(BACKDATED).whole_second(), not_after, now })
    }

    /// The validity, cut to the issuer's.
    ///
    /// # Errors
    /// [`IssueError::IssuerNotValid`] if the issuer is not valid at the moment this began.
    pub(super) fn within(self, issuer: (Timestamp, Timestamp)) -> Result<Self, IssueError> {
        let (not_before, not_after) = issuer;
        let cut = Self {
            not_before: self.not_before.max(not_before),
            not_after: self.not_after.min(not_after),
            now: self.now,
        };
        if cut.not_before > self.now || cut.not_after <= self.now {
            return Err(IssueError::IssuerNotValid { not_before, not_after });
        }
        Ok(cut)
    }

    /// The end (notAfter), including its last second (RFC 5280 section 4.1.2.5).
    pub const fn not_after(&self) -> Timestamp {
        self.not_after
    }

    pub(super) fn encode(self) -> Result<x509_cert::time::Validity, IssueError> {
        Ok(x509_cert::time::Validity::new(time(self.not_before)?, time(self.not_after)?))
    }
}

/// 9999-12-31T23:59:59Z: the last moment that a certificate can carry (RFC 5280 section 4.1.2.5).
const LAST: Timestamp = Timestamp::from_secs(253_402_300_799);

/// `at` as certificates and CRLs write it: UTCTime through 2049, GeneralizedTime after.
pub(super) fn time(at: Timestamp) -> Result<Time, IssueError> {
    let since = Duration::from_secs(u64::try_from(at.secs()).unwrap_or(0));
    Ok(DateTime::from_unix_duration(since)?.into())
}

/// The moment of `time`.
pub(super) fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_secs(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
}

/// Both ends of a certificate's validity.
pub(super) fn bounds(certificate: &x509_cert::Certificate) -> (Timestamp, Timestamp) {
    let validity = certificate.tbs_certificate().validity();
    (timestamp(validity.not_before), timestamp(validity.not_after))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    #[test]
    fn it_is_backdated_and_ends_after_the_lifetime() {
        let validity = Validity::new(NOW, Duration::from_secs(60)).unwrap();
        assert_eq!(validity.not_before, NOW.minus(Duration::from_secs(300)));
        assert_eq!(validity.not_after(), NOW.plus(Duration::from_secs(60)));
    }

    #[test]
    fn it_cannot_be_empty() {
        assert_eq!(Validity::new(NOW, Duration::from_millis(999)), Err(IssueError::EmptyLifetime));
    }

    #[test]
    fn it_never_leaves_its_issuers() {
        let issuer = (NOW.minus(Duration::from_secs(10)), NOW.plus(Duration::from_secs(10)));
        let cut = Validity::new(NOW, Duration::MAX).unwrap().within(issuer).unwrap();
        assert_eq!((cut.not_before, cut.not_after()), issuer);
        let over = (NOW.minus(Duration::from_secs(10)), NOW);
        assert!(Validity::new(NOW, Duration::MAX).unwrap().within(over).is_err());
    }

    #[test]
    fn times_survive_being_written_on_both_sides_of_2050() {
        for secs in [1_900_000_000, 2_524_607_999, 2_524_608_000, 253_402_300_799] {
            assert_eq!(timestamp(time(Timestamp::from_secs(secs)).unwrap()), Timestamp::from_secs(secs));
        }
        assert!(Validity::new(NOW, Duration::MAX).unwrap().encode().is_ok());
    }
}
