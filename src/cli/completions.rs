//! `gatepass completions`.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::Cli;
use super::error::CliError;
use super::output;

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass completions bash > /etc/bash_completion.d/gatepass
  gatepass completions zsh > ~/.zfunc/_gatepass")]
pub(crate) struct Completions {
    /// Name of the shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub(crate) fn run(self) -> Result<(), CliError> {
        // The generator panics when its writer fails: it writes to memory first.
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "gatepass", &mut script);
        output::text(&String::from_utf8_lossy(&script))
    }
}
