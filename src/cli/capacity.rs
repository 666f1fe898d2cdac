//! `gatepass capacity`: the node limit and the number of enrolled hosts.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::consent::Consent;
use super::error::CliError;
use super::output::{self, Format, note};
use super::remote::Remote;
use super::together::{count, of};
use crate::config::Environment;
use crate::text::printable;

const PATH: &str = "/api/v1/capacity";

/// Show and set the maximum number of enrolled hosts
#[derive(Subcommand)]
#[command(after_long_help = "Examples:
  gatepass capacity show
  gatepass capacity set 1000
  gatepass capacity set --unlimited

A host holds a slot until it is revoked or its certificate expires. At the limit, tokens can still be minted; an enrollment is refused and spends no use. The emergency token is exempt. `gatepass settings reset node_limit` returns to the configured limit.")]
pub(crate) enum CapacityCommand {
    /// Show the limit, the enrolled hosts and the free slots
    #[command(after_long_help = "Examples:
  gatepass capacity show
  gatepass capacity show -o json")]
    Show(Remote),
    /// Set the limit, effective immediately and after a restart
    ///
    /// Enrolled hosts stay and renew, also over the limit. A limit that leaves no slot asks first.
    #[command(after_long_help = "Examples:
  gatepass capacity set 1000
  gatepass capacity set --unlimited")]
    Set {
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        limit: Limit,
    },
}

/// The new limit.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Limit {
    /// Maximum number of enrolled hosts
    #[arg(value_name = "N")]
    node_limit: Option<u64>,
    /// Remove the limit
    #[arg(long)]
    unlimited: bool,
}

const ROWS: &[(&str, &str)] = &[
    ("node limit", "node_limit?unlimited"),
    ("enrolled", "enrolled"),
    ("waiting", "waiting"),
    ("slots left", "remaining?unlimited"),
];

impl CapacityCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let (remote, capacity) = match self {
            Self::Show(remote) => {
                let capacity = remote.connect(environment)?.get(PATH).await?;
                (remote, capacity)
            }
            Self::Set { consent, limit: Limit { node_limit, .. } } => {
                let api = consent.remote.connect(environment)?;
                if !consent.yes
                    && let Some(question) = question(node_limit, &api.get(PATH).await?)
                {
                    consent.ask(&question)?;
                }
                let capacity = api.put(PATH, &json!({ "node_limit": node_limit })).await?;
                (consent.remote, capacity)
            }
        };
        output::one(remote.output, &capacity, ROWS)?;
        warn_of(remote.output, &capacity);
        Ok(())
    }
}

/// The question before a limit that leaves no slot. `None` if it leaves one.
fn question(limit: Option<u64>, capacity: &Value) -> Option<String> {
    let (limit, enrolled) = (limit?, capacity["enrolled"].as_u64()?);
    let (hosts, are) = (count(enrolled, "host"), of(enrolled, "is", "are"));
    // The server refuses a limit of 0.
    (1..=enrolled).contains(&limit).then(|| {
        format!(
            "Set the node limit to {limit}? {hosts} {are} enrolled: they stay, and no other host can enroll."
        )
    })
}

/// Prints the warning of an answer as a note. A document has it as a member.
pub(super) fn warn_of(format: Format, answer: &Value) {
    if let (Some(warning), true) = (answer["capacity_warning"].as_str(), format != Format::Json) {
        note(format!("warning: {}", printable(warning)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_limit_without_a_slot_asks() {
        let asked = |limit, enrolled: u64| question(limit, &json!({ "enrolled": enrolled }));
        assert_eq!(asked(Some(3), 2), None);
        assert_eq!(asked(None, 2), None);
        assert_eq!(asked(Some(0), 2), None);
        assert_eq!(
            asked(Some(2), 2).unwrap(),
            "Set the node limit to 2? 2 hosts are enrolled: they stay, and no other host can enroll."
        );
    }
}
