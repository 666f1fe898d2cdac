//! Failures as they are printed: text for people, or JSON for scripts.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ContextValue;
use clap::{ArgMatches, Command};
use serde_json::json;

use super::error::CliError;
use super::output::note;
use crate::access::mask::{MASK, mask};
use crate::text::printable;

/// The form of failures on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// Text for people.
    Text,
    /// One line of JSON, the last one.
    Json,
}

impl Report {
    /// The form that the words of a command line ask for, also if they cannot be parsed.
    pub(super) fn of_line(words: &[OsString]) -> Self {
        let words = words.iter().map(|word| word.to_str().unwrap_or_default());
        let mut words = words.take_while(|word| *word != "--");
        while let Some(word) = words.next() {
            let attached = match (word.strip_prefix("--output"), word.strip_prefix('-')) {
                (Some(rest), _) => rest.strip_prefix('=').or(Some(rest).filter(|rest| rest.is_empty())),
                // Short flags without a value may precede it: `-qo json`.
                (None, Some(short)) => short.trim_start_matches(['q', 'y']).strip_prefix('o'),
                (None, None) => None,
            };
            let value = match attached {
                Some("") => words.next(),
                attached => attached.map(|value| value.trim_start_matches('=')),
            };
            if value == Some("json") {
                return Self::Json;
            }
        }
        Self::Text
    }

    /// Prints the failure of a command. A credential in a wrong place is not repeated.
    pub(super) fn failure(self, error: &CliError) -> ExitCode {
        if !error.is_silent() {
            let text = match (self, error) {
                (Self::Json, error) => error.document().to_string(),
                // It starts with the program's name already.
                (Self::Text, CliError::Start(error)) => error.to_string(),
                (Self::Text, error) => format!("gatepass: {error}"),
            };
            note(mask(&text));
        }
        ExitCode::from(error.exit_code())
    }

    /// Prints help, the version, or the mistake in a command line.
    pub(super) fn usage(self, mut error: clap::Error) -> ExitCode {
        let code = u8::try_from(error.exit_code()).unwrap_or(2);
        hide_credentials(&mut error);
        let rendered = error.render().to_string();
        // The mistake repeats its value, which can come from elsewhere.
        let text = rendered.lines().map(|line| mask(&printable(line))).collect::<Vec<_>>().join("\n");
        match (self, error.use_stderr()) {
            (Self::Json, true) => {
                let text = text.trim().trim_start_matches("error: ");
                note(json!({ "error": text, "exit_code": code }).to_string());
            }
            (Self::Text, true) if text != rendered.trim_end() => note(text),
            // A closed output is not a failure.
            _ => drop(error.print()),
        }
        ExitCode::from(code)
    }
}

/// Replaces each value in `error` that holds a credential, also a folded one, whose later lines do not look like it.
fn hide_credentials(error: &mut clap::Error) {
    let holds = |value: &&ContextValue| matches!(value, ContextValue::String(text) if mask(text) != *text);
    let kinds = error.context().filter(|(_, value)| holds(value)).map(|(kind, _)| kind).collect::<Vec<_>>();
    for kind in kinds {
        error.insert(kind, ContextValue::String(MASK.to_owned()));
    }
}

/// The command that was given, below its nouns.
pub(super) fn innermost<'a>(command: &'a Command, matches: &ArgMatches) -> &'a Command {
    match matches.subcommand().and_then(|(name, below)| Some((command.find_subcommand(name)?, below))) {
        Some((command, below)) => innermost(command, below),
        None => command,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_asked_for_in_every_spelling() {
        let asks = |line: &str| Report::of_line(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in
            ["x -o json", "x -ojson y", "-o=json", "x --output json", "--output=json", "-qo json", "-yqojson"]
        {
            assert_eq!(asks(line), Report::Json, "{line}");
        }
        for line in [
            "x",
            "x -o table json",
            "x -- -o json",
            "--output-file json",
            "--outputjson",
            "x -o",
            "x --no json",
        ] {
            assert_eq!(asks(line), Report::Text, "{line}");
        }
    }
}
