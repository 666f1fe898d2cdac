//! `gatepass token rotate`.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::{create, token_id};
use crate::cli::ask::{SecretArg, confirm};
use crate::cli::error::CliError;
use crate::cli::host::COLUMNS;
use crate::cli::once::Once;
use crate::cli::output::{self, Format, line, note};
use crate::cli::remote::Remote;
use crate::client::ClientError;
use crate::client::problem::printable;
use crate::config::Environment;

/// Replace a token by a new one with the same grant
///
/// The successor is shown once. The old token is good until the overlap is over, and is revoked then.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass token rotate ID
  gatepass token rotate ID --overlap 7d --out next.token
  gatepass token rotate ID --overlap 0s --yes        the old one is revoked at once")]
pub(crate) struct TokenRotate {
    #[command(flatten)]
    remote: Remote,
    /// Id of the token, not the token itself
    #[arg(value_parser = SecretArg::accept)]
    id: SecretArg,
    /// How long both are good: 0s, 90s, 15m, 36h, 30d
    #[arg(long, default_value = "24h", value_name = "SPAN")]
    overlap: String,
    #[command(flatten)]
    once: Once,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// What is said to hosts about a token that has ended is no help to who rotates it.
fn ended(error: ClientError) -> CliError {
    match error {
        ClientError::Refused(problem) if problem.status == 410 => CliError::Unsound(format!(
            "the server refused (410 {}): what has ended has no successor; `gatepass token create` mints a new token",
            printable(&problem.code)
        )),
        error => error.into(),
    }
}

impl TokenRotate {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let id = token_id(&self.id)?;
        let until = if self.overlap == "0s" { "at once".to_owned() } else { format!("in {}", self.overlap) };
        confirm(&format!("rotate token {id}? it is revoked {until}; enrolled hosts stay"), self.yes)?;
        let api = self.remote.connect(environment)?;
        let path = format!("/api/v1/enrollment-tokens/{id}/rotate");
        let place = self.once.place()?;
        let answer = api.post(&path, &json!({ "overlap": self.overlap })).await.map_err(ended)?;
        self.once.show(place, answer, "token", self.remote.output, show)
    }
}

fn show(answer: &Value, file: Option<&Path>) -> Result<(), CliError> {
    create::show_enrollment(answer, file)?;
    let when = printable(answer["revokes_at"].as_str().unwrap_or_default());
    line(format!("\nThe token before it is revoked at {when}."))?;
    match answer["newest_hosts"].as_array() {
        Some(hosts) if !hosts.is_empty() => {
            line("The newest hosts it admitted:")?;
            output::list(Format::Table, hosts, &COLUMNS, "")
        }
        Some(_) => {
            note("no host came in by it");
            Ok(())
        }
        None => Ok(()),
    }
}
