//! `gatepass clock`: the authority's clock.

use clap::{Args, Subcommand};
use serde_json::json;

use super::ask::confirm;
use super::error::CliError;
use super::output::{self, Format, line};
use super::remote::Remote;
use crate::config::Environment;

/// Show the authority's clock, or accept its current time
#[derive(Subcommand)]
pub(crate) enum ClockCommand {
    /// Show clock and mark
    Status(ClockStatus),
    /// Accept a stepped clock: a new signing key starts, and earlier ephemeral tokens are refused
    Accept(ClockAccept),
}

/// Arguments of `clock status`.
#[derive(Args)]
pub(crate) struct ClockStatus {
    #[command(flatten)]
    remote: Remote,
}

/// Arguments of `clock accept`.
#[derive(Args)]
pub(crate) struct ClockAccept {
    #[command(flatten)]
    remote: Remote,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
}

const ROWS: &[(&str, &str)] =
    &[("state", "state"), ("clock", "wall"), ("mark", "mark"), ("detail", "detail")];

impl ClockCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Status(ClockStatus { remote }) => {
                let status = remote.connect(environment)?.get("/api/v1/clock").await?;
                output::one(remote.output, &status, ROWS)?;
                match status["state"].as_str() {
                    Some("good") => Ok(()),
                    _ => Err(CliError::Code(1)),
                }
            }
            Self::Accept(ClockAccept { remote, yes }) => {
                let question = "Accept the current time of the clock? A new signing key starts, and every ephemeral token \
                                minted before stops working.";
                confirm(question, yes)?;
                let answer = remote.connect(environment)?.post("/api/v1/clock/accept", &json!({})).await?;
                match remote.output {
                    Format::Json => output::json(&answer),
                    Format::Table => line("accepted the clock"),
                }
            }
        }
    }
}
