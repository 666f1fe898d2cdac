//! `gatepass leave`: give this host's identity up.

use std::path::PathBuf;

use clap::Args;

use super::ask::confirm;
use super::enroll::CERT_DIR;
use super::error::CliError;
use super::output::line;
use crate::client::leave::{LeaveResult, leave};
use crate::clock::SystemClock;

/// Give this host's identity up: it revokes itself, then removes its files
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass leave --yes
  gatepass leave --force --yes         remove the files even if the server cannot be told

Exit codes: 0 gone; 1 refused or not reached, nothing removed; 2 usage")]
pub(crate) struct LeaveCommand {
    /// Where the identity is
    #[arg(long, value_name = "DIR", default_value = CERT_DIR)]
    cert_dir: PathBuf,
    /// Remove the files even if the server cannot be told; then revoke the host there
    #[arg(long)]
    force: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl LeaveCommand {
    /// Leaves.
    pub(crate) async fn run(self) -> Result<(), CliError> {
        let dir = self.cert_dir.display();
        confirm(&format!("revoke this host and remove its identity in {dir}?"), self.yes)?;
        line(match leave(&self.cert_dir, self.force, SystemClock::now()).await? {
            LeaveResult::Revoked(host) => format!("host {host} is revoked, its files are gone"),
            LeaveResult::Before(host) => format!("host {host} had been revoked before; its files are gone"),
            LeaveResult::Forgotten(host) => {
                format!(
                    "the files are gone, but the server was not told: run `gatepass host revoke {host}` there"
                )
            }
        })
    }
}
