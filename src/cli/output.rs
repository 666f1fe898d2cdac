//! Output of commands: tables for people, JSON for scripts. A reader that goes away changes nothing.

mod column;
mod fit;
mod screen;
mod table;
mod time;

use std::io::{self, Write as _};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::Value;
use strum::VariantNames as _;

pub(crate) use self::column::SHORT;
pub(crate) use self::screen::Screen;
pub(crate) use self::table::{GrowingTable, table};

use super::error::CliError;
use super::logging;
pub(crate) use crate::cells::{Column, Columns, csv, text_at, text_of};

/// Table for people, or a form for scripts. Only lists have the forms after JSON.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, strum::EnumString, strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// Comma-separated values of every column, with a heading (RFC 4180).
    #[value(skip)]
    Csv,
    /// One whole id a line.
    #[value(skip)]
    Id,
    /// One name a line.
    #[value(skip)]
    Name,
}

impl Format {
    /// Parser of the forms of a list, for clap.
    pub(crate) fn of_lists() -> impl TypedValueParser<Value = Self> {
        PossibleValuesParser::new(Self::VARIANTS).try_map(|word| word.parse::<Self>())
    }
}

/// Prints one line.
pub(crate) fn line(line: impl AsRef<str>) -> Result<(), CliError> {
    text(&format!("{}\n", line.as_ref()))
}

/// Prints text without a change. A reader that has gone, such as `head`, has read enough.
pub(crate) fn text(text: &str) -> Result<(), CliError> {
    match deliver(text) {
        Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Writes text in one piece, so that the reader of its first line gets it before it can leave. Without a reader it fails.
pub(crate) fn deliver(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
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
        note(format!("more than {most} match: raise --limit to see them"));
    }
}

/// Prints the result of a change: a line for people, a document for scripts.
pub(crate) fn done(format: Format, item: &Value, told: impl AsRef<str>) -> Result<(), CliError> {
    match format {
        Format::Json => json(item),
        _ => line(told),
    }
}

/// Prints a list. `nothing` is the note for an empty table.
pub(crate) fn list(
    format: Format,
    screen: &Screen,
    items: &[Value],
    columns: &Columns,
    nothing: &str,
) -> Result<(), CliError> {
    match format {
        Format::Json => json(&Value::Array(items.to_vec())),
        Format::Csv => text(&csv(items, columns.shown, true)),
        Format::Id => text(&each(items, columns.id)),
        Format::Name => {
            let unnamed = items.iter().filter(|item| text_of(item, columns.name).is_none()).count();
            if unnamed > 0 {
                note(format!("left out without a name: {unnamed}; `-o id` lists them"));
            }
            text(&each(items, columns.name))
        }
        Format::Table if items.is_empty() => {
            note(nothing);
            Ok(())
        }
        Format::Table => text(&table(items, columns.shown, screen)),
    }
}

/// The texts at `place`, one a line. Items without one are left out.
pub(crate) fn each(items: &[Value], place: &str) -> String {
    items.iter().filter_map(|item| text_of(item, place)).map(|text| text + "\n").collect()
}

/// Prints one item. `rows` pairs a heading with the path of its value, such as `a.b`. `a|b` is the first that exists, and
/// `a?word` has a default. `(b)` shows the value in parentheses.
pub(crate) fn one(format: Format, item: &Value, rows: &[(&str, &str)]) -> Result<(), CliError> {
    if format == Format::Json {
        return json(item);
    }
    text(&lines(item, rows))
}

/// The lines of one item.
pub(crate) fn lines(item: &Value, rows: &[(&str, &str)]) -> String {
    let width = rows.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
    rows.iter().map(|(word, place)| format!("{word:width$}  {}\n", text_at(item, place))).collect()
}
