//! Rates in their text form: `60/m`.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;

/// The most of a rate: beyond it a limit would limit nothing.
const MOST: u32 = 1_000_000;

/// So many in a second, a minute or an hour, and as many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

/// Why a text is not a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not a number and a unit.
    #[error("{text:?} is not a rate: write a whole number and a unit, such as 100/s, 60/m or 1000/h, or off")]
    Malformed {
        /// The malformed text.
        text: String,
    },
    /// None, or more than limits anything.
    #[error("{text:?} is not between 1 and {MOST}: off switches the limit off")]
    OutOfRange {
        /// The malformed text.
        text: String,
    },
}

impl Rate {
    /// Reads a whole number from 1 to a million, a slash and `s`, `m` or `h`; `off` and nothing at all are no limit.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Option<Self>, RateError> {
        if text.is_empty() || text == "off" {
            return Ok(None);
        }
        let shown = || text.chars().take(40).collect::<String>();
        let malformed = || RateError::Malformed { text: shown() };
        let (count, unit) = text.split_once('/').ok_or_else(malformed)?;
        let unit = match unit {
            "s" => Unit::Second,
            "m" => Unit::Minute,
            "h" => Unit::Hour,
            _ => return Err(malformed()),
        };
        if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(malformed());
        }
        match count.parse::<NonZeroU32>() {
            Ok(count) if count.get() <= MOST => Ok(Some(Self { count, unit })),
            _ => Err(RateError::OutOfRange { text: shown() }),
        }
    }

    pub(super) fn quota(self) -> Quota {
        let span = match self.unit {
            Unit::Second => Duration::from_secs(1),
            Unit::Minute => Duration::from_secs(60),
            Unit::Hour => Duration::from_secs(3600),
        };
        // A microsecond at least, as there are at most a million in a second: never zero, which alone has no quota.
        let one = Quota::with_period(span / self.count.get());
        one.unwrap_or(Quota::per_second(self.count)).allow_burst(self.count)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => 's',
            Unit::Minute => 'm',
            Unit::Hour => 'h',
        };
        write!(f, "{}/{unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_as_they_are_shown() {
        for text in ["1/s", "60/m", "1000/h", "1000000/s"] {
            assert_eq!(Rate::parse(text).unwrap().unwrap().to_string(), text);
        }
        assert_eq!((Rate::parse(""), Rate::parse("off")), (Ok(None), Ok(None)));
    }

    #[test]
    fn malformed_rates_are_refused() {
        for wrong in ["60", "60/", "/m", "60/d", "60 /m", "-1/s", "+1/s", "1.5/s", "OFF", "60/min", "0x1/s"] {
            assert!(matches!(Rate::parse(wrong), Err(RateError::Malformed { .. })), "{wrong}");
        }
        for wrong in ["0/s", "1000001/s", "99999999999999/m"] {
            assert!(matches!(Rate::parse(wrong), Err(RateError::OutOfRange { .. })), "{wrong}");
        }
    }
}
