//! `gatepass user`: people who administer.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ask;
use super::error::CliError;
use super::output::line;
use crate::config::{DEFAULT_DATA_DIR, Environment};
use crate::secret::Secret;
use crate::server::offline;

/// Administer users
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Set a user's password in the database itself, while the server is stopped
    ResetPassword(ResetPassword),
}

/// `user reset-password`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass user reset-password
  gatepass user reset-password admin --data-dir /var/lib/gatepass --password-file new-password

Stop the server first. The reset is in the ledger.")]
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

impl UserCommand {
    /// Does it.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::ResetPassword(command) => command.run(environment).await,
        }
    }
}

impl ResetPassword {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let password = self.password(environment)?;
        offline::reset_password(&self.data_dir, &self.user, &password).await.map_err(CliError::Offline)?;
        line(format!("{} has a new password", self.user))
    }

    fn password(&self, environment: &Environment) -> Result<Secret<String>, CliError> {
        match (self.password_file.as_deref(), environment.get("GATEPASS_PASSWORD")) {
            (Some(path), _) if path.as_os_str() == "-" => ask::stdin(),
            (Some(path), _) => ask::read_file(path),
            (None, Some(password)) => Ok(Secret::new(password.to_owned())),
            (None, None) => {
                let instead = "no password: give --password-file or GATEPASS_PASSWORD";
                let first = ask::prompt("new password: ", instead)?;
                match ask::prompt("again: ", instead)?.expose() == first.expose() {
                    true => Ok(first),
                    false => {
                        Err(CliError::Usage(String::from("the two passwords differ: nothing was changed")))
                    }
                }
            }
        }
    }
}
