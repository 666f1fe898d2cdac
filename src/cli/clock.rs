//! `gatepass clock`: the authority's clock.

use clap::Subcommand;
use serde_json::json;

use super::consent::Consent;
use super::error::CliError;
use super::output;
use super::remote::Remote;
use crate::config::Environment;

/// Show the authority's clock, or accept its current time
#[derive(Subcommand)]
pub(crate) enum ClockCommand {
    /// Show clock and mark
    Status(Remote),
    /// Accept a stepped clock: a new signing key starts, and earlier ephemeral tokens are refused
    Accept(Consent),
}

const ROWS: &[(&str, &str)] =
    &[("state", "state"), ("clock", "wall"), ("mark", "mark"), ("detail", "detail")];

impl ClockCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Status(remote) => {
                let status = remote.connect(environment)?.get("/api/v1/clock").await?;
                output::one(remote.output, &status, ROWS)?;
                match status["state"].as_str() {
                    Some("good") => Ok(()),
                    _ => Err(CliError::Code(1)),
                }
            }
            Self::Accept(consent) => {
                let question = "Accept the current time of the clock? A new signing key starts, and every ephemeral token \
                                minted before stops working.";
                consent.ask(question)?;
                let api = consent.remote.connect(environment)?;
                let answer = api.post("/api/v1/clock/accept", &json!({})).await?;
                output::done(consent.remote.output, &answer, "accepted the clock")
            }
        }
    }
}
