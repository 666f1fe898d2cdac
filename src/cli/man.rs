//! `gatepass man`: the manual pages.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::command_line::command;
use super::destination::is_stdout;
use super::error::CliError;
use super::output::{self, Format};
use super::together::count;

/// Write manual pages, one for each command
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass man --out /usr/local/share/man/man1 && man gatepass-token-create
  gatepass man --out man")]
pub(crate) struct Man {
    /// Directory of the pages, which is made if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl Man {
    /// Writes the pages.
    pub(crate) fn run(self) -> Result<(), CliError> {
        if is_stdout(&self.out) {
            let why = "--out needs the name of a directory: each command has a page of its own";
            return Err(CliError::Usage(why.to_owned()));
        }
        let failed = |source| CliError::File { path: self.out.clone(), source };
        fs::create_dir_all(&self.out).map_err(failed)?;
        let mut command = command().disable_help_subcommand(true);
        command.build();
        let pages = pages(&command);
        clap_mangen::generate_to(command, &self.out).map_err(failed)?;
        let told = format!("wrote {} to {}", count(pages, "page"), self.out.display());
        output::done(
            self.output,
            &json!({ "pages": pages, "directory": self.out.display().to_string() }),
            told,
        )
    }
}

fn pages(command: &clap::Command) -> u64 {
    1 + command.get_subcommands().map(pages).sum::<u64>()
}
