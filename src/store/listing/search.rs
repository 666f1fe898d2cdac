//! The text of a search.

use crate::id::ShortId;
use crate::name::LONGEST_FREE_TEXT;

/// A text that people search for: the start of a name or label in any ASCII case, a whole id, or its last eight characters.
///
/// No character of it is special.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search(String);

impl Search {
    /// Reads the text of 1 to [`LONGEST_FREE_TEXT`] characters. White space around it does not count.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        (1..=LONGEST_FREE_TEXT).contains(&text.chars().count()).then(|| Self(text.to_ascii_lowercase()))
    }

    /// The text, in lower case: the least text that starts with it.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The least text after all those that start with it, in the order of their bytes.
    pub fn end(&self) -> Option<String> {
        let mut end = self.0.clone();
        while let Some(last) = end.pop() {
            // A surrogate is no character: the range steps over them.
            if let Some(next) = (last..=char::MAX).nth(1) {
                end.push(next);
                return Some(end);
            }
        }
        None
    }

    /// The end of an id, if it is one.
    pub fn short_id(&self) -> Option<ShortId> {
        ShortId::parse(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_trimmed_and_in_lower_case() {
        assert_eq!(Search::parse(" Rack \u{c4}9 ").unwrap().text(), "rack \u{c4}9");
        for wrong in ["", " \t", &"x".repeat(LONGEST_FREE_TEXT + 1)] {
            assert_eq!(Search::parse(wrong), None, "{wrong:?}");
        }
        assert!(Search::parse(&"\u{fc}".repeat(LONGEST_FREE_TEXT)).is_some());
    }

    #[test]
    fn the_end_of_a_search_follows_its_texts() {
        for (text, end) in [
            ("rack", Some("racl")),
            ("a\u{d7ff}", Some("a\u{e000}")),
            ("a\u{10ffff}\u{10ffff}", Some("b")),
            ("\u{10ffff}", None),
            ("%_*", Some("%_+")),
        ] {
            assert_eq!(Search::parse(text).unwrap().end().as_deref(), end, "{text:?}");
        }
    }
}
