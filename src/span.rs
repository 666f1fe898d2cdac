//! Spans of time as people write them: `90s`, `15m`, `36h`, `30d`.

mod setting;

use std::time::Duration;

use crate::clock::Timestamp;

pub use self::setting::{Setting, SettingError, SettingValue, SettingValues, Spans};

/// The longest accepted span: a hundred years. No field needs more, and sums of spans stay far from overflow.
const LONGEST: Duration = Duration::from_secs(36_525 * 86_400);

/// A refused span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// The text is not a whole number and one unit.
    #[error(
        "{text:?} is not a span of time: write a whole number and one unit, such as 90s, 15m, 36h or 30d"
    )]
    Malformed {
        /// The refused text.
        text: String,
    },
    /// The span is zero.
    #[error("{text:?} is no time at all: the shortest span is 1s")]
    Zero {
        /// The refused text.
        text: String,
    },
    /// The span is longer than a hundred years.
    #[error("{text:?} is longer than a hundred years")]
    TooLong {
        /// The refused text.
        text: String,
    },
}

/// A refused moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not a moment: write a time such as 2030-01-31T12:00:00Z, a date such as 2030-01-31, or a span before now \
     such as 2h"
)]
pub struct MomentError {
    /// The refused text.
    text: String,
}

/// Parses a whole number followed by `s`, `m`, `h` or `d`; no sign, no fraction, no space between, not zero.
///
/// # Errors
/// The [`SpanError`] of the first defect.
pub fn parse_span(text: &str) -> Result<Duration, SpanError> {
    let malformed = || SpanError::Malformed { text: shorten(text) };
    let unit = match text.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3600,
        Some(b'd') => 86_400,
        _ => return Err(malformed()),
    };
    let digits = &text[..text.len() - 1];
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let seconds = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(unit));
    match seconds.map(Duration::from_secs) {
        Some(Duration::ZERO) => Err(SpanError::Zero { text: shorten(text) }),
        Some(span) if span <= LONGEST => Ok(span),
        _ => Err(SpanError::TooLong { text: shorten(text) }),
    }
}

/// Parses a moment: an RFC 3339 time, a date in UTC, or a span before `now`.
///
/// # Errors
/// The text has another form.
pub fn parse_moment(text: &str, now: Timestamp) -> Result<Timestamp, MomentError> {
    let day = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    let before = || parse_span(text).ok().map(|span| now.minus(span));
    let moment = Timestamp::parse_rfc3339(text).or_else(day).or_else(before);
    moment.ok_or_else(|| MomentError { text: shorten(text) })
}

/// Shows `span` in the largest unit that keeps it whole, as [`parse_span`] reads it. Fractions of a second are dropped.
pub fn show_span(span: Duration) -> String {
    match span.as_secs() {
        // A day and less reads better in hours: 24h is what the documentation says.
        days if days >= 2 * 86_400 && days.is_multiple_of(86_400) => format!("{}d", days / 86_400),
        hours if hours >= 3600 && hours.is_multiple_of(3600) => format!("{}h", hours / 3600),
        minutes if minutes >= 120 && minutes.is_multiple_of(60) => format!("{}m", minutes / 60),
        seconds => format!("{seconds}s"),
    }
}

/// The first 40 characters of a text, for messages.
fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_they_are_shown() {
        for (text, seconds) in [
            ("1s", 1),
            ("60s", 60),
            ("90s", 90),
            ("15m", 900),
            ("1h", 3600),
            ("24h", 86_400),
            ("36h", 129_600),
        ] {
            assert_eq!(parse_span(text), Ok(Duration::from_secs(seconds)));
            assert_eq!(show_span(Duration::from_secs(seconds)), text);
        }
        assert_eq!(show_span(parse_span("30d").unwrap()), "30d");
        assert_eq!(show_span(parse_span("900s").unwrap()), "15m");
    }

    #[test]
    fn a_span_is_a_whole_number_and_one_unit() {
        for wrong in
            ["", "s", "15", "15 m", "-1s", "+1s", "1.5h", "1h30m", "1w", "15M", "0x1s", "1\u{b5}", "\u{663}s"]
        {
            assert!(matches!(parse_span(wrong), Err(SpanError::Malformed { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn a_moment_is_time_date_or_span() {
        let now = Timestamp::from_secs(1_900_000_000);
        let day = Timestamp::parse_rfc3339("2030-01-31T00:00:00Z").unwrap();
        assert_eq!(parse_moment("2030-01-31T02:00:00+02:00", now), Ok(day));
        assert_eq!(parse_moment("2030-01-31", now), Ok(day));
        assert_eq!(parse_moment("2h", now), Ok(now.minus(Duration::from_secs(7200))));
        for wrong in ["", "now", "2030-01", "31.1.2030", "-2h", "2030-01-31T12:00:00"] {
            assert!(parse_moment(wrong, now).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_and_forever_are_refused() {
        assert!(matches!(parse_span("0s"), Err(SpanError::Zero { .. })));
        for wrong in ["99999999999999999999s", "18446744073709551615d", "36526d"] {
            assert!(matches!(parse_span(wrong), Err(SpanError::TooLong { .. })), "{wrong}");
        }
    }
}
