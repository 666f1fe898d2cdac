//! Time: moments as values, and the one place where the process clock is read.

#[cfg(feature = "server")]
mod source;

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(feature = "server")]
pub use self::source::{Clock, ManualClock, Reading};

/// A moment: whole milliseconds since the Unix epoch, UTC. Serialised as RFC 3339, and shown to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The moment `secs` seconds after the Unix epoch; the range ends where RFC 3339 does (year 9999).
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Parses an RFC 3339 date and time, in any offset.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text).ok().map(|at| Self(at.timestamp_millis()))
    }

    /// The moment to the millisecond (RFC 3339), for programs.
    pub fn to_rfc3339(self) -> String {
        let at = DateTime::from_timestamp_millis(self.0);
        at.map_or_else(|| format!("{} ms", self.0), |at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }

    /// The whole second as HTTP writes it (RFC 9110 section 5.6.7). Empty for a time that no calendar has.
    pub fn to_http_date(self) -> String {
        let at = DateTime::from_timestamp(self.secs(), 0);
        at.map(|at| at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).unwrap_or_default()
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// The same moment without its fraction of a second, as tokens and certificates carry it.
    pub const fn whole_second(self) -> Self {
        Self::from_secs(self.secs())
    }

    /// The start of the span of this length that the moment is in: of its hour or its day, in UTC.
    pub const fn start_of(self, span: Duration) -> Self {
        let length = clamp(span);
        if length == 0 { self } else { Self(self.0.saturating_sub(self.0.rem_euclid(length))) }
    }

    /// `span` later.
    pub const fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(clamp(span)))
    }

    /// `span` earlier.
    pub const fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(clamp(span)))
    }

    /// Returns the time since `earlier`; zero if this is not later.
    pub const fn since(self, earlier: Self) -> Duration {
        let span = self.0.saturating_sub(earlier.0);
        Duration::from_millis(if span < 0 { 0 } else { span.unsigned_abs() })
    }
}

const fn clamp(span: Duration) -> i64 {
    let millis = span.as_millis();
    if millis > i64::MAX as u128 { i64::MAX } else { millis as i64 }
}

/// The whole second: people need no milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.whole_second().to_rfc3339())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_rfc3339(&text)
            .ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time such as 2030-01-31T12:00:00Z"))
    }
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// Reads the wall clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one file that reads the process clock")]
    pub fn now() -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(clamp(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        let at = Timestamp::from_secs(1_893_456_000);
        assert_eq!(at.to_string(), "2030-01-01T00:00:00Z");
        assert_eq!(Timestamp::parse_rfc3339("2030-01-01T02:00:00+02:00"), Some(at));
        assert_eq!(Timestamp::parse_rfc3339("2030-01-01"), None);
        let later = Timestamp::from_millis(at.millis() + 307);
        assert_eq!(serde_json::to_string(&later).unwrap(), "\"2030-01-01T00:00:00.307Z\"");
        assert_eq!(later.to_string(), at.to_string(), "people read whole seconds");
        assert_eq!(at.to_http_date(), "Tue, 01 Jan 2030 00:00:00 GMT");
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let late = Timestamp::from_millis(i64::MAX);
        assert_eq!(late.plus(Duration::MAX), late);
        assert_eq!(Timestamp::from_millis(5).since(late), Duration::ZERO);
        assert_eq!(Timestamp::from_millis(-1).secs(), -1);
    }

    #[test]
    fn a_moment_is_in_its_hour_and_day() {
        let at = Timestamp::from_secs(1_893_456_000);
        let later = at.plus(Duration::from_millis(5_400_307));
        assert_eq!(later.start_of(Duration::from_secs(3600)), at.plus(Duration::from_secs(3600)));
        assert_eq!(later.start_of(Duration::from_secs(86_400)), at);
        assert_eq!(Timestamp::from_millis(-1).start_of(Duration::from_secs(1)).millis(), -1000);
    }
}
