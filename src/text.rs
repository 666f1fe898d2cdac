//! Free text, as people write and read it: without characters that hide or reorder it.

use std::fmt::Write as _;

use unicode_general_category::{GeneralCategory, get_general_category};

/// Returns true for a character that cannot be seen: a control, a format or text-direction control, a separator of lines
/// or paragraphs.
pub(crate) fn is_invisible(character: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    matches!(get_general_category(character), Control | Format | LineSeparator | ParagraphSeparator)
}

/// Returns true if nothing in `text` is hidden. A joiner (U+200C, U+200D) between letters is not: Persian and the
/// scripts of India need it. A character without a meaning for everyone is hidden too.
pub(crate) fn is_plain(text: &str) -> bool {
    judged(text).all(|(_, is_hidden)| !is_hidden)
}

/// `text` with every hidden character escaped, as `\u{202e}`. It comes from elsewhere, and could change the terminal or a
/// line of the log.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (character, is_hidden) in judged(text) {
        // Writing to a string does not fail.
        let _ = match is_hidden {
            true => write!(shown, "{}", character.escape_default()),
            false => shown.write_char(character),
        };
    }
    shown
}

/// Bytes as lower-case hexadecimal digits.
#[cfg(feature = "server")]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Percent-encodes a path segment or a query value (RFC 3986 section 2.1).
#[cfg(feature = "server")]
pub fn percent_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// The text of `bytes` in UTF-8 or UTF-16, without its byte order mark. Without a mark, UTF-16 shows by the zero bytes of ASCII.
#[cfg(feature = "cli")]
pub(crate) fn decode(bytes: &[u8]) -> Option<String> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [1..=u8::MAX, 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, 1..=u8::MAX, ..] => utf16(bytes, u16::from_be_bytes),
        _ => {
            let text = std::str::from_utf8(bytes).ok()?;
            Some(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
        }
    }
}

#[cfg(feature = "cli")]
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let (pairs, _) = bytes.as_chunks();
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<_, _>>().ok()
}

/// The characters of `text`, each with whether it is hidden.
fn judged(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut before = None;
    text.char_indices().map(move |(place, character)| {
        let after = || text[place..].chars().nth(1);
        let joins = is_joiner(character) && before.is_some_and(is_letter) && after().is_some_and(is_letter);
        before = Some(character);
        (character, !joins && (is_invisible(character) || is_private(character)))
    })
}

const fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

/// Returns true for a letter or a mark on one, such as a virama.
fn is_letter(character: char) -> bool {
    use GeneralCategory::{NonspacingMark, SpacingMark};
    character.is_alphabetic() || matches!(get_general_category(character), NonspacingMark | SpacingMark)
}

/// Returns true for a character that Unicode gives no meaning. A later one may give it any.
fn is_private(character: char) -> bool {
    use GeneralCategory::{PrivateUse, Surrogate, Unassigned};
    matches!(get_general_category(character), PrivateUse | Surrogate | Unassigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(feature = "server")]
    fn encoded_text_stays_in_its_path_segment() {
        assert_eq!(percent_encoded("../a?b#c d"), "..%2Fa%3Fb%23c%20d");
        assert_eq!(percent_encoded("0190a0b0-0000-7000"), "0190a0b0-0000-7000");
    }

    #[test]
    fn hidden_characters_are_escaped_and_nothing_else() {
        let hidden = "a\u{202e}b\u{2066}\u{200b}\u{feff}\u{2028}\u{2029}\u{ad}\u{e0041}\u{e000}\n\u{1b}[2J";
        let shown = r"a\u{202e}b\u{2066}\u{200b}\u{feff}\u{2028}\u{2029}\u{ad}\u{e0041}\u{e000}\n\u{1b}[2J";
        assert_eq!(printable(hidden), shown);
        assert!(!is_plain(hidden) && is_plain(shown));
        for good in ["", "rack 7", r#"C:\new "x""#, "b\u{fc}ro", "e\u{301}", "a\u{a0}b", "\u{1f5a5}\u{fe0f}"]
        {
            assert!(is_plain(good), "{good:?}");
            assert_eq!(printable(good), good);
        }
    }

    #[test]
    fn joiners_stand_only_between_letters() {
        for good in ["\u{646}\u{645}\u{6cc}\u{200c}\u{62e}", "\u{915}\u{94d}\u{200d}\u{937}"] {
            assert!(is_plain(good), "{good:?}");
            assert_eq!(printable(good), good);
        }
        for hidden in ["\u{200d}", "a\u{200c}", "\u{200c}a", "a \u{200d}b", "a\u{200d}\u{200d}b"] {
            assert!(!is_plain(hidden), "{hidden:?}");
            assert!(printable(hidden).is_ascii(), "{hidden:?}");
        }
    }
}
