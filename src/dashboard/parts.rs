//! The parts of pages that consist of safe HTML: icons, moments, states.

use std::fmt;
use std::time::Duration;

use askama::filters::HtmlSafe;

use super::assets;
use crate::clock::Timestamp;

/// An icon of the sprite, beside a word that says the same.
pub(super) struct Icon(pub(super) &'static str);

impl fmt::Display for Icon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sprite, Self(name)) = (assets::path("icons.svg"), self);
        write!(f, "<svg aria-hidden=\"true\"><use href=\"{sprite}#{name}\"/></svg>")
    }
}

impl HtmlSafe for Icon {}

/// From this distance on, a date says more than a number of days. In seconds: 90 days.
const DISTANT: u64 = 90 * 86_400;

/// A moment: words such as `in 5 min`, with the whole time as a hint.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    at: Timestamp,
    now: Timestamp,
}

impl Moment {
    /// `at` as it is at `now`.
    pub(super) const fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { at, now }
    }

    /// The distance to `now` in words, or the date of a distant moment.
    fn words(self) -> String {
        let (ahead, behind) = (self.at.since(self.now), self.now.since(self.at));
        match (ahead.as_secs(), behind.as_secs()) {
            (ahead, behind) if ahead.max(behind) > DISTANT => self.at.to_rfc3339()[..10].to_owned(),
            (0, 0..=9) => "just now".to_owned(),
            (0, _) => format!("{} ago", length(behind)),
            _ => format!("in {}", length(ahead)),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.at.whole_second().to_rfc3339();
        write!(f, "<time datetime=\"{whole}\" title=\"{whole}\">{}</time>", self.words())
    }
}

impl HtmlSafe for Moment {}

/// A length of time in its largest unit.
pub(super) fn length(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..=89 => format!("{seconds} s"),
        90..=5399 => format!("{} min", (seconds + 30) / 60),
        5400..=129_599 => format!("{} h", (seconds + 1800) / 3600),
        _ => format!("{} d", (seconds + 43_200) / 86_400),
    }
}

/// The colour of a state. The state's word always stands beside it.
#[derive(Clone, Copy)]
pub(super) enum Tone {
    /// In order.
    Good,
    /// Somebody should look soon.
    Warn,
    /// Something ended or failed.
    Bad,
    /// Something is to come.
    Wait,
    /// Neither.
    Plain,
}

/// The word of a state, with its colour.
pub(super) struct Mark(pub(super) Tone, pub(super) &'static str);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(tone, word) = self;
        let class = match tone {
            Tone::Good => " class=\"good\"",
            Tone::Warn => " class=\"warn\"",
            Tone::Bad => " class=\"bad\"",
            Tone::Wait => " class=\"wait\"",
            Tone::Plain => "",
        };
        write!(f, "<mark{class}>{word}</mark>")
    }
}

impl HtmlSafe for Mark {}

/// A number with thin spaces between thousands.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let lead = digits.len() % 3;
    let mut text = digits.get(..lead).unwrap_or_default().to_owned();
    for (place, digit) in digits.chars().enumerate().skip(lead) {
        if (place - lead).is_multiple_of(3) && !text.is_empty() {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_in_their_largest_unit() {
        let now = Timestamp::from_secs(1_900_000_000);
        let words = |seconds: i64| {
            let at = Timestamp::from_secs(1_900_000_000 + seconds);
            Moment::new(at, now).words()
        };
        assert_eq!(words(0), "just now");
        assert_eq!(words(-9), "just now");
        assert_eq!(words(-45), "45 s ago");
        assert_eq!(words(900), "in 15 min");
        assert_eq!(words(-7200), "2 h ago");
        assert_eq!(words(90 * 86_400), "in 90 d");
        assert_eq!(words(365 * 86_400), "2031-03-17");
        let whole = Moment::new(now, now).to_string();
        assert_eq!(
            whole,
            "<time datetime=\"2030-03-17T17:46:40Z\" title=\"2030-03-17T17:46:40Z\">just now</time>"
        );
    }

    #[test]
    fn thousands_are_set_apart() {
        let texts = [0, 999, 1000, 12_345, 1_284_000].map(grouped);
        let spaced = texts.map(|text| text.replace('\u{202f}', " "));
        assert_eq!(spaced, ["0", "999", "1 000", "12 345", "1 284 000"]);
    }
}
