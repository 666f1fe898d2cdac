//! `gatepass clock`: the authority's clock.

use clap::Subcommand;
use serde_json::{Value, json};

use super::consent::Consent;
use super::deletion::counted;
use super::error::CliError;
use super::output::{self, text_at};
use super::remote::Remote;
use super::together::count;
use crate::config::Environment;

/// Show the authority's clock, or accept its current time
#[derive(Subcommand)]
pub(crate) enum ClockCommand {
    /// Show clock and mark
    #[command(after_long_help = "Examples:
  gatepass clock status
  gatepass clock status -o json")]
    Status(Remote),
    /// Accept a stepped clock: a new signing key starts, and earlier ephemeral tokens are refused
    #[command(after_long_help = "Examples:
  gatepass clock status      shows the difference first
  gatepass clock accept")]
    Accept(Consent),
}

/// The question, with the time to accept and the number of ephemeral tokens.
fn question(clock: &Value, ephemeral: u64) -> String {
    let fault = match clock["state"].as_str() {
        Some("good") => " It is not in doubt.",
        _ => "",
    };
    format!(
        "Accept the clock's time {}?{fault} New signing keys start, and {} minted before will stop working.",
        text_at(clock, "wall"),
        count(ephemeral, "live ephemeral token")
    )
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
                let api = consent.remote.connect(environment)?;
                if !consent.yes {
                    let clock = api.get("/api/v1/clock").await?;
                    let live = json!({ "persistent": false, "state": ["pending", "active"] });
                    consent.ask(&question(&clock, counted(&api, live).await?))?;
                }
                let answer = api.post("/api/v1/clock/accept", &json!({})).await?;
                output::done(consent.remote.output, &answer, "accepted the clock")
            }
        }
    }
}
