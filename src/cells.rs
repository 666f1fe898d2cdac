//! Cells of lists: the text of an item's values by their paths. The command line shows them, and the API writes them as CSV.

mod column;
mod csv;
mod hosts;

use serde_json::Value;

pub use self::column::{CellKind, Column, Columns};
pub use self::csv::csv;
pub use self::hosts::HOSTS;
use crate::clock::Timestamp;
use crate::text::printable;

/// The text of the value at `place`, as in a table.
pub fn text_at(item: &Value, place: &str) -> String {
    let (place, nothing) = place.split_once('?').unwrap_or((place, "-"));
    place.split('|').find_map(|path| text_of(item, path)).unwrap_or_else(|| nothing.to_owned())
}

/// The text of the value at one path, in parentheses if the path is; `None` for nothing.
pub fn text_of(item: &Value, path: &str) -> Option<String> {
    let inner = path.strip_prefix('(').and_then(|path| path.strip_suffix(')'));
    let value = item.pointer(&format!("/{}", inner.unwrap_or(path).replace('.', "/")))?;
    let text = Some(show(value)).filter(|text| text != "-")?;
    Some(if inner.is_some() { format!("({text})") } else { text })
}

/// A time without its fraction of a second; `None` for any other text.
fn to_the_second(text: &str) -> Option<String> {
    let (_, fraction) = text.split_once('.')?;
    let fraction = fraction.strip_suffix('Z')?;
    let digits = fraction.bytes().all(|digit| digit.is_ascii_digit());
    Timestamp::parse_rfc3339(text).filter(|_| digits).map(|at| at.to_string())
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => String::from("-"),
        Value::Bool(flag) => String::from(if *flag { "yes" } else { "no" }),
        Value::String(text) if text.is_empty() => String::from("-"),
        Value::String(text) => to_the_second(text).unwrap_or_else(|| printable(text)),
        Value::Array(items) if items.is_empty() => String::from("-"),
        Value::Array(items) => items.iter().map(show).collect::<Vec<_>>().join(", "),
        Value::Object(members) if members.is_empty() => String::from("-"),
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| format!("{}={}", printable(key), show(value)))
            .collect::<Vec<_>>()
            .join(" "),
        number @ Value::Number(_) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_show_nested_values_and_defaults() {
        let item = json!({"a": {"b": ["x", "y"]}, "n": null, "evil": "\u{1b}[2J", "flag": true, "c": 3});
        assert_eq!(text_at(&item, "a.b"), "x, y");
        assert_eq!(text_at(&item, "a.b.1"), "y");
        assert_eq!(text_at(&item, "n"), "-");
        assert_eq!(text_at(&item, "n|c"), "3");
        assert_eq!((text_at(&item, "n|(c)"), text_at(&item, "c|(a)")), ("(3)".into(), "3".into()));
        assert_eq!(text_at(&item, "n|(n)"), "-");
        assert_eq!(text_at(&item, "missing.deep"), "-");
        assert_eq!(
            (text_at(&item, "n?never"), text_at(&item, "c?never")),
            (String::from("never"), String::from("3"))
        );
        assert_eq!(text_at(&item, "flag"), "yes");
        assert!(!text_at(&item, "evil").contains('\u{1b}'));
    }

    #[test]
    fn hidden_characters_are_shown_escaped() {
        let item = json!({"label": "a\u{202e}b\u{200b}\u{2028}c\u{1b}[2J", "good": "b\u{fc}ro \u{1f5a5}"});
        assert_eq!(text_at(&item, "label"), r"a\u{202e}b\u{200b}\u{2028}c\u{1b}[2J");
        assert_eq!(text_at(&item, "good"), "b\u{fc}ro \u{1f5a5}");
    }

    #[test]
    fn only_times_are_shortened() {
        let item =
            json!({"at": "2026-11-22T08:00:00.123Z", "whole": "2026-11-22T08:00:00Z", "label": "v1.2Z"});
        assert_eq!(text_at(&item, "at"), "2026-11-22T08:00:00Z");
        assert_eq!(
            (text_at(&item, "whole"), text_at(&item, "label")),
            ("2026-11-22T08:00:00Z".into(), "v1.2Z".into())
        );
    }
}
