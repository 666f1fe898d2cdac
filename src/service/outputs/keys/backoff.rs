//! The pause after failures: it doubles from a second to ten minutes, and is spread by a quarter.

use std::time::Duration;

/// The pause after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause, before it is spread.
const LONGEST: Duration = Duration::from_secs(600);

/// The pause after so many failures in a row. `bits` are random: calls that failed together are repeated apart.
pub(super) fn backoff(failures: u32, bits: [u8; 4]) -> Duration {
    let doubled = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10));
    let share = f64::from(u32::from_be_bytes(bits)) / f64::from(u32::MAX);
    doubled.min(LONGEST).mul_f64(0.75 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_ten_minutes() {
        let pause = |failures| backoff(failures, [0x80, 0, 0, 0]).as_secs();
        assert_eq!([1, 2, 3, 4, 9, 10, 11, u32::MAX].map(pause), [1, 2, 4, 8, 256, 512, 600, 600]);
        assert_eq!(pause(0), 1);
    }

    #[test]
    fn the_pause_is_spread_by_a_quarter() {
        assert_eq!([[0; 4], [0xff; 4]].map(|bits| backoff(20, bits).as_secs()), [450, 750]);
    }
}
