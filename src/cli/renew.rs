//! `gatepass renew`: a new certificate for this host, once or repeatedly.

use clap::Args;

use super::enroll::show_fresh;
use super::error::CliError;
use super::output::{Format, note};
use super::{logging, signals};
use crate::client::daemon::{Daemon, DaemonEvent, NAP};
use crate::client::first_use::Fresh;
use crate::client::hook::after_renewal;
use crate::client::host::ThisHost;
use crate::client::renew::renew;
use crate::clock::SystemClock;

/// Renew this host's certificate
///
/// It asks the servers in host.json until one leads to the authority, and stores the authority's current URL.
/// With --daemon it keeps running and renews at two thirds of each certificate's lifetime, with jitter. After a failure it
/// retries with growing pauses.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass renew
  gatepass renew --daemon --on-renew 'systemctl reload proxy'

The command runs through `sh -c` with GATEPASS_CERT_DIR set; no secret is in its arguments or environment.
Exit codes: 0 renewed, or stopped by a signal; 1 refused (revoked, expired) or failed; 2 usage")]
pub(crate) struct RenewCommand {
    #[command(flatten)]
    host: ThisHost,
    /// Keep running and renew each certificate in time
    #[arg(long)]
    daemon: bool,
    /// Command to run after each renewal
    #[arg(long, value_name = "CMD")]
    on_renew: Option<String>,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl RenewCommand {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<(), CliError> {
        if self.daemon {
            // A reader that stalls must not hold the renewals up.
            logging::errors()?;
            let clock = SystemClock;
            let daemon = Daemon { host: self.host, on_renew: self.on_renew, clock: &clock, nap: NAP };
            return Ok(daemon.run(|event| note(text(&event)), signals::shutdown()?).await?);
        }
        let fresh = renew(&self.host, SystemClock::now()).await?;
        show_fresh(self.output, &fresh)?;
        match self.on_renew {
            Some(command) => after_renewal(&command, &self.host.cert_dir).await.map_err(CliError::Unsound),
            None => Ok(()),
        }
    }
}

fn text(event: &DaemonEvent<'_>) -> String {
    match event {
        DaemonEvent::Waiting(at) => format!("gatepass renew: next renewal at {at}"),
        DaemonEvent::Renewed(Fresh { host, name_withdrawn, .. }) => {
            let renewed =
                format!("gatepass renew: renewed until {} at {}", host.life.expires_at, host.servers.server);
            match name_withdrawn {
                Some(name) => format!("{renewed}; {name} became a name of the authority and is withdrawn"),
                None => renewed,
            }
        }
        DaemonEvent::Failed(error, at) => format!("gatepass renew: {error}; retry at {at}"),
        DaemonEvent::Unseen(error, at) => {
            format!("gatepass renew: the server has not seen the certificate yet: {error}; retry at {at}")
        }
        DaemonEvent::CommandFailed(why) => format!("gatepass renew: {why}"),
    }
}
