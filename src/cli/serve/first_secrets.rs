//! The secrets of the first start: on the terminal, or in files.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use super::super::error::CliError;
use super::super::logging::Queue;
use crate::server::Server;

/// Longest wait for a terminal that takes the secrets. Then they go to files.
const PATIENCE: Duration = Duration::from_secs(10);

/// The place of the first start's secrets.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Secrets {
    /// Files of mode 0600 in the data directory
    Files,
    /// Standard output, which must be a terminal that nothing records
    Terminal,
}

impl Secrets {
    /// The place in use. A terminal that does not exist is refused before anything is created.
    pub(super) fn checked(chosen: Option<Self>) -> Result<Self, CliError> {
        match (chosen, io::stdout().is_terminal()) {
            (Some(Self::Terminal), false) => Err(CliError::Usage(String::from(
                "--secrets terminal: standard output is not a terminal; give --secrets files",
            ))),
            (Some(chosen), _) => Ok(chosen),
            (None, true) => Ok(Self::Terminal),
            (None, false) => Ok(Self::Files),
        }
    }

    /// Shows the secrets of a first start. If the terminal does not take them, they go to files too.
    pub(super) fn show(self, server: &Server, output: &Queue) -> Result<(), CliError> {
        let Some(first) = server.first_start() else { return Ok(()) };
        if self == Self::Terminal {
            output.line("shown once, store them safely (user name: admin):");
            for (what, _, secret) in first.secrets() {
                output.line(format!("  {what:17}  {}", secret.expose()));
            }
            output.line("");
            if output.flush(PATIENCE) {
                return Ok(());
            }
        }
        output.line("stored in files that only you can read (user name: admin):");
        for (what, file, secret) in first.secrets() {
            // Without the file the start fails, and the next one makes new secrets.
            let path = server.keep_first_secret(file, secret).map_err(CliError::Run)?;
            tracing::warn!(file = %path.display(), "a file has the {what}: move it to a safe");
            output.line(format!("  {what:17}  {}", path.display()));
        }
        output.line("");
        Ok(())
    }
}
