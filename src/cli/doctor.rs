//! `gatepass doctor`: checks of a data directory.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::error::CliError;
use super::output::{self, Format, line};
use super::progress;
use crate::server::offline;

/// Check a data directory
///
/// Reads the files and changes nothing. A server may run on them; run the command as its user.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass doctor --integrity
  gatepass doctor --integrity --data-dir /var/lib/gatepass -o json

While a large database is read, the write-ahead log of a running server grows.

Exit codes: 0 sound; 1 damaged, with every fault that was found; 2 usage, or the database cannot be opened")]
pub(crate) struct Doctor {
    /// Read the whole database and check its structure, indexes, constraints and references
    #[arg(long, required = true)]
    integrity: bool,
    /// The server's data directory
    #[arg(long, value_name = "DIR", default_value = crate::config::DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

impl Doctor {
    /// Runs the checks.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let spinner = progress::spinner(String::from("reading the whole database"));
        let checked = offline::check_integrity(&self.data_dir);
        spinner.finish_and_clear();
        let (database, faults) = checked.map_err(CliError::Offline)?;
        if self.output == Format::Json {
            let checks = [json!({ "name": "integrity", "ok": faults.is_empty(), "faults": faults })];
            output::json(&json!({ "database": database, "ok": faults.is_empty(), "checks": checks }))?;
        } else {
            faults.iter().try_for_each(line)?;
        }
        match (faults.len(), self.output) {
            (0, Format::Json) => Ok(()),
            (0, Format::Table) => line(format!("{} is sound", database.display())),
            (number, _) => Err(CliError::Unsound(format!(
                "{} is damaged ({number} faults): stop the server, keep a copy of the file, check the disk, and restore a backup",
                database.display()
            ))),
        }
    }
}
