//! `gatepass status`: the state of this host's identity.

use clap::Args;
use serde_json::json;

use super::enroll::show;
use super::error::CliError;
use super::output::{self, Format, line};
use crate::client::host::ThisHost;
use crate::client::status::{HostStatus, Reached, status};
use crate::clock::SystemClock;

/// Show the state of this host's identity: expiry, server, clock
#[derive(Args)]
#[command(
    after_long_help = "Exit codes: 0 good; 1 action needed soon (renewal is due, or this machine's clock is more than 60 s off); 2 the identity does not work (not enrolled, damaged, not readable, expired, refused, or the server is not reachable)"
)]
pub(crate) struct StatusCommand {
    #[command(flatten)]
    host: ThisHost,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl StatusCommand {
    /// Runs the command.
    pub(crate) async fn run(self) -> Result<(), CliError> {
        let status = match status(&self.host, SystemClock::now()).await {
            Ok(status) => status,
            // Code 1 is for an identity that works.
            Err(error) => {
                output::note(format!("gatepass: {error}"));
                return Err(CliError::Code(2));
            }
        };
        match self.output {
            Format::Json => output::json(&json!(status))?,
            Format::Table => print(&status)?,
        }
        match status.exit_code() {
            0 => Ok(()),
            code => Err(CliError::Code(code)),
        }
    }
}

fn print(status: &HostStatus) -> Result<(), CliError> {
    show(Format::Table, &status.host)?;
    let left = left(status.seconds_left);
    line(match (status.seconds_left, status.due) {
        (0, _) => {
            String::from("certificate  expired, and can no longer be renewed: enroll again with a new token")
        }
        (_, true) => format!("certificate  {left} left; renewal is due: gatepass renew"),
        (_, false) => format!("certificate  {left} left"),
    })?;
    line(match &status.server {
        Reached::Good => {
            format!("server       knows this host ({})", status.answered_by.as_deref().unwrap_or_default())
        }
        Reached::Refused(why) => format!("server       {why}"),
        Reached::Unreachable(why) => format!("server       not reachable: {why}"),
        Reached::NotAsked => String::from("server       not asked: an expired certificate is not presented"),
    })?;
    match status.clock_ahead {
        None => Ok(()),
        Some(ahead) if ahead.abs() <= 1 => line("clock        agrees with the server's"),
        Some(ahead) if ahead > 0 => line(format!("clock        {ahead} s ahead of the server's")),
        Some(ahead) => line(format!("clock        {} s behind the server's", -ahead)),
    }
}

/// A time span in one unit.
fn left(seconds: u64) -> String {
    match seconds {
        days if days >= 2 * 86_400 => format!("{} days", days / 86_400),
        hours if hours >= 2 * 3600 => format!("{} hours", hours / 3600),
        minutes if minutes >= 120 => format!("{} minutes", minutes / 60),
        seconds => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_has_the_largest_suitable_unit() {
        assert_eq!(left(30 * 86_400 - 1), "29 days");
        assert_eq!(left(2 * 86_400 - 1), "47 hours");
        assert_eq!(left(7199), "119 minutes");
        assert_eq!(left(119), "119 seconds");
    }
}
