//! `gatepass status`: the state of this host's identity.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::enroll::show;
use super::error::CliError;
use super::output::{self, Format, line};
use super::remote::network;
use crate::client::host::ThisHost;
use crate::client::renewal::record::{CheckInRecord, HookRecord, PolicyRecord};
use crate::client::renewal::{RenewalStatus, Renewer};
use crate::client::status::{HostStatus, Reached, status};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::span::parse_span;
use crate::text::printable;

/// Show the state of this host's identity: expiry, server, clock
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass status
  gatepass status --check 7d -o json      for monitoring

Exit codes: 0 good; 1 action needed soon (the server was not reached, the renewal is late, a hook is owed that failed or did not \
run, or this machine's clock is more than 60 s off; with --check, the certificate expires within that time instead of a late \
renewal); 2 the identity does not work (not enrolled, damaged, not readable, expired or refused)")]
pub(crate) struct StatusCommand {
    #[command(flatten)]
    host: ThisHost,
    /// Exit with 1 if the certificate expires within this time, such as 7d, instead of when its renewal is late
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    check: Option<Duration>,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl StatusCommand {
    /// Runs the command.
    pub(crate) async fn run(mut self, environment: &Environment) -> Result<(), CliError> {
        self.host.network = network(environment);
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
            _ => print(&status)?,
        }
        match status.exit_code(self.check) {
            0 => Ok(()),
            code => Err(CliError::Code(code)),
        }
    }
}

fn print(status: &HostStatus) -> Result<(), CliError> {
    show(Format::Table, &status.host)?;
    let left = left(status.seconds_left);
    for fault in &status.faults {
        line(format!("fault        {fault}"))?;
    }
    line(match (status.seconds_left, status.due) {
        (0, _) => {
            let host = status.host.host_id;
            format!(
                "certificate  expired, and can no longer be renewed: enroll with a token of `gatepass host reenroll {host}`"
            )
        }
        (_, true) if status.late => format!("certificate  {left} left; renewal is due: gatepass renew"),
        (_, true) => format!("certificate  {left} left; renewal is due"),
        (_, false) => format!("certificate  {left} left"),
    })?;
    line(match &status.server {
        Reached::Good => {
            format!("server       knows this host ({})", status.answered_by.as_deref().unwrap_or_default())
        }
        Reached::Refused(why) => format!("server       {why}"),
        Reached::Unreachable(why) => format!("server       not reachable: {why}"),
        Reached::NotAsked if status.faults.is_empty() => {
            String::from("server       not asked: an expired certificate is not presented")
        }
        Reached::NotAsked => String::from("server       not asked: the identity cannot be used"),
    })?;
    match status.clock_ahead {
        None => {}
        Some(ahead) if ahead.abs() <= 1 => line("clock        agrees with the server's")?,
        Some(ahead) if ahead > 0 => line(format!("clock        {ahead} s ahead of the server's"))?,
        Some(ahead) => line(format!("clock        {} s behind the server's", -ahead))?,
    }
    print_renewal(&status.renewal)
}

fn print_renewal(renewal: &RenewalStatus) -> Result<(), CliError> {
    line(match renewal.by {
        Renewer::Daemon { pid: Some(pid) } => format!("renewed by   the daemon (process {pid})"),
        Renewer::Daemon { pid: None } => String::from("renewed by   the daemon"),
        Renewer::Timer { looked_at } => {
            format!("renewed by   `gatepass renew --if-due`, which last ran at {looked_at}")
        }
        Renewer::Nobody => String::from(
            "renewed by   nobody: run `gatepass service install renew`, or `gatepass renew --if-due` from cron",
        ),
    })?;
    if let Some(at) = renewal.attempt.attempted_at {
        line(match &renewal.attempt.error {
            Some(error) => format!("last attempt {at}, failed: {}", printable(error)),
            None => format!("last attempt {at}, renewed"),
        })?;
    }
    if let Some(at) = renewal.next_attempt_at {
        line(format!("next attempt {at}"))?;
    }
    if let Some(hook) = &renewal.hook_owed {
        line(format!("hook         {}", owed(hook, "certificate")))?;
    }
    renewal.checkin.as_ref().map_or(Ok(()), print_checkin)?;
    match &renewal.policy_hook_owed {
        Some(hook) => line(format!("policy hook  {}", owed(hook, "policy"))),
        None => Ok(()),
    }
}

fn print_checkin(checkin: &CheckInRecord) -> Result<(), CliError> {
    if let Some(at) = checkin.attempt.attempted_at {
        line(match &checkin.attempt.error {
            Some(error) => format!("check-in     {at}, failed: {}", printable(error)),
            None => format!("check-in     {at}"),
        })?;
    }
    let Some(PolicyRecord { file, mark, policy_error, .. }) = &checkin.policy else { return Ok(()) };
    let file = printable(&file.display().to_string());
    line(match (policy_error, mark) {
        (Some(error), _) => format!("policy       {file} was not written: {}", printable(error)),
        (None, Some(mark)) => format!("policy       revision {} of {} in {file}", mark.revision, mark.policy),
        (None, None) => String::from("policy       none yet"),
    })
}

/// The state of a hook that the certificate or the policy is owed.
fn owed(hook: &HookRecord, what: &str) -> String {
    let failed =
        hook.attempt.error.as_ref().map(|error| format!("; the last run failed: {}", printable(error)));
    let next = hook.next_attempt_at.map(|at| format!("; next run at {at}"));
    let next = next.unwrap_or_else(|| String::from("; `gatepass renew --if-due` with its flags runs it"));
    format!("owed: it has not succeeded with this {what}{}{next}", failed.unwrap_or_default())
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
