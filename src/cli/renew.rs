//! `gatepass renew`: a new certificate for this host, once or repeatedly.

use std::path::PathBuf;

use clap::Args;

use super::enroll::show_fresh;
use super::error::CliError;
use super::output::{Format, note};
use super::signals;
use crate::client::daemon::{Daemon, DaemonEvent};
use crate::client::enroll::CERT_DIR;
use crate::client::hook::after_renewal;
use crate::client::renew::renew;
use crate::clock::SystemClock;

/// Renew this host's certificate
///
/// With --daemon it keeps running and renews at two thirds of each certificate's lifetime, with jitter. After a failure it
/// retries with growing pauses.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass renew
  gatepass renew --daemon --on-renew 'systemctl reload proxy'

The command runs through `sh -c` with GATEPASS_CERT_DIR set; no secret is in its arguments or environment.
Exit codes: 0 renewed, or stopped by a signal; 1 refused (revoked, expired) or failed; 2 usage")]
pub(crate) struct RenewCommand {
    /// Directory of the identity
    #[arg(long, value_name = "DIR", default_value = CERT_DIR)]
    cert_dir: PathBuf,
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
            let clock = SystemClock;
            let daemon = Daemon { dir: self.cert_dir, on_renew: self.on_renew, clock: &clock };
            return Ok(daemon.run(|event| note(text(&event)), signals::shutdown()?).await?);
        }
        let fresh = renew(&self.cert_dir, SystemClock::now()).await?;
        show_fresh(self.output, &fresh)?;
        match self.on_renew {
            Some(command) => after_renewal(&command, &self.cert_dir).await.map_err(CliError::Unsound),
            None => Ok(()),
        }
    }
}

fn text(event: &DaemonEvent<'_>) -> String {
    match event {
        DaemonEvent::Waiting(at) => format!("gatepass renew: next renewal at {at}"),
        DaemonEvent::Renewed(host) => format!("gatepass renew: renewed until {}", host.life.expires_at),
        DaemonEvent::Failed(error, at) => format!("gatepass renew: {error}; retry at {at}"),
        DaemonEvent::Unseen(error, at) => {
            format!("gatepass renew: the server has not seen the certificate yet: {error}; retry at {at}")
        }
        DaemonEvent::CommandFailed(why) => format!("gatepass renew: {why}"),
    }
}
