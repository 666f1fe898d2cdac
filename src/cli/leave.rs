//! `gatepass leave`: remove this host's identity.

use clap::Args;

use super::ask::confirm;
use super::error::CliError;
use super::output::line;
use crate::client::host::ThisHost;
use crate::client::leave::{LeaveResult, leave};
use crate::clock::SystemClock;

/// Remove this host's identity: revoke it on the server, then remove its files
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass leave --yes
  gatepass leave --force --yes         remove the files even if the server is not reachable, or they are damaged

Exit codes: 0 removed; 1 refused or not reached, nothing removed; 2 usage")]
pub(crate) struct LeaveCommand {
    #[command(flatten)]
    host: ThisHost,
    /// Remove the files even if the server is not reachable or they are damaged; then revoke the host on the server
    #[arg(long)]
    force: bool,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
}

impl LeaveCommand {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<(), CliError> {
        let dir = self.host.cert_dir.display();
        confirm(
            &format!(
                "Revoke this host and remove its identity in {dir}? It needs a new token to enroll again."
            ),
            self.yes,
        )?;
        line(match leave(&self.host, self.force, SystemClock::now()).await? {
            LeaveResult::Revoked(host) => format!("revoked host {host} and removed its files"),
            LeaveResult::Before(host) => {
                format!("removed the files of host {host}, which was revoked before")
            }
            LeaveResult::Forgotten(Some(host)) => {
                format!(
                    "removed the files, but the server was not reached: run `gatepass host revoke {host}` there"
                )
            }
            LeaveResult::Forgotten(None) => String::from(
                "removed the files; they did not name the host: find it with `gatepass host list` and revoke it",
            ),
        })
    }
}
