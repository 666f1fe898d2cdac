//! The life of a token, as a number with its unit.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::http::problem::Problem;
use crate::service::tokens::order::MAX_PERSISTENT_TTL;

/// The end of a life: `\d+` and `d`, `h`, `m` or `s`.
pub(super) fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
    let unfit =
        || Problem::invalid_field("expiration", "must be a number with d, h, m or s, from 1s to 3650d");
    let unit = match text.chars().last() {
        Some('d') => 86_400,
        Some('h') => 3600,
        Some('m') => 60,
        Some('s') => 1,
        _ => return Err(unfit()),
    };
    let digits =
        Some(&text[..text.len() - 1]).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse::<u64>().ok()).ok_or_else(unfit)?;
    let life = number.checked_mul(unit).map(Duration::from_secs);
    let life = life.filter(|life| !life.is_zero() && *life <= MAX_PERSISTENT_TTL).ok_or_else(unfit)?;
    Ok(now.whole_second().plus(life))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    #[test]
    fn an_expiration_has_a_unit_and_bounds() {
        let lives = |text: &str| expiry(text, NOW).ok().map(|at| at.since(NOW).as_secs());
        assert_eq!(
            ["7d", "2h", "3m", "1s", "3650d"].map(lives),
            [604_800, 7200, 180, 1, 315_360_000].map(Some)
        );
        for wrong in [
            "",
            "d",
            "7",
            "7w",
            "-1d",
            "+1d",
            "1.5h",
            " 1d",
            "1d ",
            "0s",
            "3651d",
            "99999999999999999999d",
            "é",
        ] {
            assert_eq!(lives(wrong), None, "{wrong}");
        }
    }
}
