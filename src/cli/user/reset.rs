//! `gatepass user reset-password`, without a server.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::password::{VARIABLE, new_password};
use crate::cli::error::CliError;
use crate::cli::output::{self, Format};
use crate::config::{DEFAULT_DATA_DIR, Environment};
use crate::server::offline;

/// A second variable for the new password.
const OTHER: &str = "GATEPASS_PASSWORD";

/// Arguments of `user reset-password`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass user reset-password
  gatepass user reset-password admin --data-dir /var/lib/gatepass --password-file new-password

Stop the server first; while it runs, use set-password. The ledger records the reset.")]
pub(crate) struct ResetPassword {
    /// User name
    #[arg(default_value = "admin")]
    user: String,
    /// Data directory
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    /// File with the new password, or - for standard input; default: GATEPASS_NEW_PASSWORD, GATEPASS_PASSWORD, else a prompt
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl ResetPassword {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        // This command does not sign in: GATEPASS_PASSWORD can only be the new password.
        let variable = match (environment.get(VARIABLE), environment.get(OTHER)) {
            (None, Some(_)) => OTHER,
            _ => VARIABLE,
        };
        let password = new_password(self.password_file.as_deref(), environment, variable)?;
        let disabled = offline::reset_password(&self.data_dir, &self.user, &password).await;
        let disabled = disabled.map_err(CliError::Offline)?;
        let said = json!({ "username": self.user, "password_set": true, "disabled": disabled });
        let still = if disabled { ", and is still disabled: `gatepass user enable`" } else { "" };
        output::done(self.output, &said, format!("{} has a new password{still}", self.user))
    }
}
