//! The secrets of the first start: on the terminal, or in files.

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::time::Duration;

use super::super::error::CliError;
use super::super::logging::Queue;
use super::super::private;
use crate::secret::Secret;
use crate::server::{FirstStart, RunError};

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

    /// Shows the secrets. If the terminal does not take them, they go to files too.
    pub(super) fn show(self, first: &FirstStart, data_dir: &Path, output: &Queue) -> Result<(), CliError> {
        let secrets = [
            ("admin password", "admin.password", first.admin_password.as_ref()),
            ("first roles token", "first-roles.token", Some(&first.roles_token)),
            ("emergency token", "emergency.token", Some(&first.emergency_token)),
        ];
        let secrets = secrets.into_iter().filter_map(|(what, file, secret)| Some((what, file, secret?)));
        if self == Self::Terminal {
            output.line("shown once, store them safely (user name: admin):");
            for (what, _, secret) in secrets.clone() {
                output.line(format!("  {what:17}  {}", secret.expose()));
            }
            output.line("");
            if output.flush(PATIENCE) {
                return Ok(());
            }
        }
        output.line("stored in files that only you can read (user name: admin):");
        for (what, file, secret) in secrets {
            let path = data_dir.join(file);
            // The start has failed without them. Its marker is left, so that the next start makes new ones.
            private::write(&path, &Secret::new(format!("{}\n", secret.expose())))
                .map_err(|error| CliError::Run(RunError::File(error.to_string())))?;
            tracing::warn!(file = %path.display(), "a file has the {what}: move it to a safe");
            output.line(format!("  {what:17}  {}", path.display()));
        }
        output.line("");
        Ok(())
    }
}
