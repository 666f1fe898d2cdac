//! Secrets that are shown once, tokens and API keys: printed, or written to a file that only its owner may read.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::error::CliError;
use super::output::{self, Format, line};
use super::private::SecretFile;
use crate::secret::Secret;

/// Flags for the output of a secret.
#[derive(Args)]
pub(crate) struct Once {
    /// Print only the token or key
    #[arg(short, long)]
    quiet: bool,
    /// Write the token or key to a new file of mode 0600 instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, requires = "out")]
    force: bool,
}

impl Once {
    /// The file, opened before the request is sent.
    pub(crate) fn place(&self) -> Result<Option<SecretFile>, CliError> {
        let open = if self.force { SecretFile::open } else { SecretFile::open_new };
        self.out.as_deref().map(open).transpose()
    }

    /// Writes the `member` of an answer to `place`, and prints the rest. `table` gets the path of the file.
    pub(crate) fn show(
        &self,
        place: Option<SecretFile>,
        mut answer: Value,
        member: &str,
        format: Format,
        table: impl FnOnce(&Value, Option<&Path>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let secret = Secret::new(answer[member].as_str().unwrap_or_default().to_owned());
        if let Some((file, place)) = self.out.as_deref().zip(place) {
            place.keep(&Secret::new(format!("{}\n", secret.expose())))?;
            moved(&mut answer, member, file, format);
        }
        match (format, self.quiet) {
            (_, true) if self.out.is_some() => Ok(()),
            (_, true) => line(secret.expose()),
            (Format::Json, false) => output::json(&answer),
            (Format::Table, false) => table(&answer, self.out.as_deref()),
        }
    }
}

/// Replaces the secret in the answer by the path of its file.
fn moved(answer: &mut Value, member: &str, file: &Path, format: Format) {
    let file = file.display();
    match (format, answer.as_object_mut()) {
        (Format::Json, Some(members)) => {
            members.remove(member);
            members.insert(String::from("file"), json!(file.to_string()));
        }
        _ => answer[member] = json!(format!("in {file}")),
    }
}
