//! Deleting a user or an API key.

use clap::Args;
use serde_json::Value;

use super::consent::Consent;
use super::error::CliError;
use super::output;
use super::together::count;
use crate::config::Environment;

/// Flags of a deletion.
#[derive(Args)]
pub(crate) struct Deletion {
    #[command(flatten)]
    consent: Consent,
    /// Revoke every live token minted by it too
    #[arg(long)]
    tokens: bool,
}

impl Deletion {
    /// Confirms the deletion of `what`, deletes `path`, and prints the text that `conclude` makes of the answer.
    pub(crate) async fn run(
        self,
        environment: &Environment,
        what: &str,
        path: &str,
        conclude: impl Fn(&Value) -> String,
    ) -> Result<(), CliError> {
        let along = if self.tokens { " and revoke every live token minted with it" } else { "" };
        self.consent.ask(&format!("Delete {what}{along}? This cannot be undone."))?;
        let query = if self.tokens { "?tokens=revoke" } else { "" };
        let gone = self.consent.remote.connect(environment)?.delete(&format!("{path}{query}")).await?;
        let revoked = match self.tokens {
            true => format!("; {} revoked", count(gone["tokens_revoked"].as_u64().unwrap_or(0), "token")),
            false => String::new(),
        };
        output::done(self.consent.remote.output, &gone, format!("{}{revoked}", conclude(&gone)))
    }
}
