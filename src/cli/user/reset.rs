//! `gatepass user reset-password`, without a server.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::password::{NewPassword, VARIABLE};
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

Stop the server first; while it runs, use set-password. GATEPASS_PASSWORD holds the new password too. \
The ledger records the reset.")]
pub(crate) struct ResetPassword {
    /// User name
    #[arg(default_value = "admin")]
    user: String,
    /// Data directory
    #[arg(long, value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
    #[command(flatten)]
    password: NewPassword,
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
        let password = self.password.read(environment, variable, &self.user)?;
        let disabled = offline::reset_password(&self.data_dir, &self.user, &password).await;
        let disabled = disabled.map_err(CliError::Offline)?;
        let said = json!({ "username": self.user, "password_set": true, "disabled": disabled });
        let still = if disabled { ", and is still disabled: `gatepass user enable`" } else { "" };
        output::done(self.output, &said, format!("{} has a new password{still}", self.user))
    }
}
