//! Deleting a user or an API key.

use clap::Args;
use serde_json::{Value, json};

use super::consent::Consent;
use super::error::CliError;
use super::output;
use super::together::{count, of};
use crate::client::ClientError;
use crate::client::api::Api;
use crate::config::Environment;

/// A user or API key before its deletion, and everything that goes with it.
pub(crate) struct Doomed {
    /// The nouns, for the question.
    pub(crate) what: String,
    /// The minters of tokens among them, as filters name them.
    pub(crate) minters: Vec<String>,
}

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
    /// A connection to the server.
    pub(crate) fn connect(&self, environment: &Environment) -> Result<Api, CliError> {
        self.consent.remote.connect(environment)
    }

    /// Confirms the deletion of the things that `doomed` finds, deletes `path`, and prints the text that `conclude` makes of the
    /// answer.
    pub(crate) async fn run(
        self,
        environment: &Environment,
        path: &str,
        doomed: impl AsyncFnOnce(&Api) -> Result<Doomed, ClientError>,
        conclude: impl Fn(&Value) -> String,
    ) -> Result<(), CliError> {
        let api = self.consent.remote.connect(environment)?;
        if !self.consent.yes {
            let Doomed { what, minters } = doomed(&api).await?;
            let tokens = live_tokens(&api, &minters).await?;
            self.consent.ask(&self.question(&what, tokens))?;
        }
        let query = if self.tokens { "?tokens=revoke" } else { "" };
        let gone = api.delete(&format!("{path}{query}")).await?;
        let revoked = match self.tokens {
            true => format!("; {} revoked", count(gone["tokens_revoked"].as_u64().unwrap_or(0), "token")),
            false => String::new(),
        };
        output::done(self.consent.remote.output, &gone, format!("{}{revoked}", conclude(&gone)))
    }

    /// The question, with the number of live enrollment tokens.
    fn question(&self, what: &str, tokens: u64) -> String {
        let number = count(tokens, "live enrollment token");
        let tokens = match (tokens, self.tokens) {
            (0, _) => String::from("No live enrollment token was minted by it."),
            (_, true) => format!("{number} minted by it will be revoked."),
            (_, false) => {
                format!("{number} minted by it {} valid: --tokens revokes them.", of(tokens, "stays", "stay"))
            }
        };
        format!("Delete {what}? {tokens} This cannot be undone.")
    }
}

/// The number of live enrollment tokens that these minted.
async fn live_tokens(api: &Api, minters: &[String]) -> Result<u64, ClientError> {
    let mut tokens = 0;
    for minter in minters {
        let filter = json!({ "minter": minter, "state": ["pending", "active"] });
        tokens += counted(api, filter).await?;
    }
    Ok(tokens)
}

/// The number of enrollment tokens that `filter` selects.
pub(crate) async fn counted(api: &Api, filter: Value) -> Result<u64, ClientError> {
    let body = json!({ "filter": filter, "dry_run": true });
    let counted = api.post("/api/v1/enrollment-tokens/revoke", &body).await?;
    Ok(counted["count"].as_u64().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct DeleteLine {
        #[command(flatten)]
        deletion: Deletion,
    }

    #[test]
    fn the_question_has_the_number_of_tokens() {
        let question = |flags: &[&str], tokens| {
            let line = DeleteLine::try_parse_from([&["x"], flags].concat()).ok().unwrap();
            line.deletion.question("user anna", tokens)
        };
        assert!(question(&[], 0).starts_with("Delete user anna? No live enrollment token"));
        assert!(question(&[], 1).contains("1 live enrollment token minted by it stays valid: --tokens"));
        assert!(
            question(&["--tokens"], 2).contains("2 live enrollment tokens minted by it will be revoked.")
        );
    }
}
