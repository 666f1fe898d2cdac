//! Passwords that are tried first, because many people choose them.

/// The beginnings of common passwords: lower case, without trailing digits and punctuation, sorted, one a line.
const LIST: &str = include_str!("common.txt");

/// Minimum length of the part that a password repeats, in characters: `abcabcabcabc` is as easily found as `abc`.
const SHORTEST_UNIT: usize = 5;

/// Returns true if `password` is on the list, is the name of its user, or repeats a few characters. Case, trailing digits and
/// punctuation, and repetition make no difference.
pub(super) fn is_common(password: &str, user: &str) -> bool {
    let folded = password.to_lowercase();
    let stem = stem(&folded);
    [folded.as_str(), stem].into_iter().any(|text| {
        let unit = unit(text);
        let repeats = unit.len() < text.len();
        unit == user.to_lowercase() || is_listed(unit) || (repeats && unit.chars().count() < SHORTEST_UNIT)
    })
}

fn is_listed(text: &str) -> bool {
    LIST.lines().any(|line| line == text)
}

/// `text` without the digits and the punctuation at its end; all of it, if there is nothing else.
fn stem(text: &str) -> &str {
    match text.trim_end_matches(|c: char| !c.is_alphabetic()) {
        "" => text,
        stem => stem,
    }
}

/// The shortest text that `text` repeats; `text` itself, if it repeats none.
fn unit(text: &str) -> &str {
    let ends = text.char_indices().map(|(place, _)| place).skip(1);
    let units = ends.take_while(|end| end * 2 <= text.len()).map(|end| &text[..end]);
    let mut whole = units.filter(|unit| text.len().is_multiple_of(unit.len()));
    whole.find(|unit| unit.repeat(text.len() / unit.len()) == text).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_written_as_it_is_compared() {
        let lines = LIST.lines().collect::<Vec<_>>();
        assert!(lines.len() > 300);
        assert!(lines.is_sorted_by(|one, other| one < other));
        for line in lines {
            assert_eq!(unit(stem(&line.to_lowercase())), line);
        }
    }

    #[test]
    fn common_passwords_are_found_in_every_variation() {
        for common in [
            "Password1234!",
            "passwordpassword",
            "QWERTYUIOPASDFGHJKL",
            "Administrator2026",
            "123456789012",
            "aaaaaaaaaaaa",
            "abc1abc1abc1",
            "ops.team2026!!",
            "ops.teamOPS.TEAM",
        ] {
            assert!(is_common(common, "ops.team"), "{common}");
        }
    }

    #[test]
    fn passwords_that_nobody_else_has_are_not_common() {
        for good in [
            "correct horse battery staple",
            "my password is a long one",
            "quoin-zephyr-quoin-zephyr!",
            "9f8e-77ab-1c0d-5e2f",
            "\u{e4}\u{f6}\u{fc} \u{1f511} \u{e4}\u{f6}\u{fc} x \u{e4}",
            "70913846251908",
        ] {
            assert!(!is_common(good, "admin"), "{good}");
        }
        assert!(!is_common("ops.team2026!!", "admin"));
    }
}
