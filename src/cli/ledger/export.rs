//! `gatepass ledger export`.

use std::io;

use clap::Args;
use serde_json::Value;

use super::list::moment;
use crate::cli::error::CliError;
use crate::cli::flags::with_query;
use crate::cli::line_buffer::LineBuffer;
use crate::cli::output;
use crate::cli::remote::Remote;
use crate::client::ClientError;
use crate::client::api::Api;
use crate::config::Environment;
use crate::text::percent_encoded;

/// Print the ledger as JSON Lines, oldest entry first
///
/// An export that is cut off goes on where it was.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass ledger export > ledger.jsonl
  gatepass ledger export --since 1d --vocabulary telovix
  gatepass ledger export --since 2030-01-01 --until 2030-02-01 > january.jsonl

Exit codes: 0 complete; 1 cut off, refused or failed; 2 usage")]
pub(crate) struct LedgerExport {
    #[command(flatten)]
    remote: Remote,
    /// Only entries from this moment on: a time, a date in UTC, or a span before now such as 2h
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<String>,
    /// Only entries before this moment
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<String>,
    /// Names of acts: those of gatepass, or of Telovix
    #[arg(long, value_name = "NAME", default_value = "gatepass", value_parser = ["gatepass", "telovix"])]
    vocabulary: String,
}

/// The end of an answer.
enum Ended {
    /// It was complete, or its reader has gone.
    Done,
    /// It was cut off.
    Cut,
}

impl LedgerExport {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let api = self.remote.connect(environment)?;
        let mut last = None::<String>;
        loop {
            let before = last.clone();
            match self.copy(&api, &mut last).await? {
                Ended::Done => return Ok(()),
                Ended::Cut if last != before => {}
                Ended::Cut => {
                    let after = last.as_deref().unwrap_or("0");
                    return Err(CliError::Unsound(format!("the export was cut off after entry {after}")));
                }
            }
        }
    }

    fn path(&self, last: Option<&str>) -> String {
        let words = [
            ("vocabulary", Some(self.vocabulary.as_str())),
            ("since", self.since.as_deref()),
            ("until", self.until.as_deref()),
            ("after", last),
        ];
        let words =
            words.into_iter().filter_map(|(name, word)| Some(format!("{name}={}", percent_encoded(word?))));
        with_query("/api/v1/ledger/export", &words.collect::<Vec<_>>())
    }

    /// Prints the entries of one answer, and keeps the id of the last one.
    async fn copy(&self, api: &Api, last: &mut Option<String>) -> Result<Ended, CliError> {
        let mut answer = api.open(&self.path(last.as_deref())).await?;
        let (mut lines, mut count) = (Lines::default(), 0);
        loop {
            // An answer that ends here lacks its last line.
            let Ok(Some(part)) = answer.part().await else { return Ok(Ended::Cut) };
            let (whole, end) = lines.take(&part)?;
            if let Err(gone) = output::deliver(&whole.text) {
                return match gone.kind() {
                    io::ErrorKind::BrokenPipe => Ok(Ended::Done),
                    _ => Err(gone.into()),
                };
            }
            *last = whole.last.or_else(|| last.take());
            count += whole.count;
            match end {
                Some(said) if said == count => return Ok(Ended::Done),
                Some(_) => return Err(damaged().into()),
                None => {}
            }
        }
    }
}

/// The entries of an answer.
#[derive(Default)]
struct Lines(LineBuffer);

/// Entries that arrived together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entries {
    text: String,
    count: u64,
    /// Id of the last one.
    last: Option<String>,
}

impl Lines {
    /// Returns the entries that `part` completes, and the number in the last line of the answer.
    fn take(&mut self, part: &[u8]) -> Result<(Entries, Option<u64>), ClientError> {
        let text = self.0.take(part)?;
        let (mut entries, mut count) = (Entries::default(), None);
        for line in text.lines() {
            let item: Value = serde_json::from_str(line).map_err(|_| damaged())?;
            match (item["id"].as_str(), item["count"].as_u64()) {
                (Some(id), _) => {
                    entries.last = Some(id.to_owned());
                    entries.count += 1;
                    entries.text += line;
                    entries.text.push('\n');
                }
                (None, Some(number)) => count = Some(number),
                (None, None) => return Err(damaged()),
            }
        }
        Ok((entries, count))
    }
}

fn damaged() -> ClientError {
    ClientError::Answer {
        what: String::from("an export has a line that is no entry, or another number of entries"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_in_any_parts() {
        let whole = "{\"id\":\"1\"}\n{\"id\":\"2\"}\n{\"count\":2}\n";
        for size in 1..whole.len() {
            let (mut lines, mut text, mut count, mut end) = (Lines::default(), String::new(), 0, None);
            for part in whole.as_bytes().chunks(size) {
                let (entries, said) = lines.take(part).unwrap();
                text += &entries.text;
                count += entries.count;
                end = said.or(end);
            }
            assert_eq!((text.as_str(), count, end), (&whole[..22], 2, Some(2)), "{size}");
        }
    }

    #[test]
    fn a_line_that_is_no_entry_is_refused() {
        for wrong in ["\n", "{}\n", "<html>\n", "\u{fc}\n"] {
            assert!(Lines::default().take(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
