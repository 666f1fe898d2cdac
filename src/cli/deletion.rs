//! Deleting who mints: a user, or an API key.

use clap::Args;
use serde_json::Value;

use super::ask::confirm;
use super::error::CliError;
use super::output;
use super::remote::Remote;
use super::together::count;
use crate::config::Environment;

/// Whether what was minted goes too, and whether to ask.
#[derive(Args)]
pub(crate) struct Deletion {
    #[command(flatten)]
    remote: Remote,
    /// Revoke all live tokens that were minted so, too
    #[arg(long)]
    tokens: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Deletion {
    /// Asks about `what`, deletes what is at `path`, and says what `conclude` makes of the answer.
    pub(crate) async fn run(
        self,
        environment: &Environment,
        what: &str,
        path: &str,
        conclude: impl Fn(&Value) -> String,
    ) -> Result<(), CliError> {
        let along = if self.tokens { ", and revoke all live tokens that were minted so" } else { "" };
        confirm(&format!("delete {what}{along}?"), self.yes)?;
        let query = if self.tokens { "?tokens=revoke" } else { "" };
        let gone = self.remote.connect(environment)?.delete(&format!("{path}{query}")).await?;
        let revoked = match self.tokens {
            true => format!("; {} revoked", count(gone["tokens_revoked"].as_u64().unwrap_or(0), "token")),
            false => String::new(),
        };
        output::done(self.remote.output, &gone, format!("{}{revoked}", conclude(&gone)))
    }
}
