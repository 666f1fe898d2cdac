//! Output of commands: tables for people, JSON for scripts. A closed output causes no panic.

use std::io::{self, Write as _};

use comfy_table::{Table, presets};
use serde_json::Value;

use super::error::CliError;
use super::logging;
use crate::clock::Timestamp;
use crate::text::printable;

/// Table for people or JSON for scripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
}

/// Prints one line.
pub(crate) fn line(text: impl AsRef<str>) -> Result<(), CliError> {
    Ok(writeln!(io::stdout().lock(), "{}", text.as_ref())?)
}

/// Reports that `what` is retired, the number of revoked tokens, and a new emergency token.
pub(crate) fn retired(format: Format, answer: &Value, what: &str) -> Result<(), CliError> {
    if format == Format::Json {
        return json(answer);
    }
    line(format!("retired {what}; {} tokens revoked", answer["tokens_revoked"]))?;
    match answer["emergency_token_reminted"].as_bool() {
        Some(true) => line(
            "wrote a new emergency token to emergency.token in the data directory: replace the copy in your safe",
        ),
        _ => Ok(()),
    }
}

/// Prints text without a change.
pub(crate) fn text(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// Prints a note to standard error. Errors are ignored. A command that queues its log queues its notes too.
pub(crate) fn note(text: impl AsRef<str>) {
    match logging::queued() {
        Some(log) => log.line(text),
        None => drop(writeln!(io::stderr().lock(), "{}", text.as_ref())),
    }
}

/// Prints a JSON document.
pub(crate) fn json(value: &Value) -> Result<(), CliError> {
    line(format!("{value:#}"))
}

/// Shortens a list to `most` entries, and prints a note if entries are left out.
pub(crate) fn cut(items: &mut Vec<Value>, most: usize) {
    if items.len() > most {
        items.truncate(most);
        note(format!("only the first {most} are shown: raise --limit"));
    }
}

/// Prints the result of a change: a line for people, a document for scripts.
pub(crate) fn done(format: Format, item: &Value, told: impl AsRef<str>) -> Result<(), CliError> {
    match format {
        Format::Json => json(item),
        Format::Table => line(told),
    }
}

/// Prints `items`. `columns` pairs a heading with the path of its value: `a.b`; `a|b` for the first that exists;
/// `a?word` for a default.
pub(crate) fn list(
    format: Format,
    items: &[Value],
    columns: &[(&str, &str)],
    nothing: &str,
) -> Result<(), CliError> {
    match format {
        Format::Json => json(&Value::Array(items.to_vec())),
        Format::Table if items.is_empty() => {
            note(nothing);
            Ok(())
        }
        Format::Table => {
            let mut table = Table::new();
            table.load_style(presets::NOTHING).set_header(columns.iter().map(|(heading, _)| *heading));
            for item in items {
                table.add_row(columns.iter().map(|(_, place)| text_at(item, place)));
            }
            let lines: Vec<_> = table
                .lines()
                .map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
                .collect();
            line(lines.join("\n"))
        }
    }
}

/// Prints one item. `rows` pairs a heading with the path of its value.
pub(crate) fn one(format: Format, item: &Value, rows: &[(&str, &str)]) -> Result<(), CliError> {
    if format == Format::Json {
        return json(item);
    }
    let width = rows.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
    for (word, place) in rows {
        line(format!("{word:width$}  {}", text_at(item, place)))?;
    }
    Ok(())
}

/// The text of the value at `place`, as in a table.
pub(crate) fn text_at(item: &Value, place: &str) -> String {
    let (place, nothing) = place.split_once('?').unwrap_or((place, "-"));
    let found = place.split('|').map(|path| item.pointer(&format!("/{}", path.replace('.', "/"))));
    found
        .map(|value| value.map_or_else(|| String::from("-"), show))
        .find(|text| text != "-")
        .unwrap_or_else(|| nothing.to_owned())
}

/// A time, to the second.
pub(crate) fn time(at: Timestamp) -> String {
    let text = at.to_string();
    to_the_second(&text).unwrap_or(text)
}

/// A time without its fraction of a second; `None` for any other text.
fn to_the_second(text: &str) -> Option<String> {
    let (second, fraction) = text.split_once('.')?;
    let fraction = fraction.strip_suffix('Z')?;
    let time =
        fraction.bytes().all(|digit| digit.is_ascii_digit()) && Timestamp::parse_rfc3339(text).is_some();
    time.then(|| format!("{second}Z"))
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
