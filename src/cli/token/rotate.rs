//! `gatepass token rotate`.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::{create, token_id};
use crate::cli::ask::SecretArg;
use crate::cli::consent::Consent;
use crate::cli::error::CliError;
use crate::cli::host::COLUMNS;
use crate::cli::once::Once;
use crate::cli::output::{self, Format, line, note};
use crate::client::ClientError;
use crate::client::api::Api;
use crate::config::Environment;
use crate::text::printable;

/// Replace a token by a successor with the same grant
///
/// The successor is shown once. The old token stays valid for the overlap, then it is revoked.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass token rotate ID
  gatepass token rotate ID --overlap 7d --out next.token
  gatepass token rotate ID --overlap 0s --yes        revokes the old token immediately")]
pub(crate) struct TokenRotate {
    #[command(flatten)]
    consent: Consent,
    /// Id of the token, not the token itself
    #[arg(value_parser = SecretArg::accept)]
    id: SecretArg,
    /// Time that both tokens are valid: 0s, 90s, 15m, 36h, 30d
    #[arg(long, default_value = "24h", value_name = "SPAN")]
    overlap: String,
    #[command(flatten)]
    once: Once,
}

/// Replaces the advice for hosts in the error of an ended token.
fn ended(error: CliError) -> CliError {
    match error {
        CliError::Client(ClientError::Refused(problem)) if problem.body.status == 410 => {
            CliError::Unsound(format!(
                "the server refused (410 {}): an ended token has no successor; mint one with `gatepass token create`",
                printable(&problem.body.code)
            ))
        }
        error => error,
    }
}

impl TokenRotate {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let id = token_id(&self.id)?;
        let until =
            if self.overlap == "0s" { "immediately".to_owned() } else { format!("in {}", self.overlap) };
        self.consent.ask(&format!("Rotate token {id}? It is revoked {until}; enrolled hosts stay."))?;
        let path = format!("/api/v1/enrollment-tokens/{id}/rotate");
        let body = json!({ "overlap": self.overlap });
        let post = async |api: &Api| Ok(api.post(&path, &body).await?);
        let rotated = self.once.post(&self.consent.remote, environment, post, "token", show);
        rotated.await.map_err(ended)
    }
}

fn show(answer: &Value, file: Option<&Path>) -> Result<(), CliError> {
    create::show_enrollment(answer, file)?;
    let when = printable(answer["revokes_at"].as_str().unwrap_or_default());
    line(format!("\nThe old token is revoked at {when}."))?;
    match answer["newest_hosts"].as_array() {
        Some(hosts) if !hosts.is_empty() => {
            line("Newest hosts of the old token:")?;
            output::list(Format::Table, hosts, &COLUMNS, "")
        }
        Some(_) => {
            note("the old token has enrolled no host");
            Ok(())
        }
        None => Ok(()),
    }
}
