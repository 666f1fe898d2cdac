//! What is shown this once, a token or a key: printed, or written to a file that only its owner may read.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::error::CliError;
use super::output::{self, Format, line};
use super::private::SecretFile;
use crate::secret::Secret;

/// Where it goes.
#[derive(Args)]
pub(crate) struct Once {
    /// Print the token or key alone
    #[arg(short, long)]
    quiet: bool,
    /// Write the token or key to a new file of mode 0600 instead of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file of --out if there is one
    #[arg(long, requires = "out")]
    force: bool,
}

impl Once {
    /// The file, opened before anything is asked for.
    pub(crate) fn place(&self) -> Result<Option<SecretFile>, CliError> {
        let open = if self.force { SecretFile::open } else { SecretFile::open_new };
        self.out.as_deref().map(open).transpose()
    }

    /// Puts the `member` of an answer in its place, and shows the rest; `table` is told which file it is in.
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

/// Leaves the name of the file in the place of what is in it.
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
