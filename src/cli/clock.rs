//! `gatepass clock`: what the authority thinks of its clock.

use clap::{Args, Subcommand};
use serde_json::json;

use super::ask::confirm;
use super::error::CliError;
use super::output::{self, Format, line};
use super::remote::Remote;
use crate::config::Environment;

/// Show the authority's clock, or accept what it says
#[derive(Subcommand)]
pub(crate) enum ClockCommand {
    /// Show clock and mark
    Status(ClockStatus),
    /// Accept a clock that was stepped; begins a new signing key, ephemeral tokens of before are refused
    Accept(ClockAccept),
}

/// Where the server is.
#[derive(Args)]
pub(crate) struct ClockStatus {
    #[command(flatten)]
    remote: Remote,
}

/// `clock accept`.
#[derive(Args)]
pub(crate) struct ClockAccept {
    #[command(flatten)]
    remote: Remote,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

const ROWS: &[(&str, &str)] =
    &[("state", "state"), ("clock", "wall"), ("mark", "mark"), ("detail", "detail")];

impl ClockCommand {
    /// Does it.
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
                let question = "accept what the clock says now? a new signing key begins, and ephemeral tokens minted \
                                before are refused";
                confirm(question, yes)?;
                let answer = remote.connect(environment)?.post("/api/v1/clock/accept", &json!({})).await?;
                match remote.output {
                    Format::Json => output::json(&answer),
                    Format::Table => line("the clock is accepted"),
                }
            }
        }
    }
}
