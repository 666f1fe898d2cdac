//! Times relative to now, as people say them.

use std::time::Duration;

use crate::clock::Timestamp;

/// `at` as seen from `now`: `in 14m`, `3m ago`.
pub(super) fn relative(at: Timestamp, now: Timestamp) -> String {
    match at > now {
        true => format!("in {}", largest_unit(at.since(now))),
        false => format!("{} ago", largest_unit(now.since(at))),
    }
}

/// The whole number of the unit that says enough: two days are `48h`, three are `3d`.
fn largest_unit(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..7200 => format!("{}m", seconds / 60),
        seconds @ 7200..259_200 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_relative_in_one_unit() {
        let now = Timestamp::from_secs(1_900_000_000);
        for (seconds, ahead, back) in [
            (0, "0s ago", "0s ago"),
            (59, "in 59s", "59s ago"),
            (60, "in 1m", "1m ago"),
            (899, "in 14m", "14m ago"),
            (7199, "in 119m", "119m ago"),
            (7200, "in 2h", "2h ago"),
            (259_199, "in 71h", "71h ago"),
            (259_200, "in 3d", "3d ago"),
            (365 * 86_400, "in 365d", "365d ago"),
        ] {
            let span = Duration::from_secs(seconds);
            assert_eq!(
                (relative(now.plus(span), now), relative(now.minus(span), now)),
                (ahead.into(), back.into())
            );
        }
    }
}
