//! `gatepass completions`, and the answers to the shells that use them.

use std::process::ExitCode;

use clap::Args;
use clap_complete::env::Shells;
use clap_complete::{CompleteEnv, Shell};

use super::command_line::command;
use super::error::CliError;
use super::output;

/// Variable by which the script of a shell asks for completions.
const VARIABLE: &str = "GATEPASS_COMPLETE";

/// Print a completion script for a shell
///
/// It completes commands, flags, roles, states, settings and contexts, and ids that the server lists. For ids it uses the
/// session, the API key or the local credential, and never asks for a password.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass completions bash > /etc/bash_completion.d/gatepass
  gatepass completions zsh > ~/.zfunc/_gatepass
  gatepass completions fish > ~/.config/fish/completions/gatepass.fish

Write the script again after an update.")]
pub(crate) struct Completions {
    /// Name of the shell
    shell: Shell,
}

impl Completions {
    /// Prints the script.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let mut script = Vec::new();
        if let Some(shell) = Shells::builtins().completer(&self.shell.to_string()) {
            shell.write_registration(VARIABLE, "gatepass", "gatepass", "gatepass", &mut script)?;
        }
        output::text(&String::from_utf8_lossy(&script))
    }
}

/// Answers a shell that completes a line. Returns `None` if this process runs a command.
pub(crate) fn answer() -> Option<ExitCode> {
    let here = std::env::current_dir().ok();
    let shell = CompleteEnv::with_factory(command).var(VARIABLE);
    match shell.try_complete(std::env::args_os(), here.as_deref()) {
        Ok(false) => None,
        Ok(true) => Some(ExitCode::SUCCESS),
        Err(_) => Some(ExitCode::from(2)),
    }
}
