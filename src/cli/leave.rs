//! `gatepass leave`: remove this host's identity.

use clap::Args;

use super::ask::confirm;
use super::error::CliError;
use super::output::{line, note};
use super::remote::network;
use crate::client::host::ThisHost;
use crate::client::leave::{LeaveResult, leave, leaving};
use crate::clock::SystemClock;
use crate::config::Environment;

/// Remove this host's identity: revoke it on the server, then remove its files
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass leave --yes
  gatepass leave --force --yes         remove the files even if the server is not reachable or refuses, or they are damaged

Only an answer of gatepass itself removes the files. A proxy's page, or any other answer, leaves them in place.
Exit codes: 0 removed; 1 refused, nothing removed; 2 usage; 75 try again later (the server was not reached), nothing removed")]
pub(crate) struct LeaveCommand {
    #[command(flatten)]
    host: ThisHost,
    /// Remove the files even if the server is not reachable or refuses, or they are damaged. If no other machine holds the host,
    /// revoke it on the server afterwards
    #[arg(long)]
    force: bool,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
}

impl LeaveCommand {
    /// Runs the command.
    pub(crate) async fn run(mut self, environment: &Environment) -> Result<(), CliError> {
        self.host.network = network(environment);
        let unchanged = |error| {
            note("gatepass leave: nothing was removed");
            CliError::of_host(error)
        };
        let dir = self.host.cert_dir.display();
        let question = match leaving(&self.host, self.force).map_err(unchanged)? {
            Some(host) => format!(
                "Revoke host {host} and remove its identity in {dir}? It needs a new token to enroll again."
            ),
            None => format!("Remove the damaged identity in {dir}? Its host is not revoked."),
        };
        confirm(&question, self.yes)?;
        let left = leave(&self.host, self.force, SystemClock::now()).await.map_err(unchanged)?;
        line(match left {
            LeaveResult::Revoked(host) => format!("revoked host {host} and removed its files"),
            LeaveResult::Before(host) => {
                format!("removed the files of host {host}, which was revoked before")
            }
            LeaveResult::Forgotten(Some(host)) => {
                format!(
                    "removed the files; the server did not revoke host {host}: if no other machine holds it, run `gatepass host \
                     revoke {host}`"
                )
            }
            LeaveResult::Forgotten(None) => String::from(
                "removed the files; they did not name the host: find it with `gatepass host list` and revoke it",
            ),
        })
    }
}
