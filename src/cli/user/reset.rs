//! `gatepass user reset-password`: in the database itself.

use std::path::PathBuf;

use clap::Args;

use super::password::new_password;
use crate::cli::error::CliError;
use crate::cli::output::line;
use crate::config::{DEFAULT_DATA_DIR, Environment};
use crate::server::offline;

/// `user reset-password`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass user reset-password
  gatepass user reset-password admin --data-dir /var/lib/gatepass --password-file new-password

Stop the server first; while it runs, use set-password. The reset is in the ledger.")]
pub(crate) struct ResetPassword {
    /// The user
    #[arg(default_value = "admin")]
    user: String,
    /// The data directory
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// File with the new password, or - for standard input; default: GATEPASS_PASSWORD, else a prompt
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl ResetPassword {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let password = new_password(self.password_file.as_deref(), environment, "GATEPASS_PASSWORD")?;
        offline::reset_password(&self.data_dir, &self.user, &password).await.map_err(CliError::Offline)?;
        line(format!("{} has a new password", self.user))
    }
}
