//! `gatepass token rotate`.

use std::path::Path;

use clap::Args;
use serde_json::{Value, json};

use super::revoke::named;
use super::{create, token_id};
use crate::cells::HOSTS;
use crate::cli::ask::SecretArg;
use crate::cli::consent::Consent;
use crate::cli::error::CliError;
use crate::cli::once::{Once, TOKEN};
use crate::cli::output::{self, Screen};
use crate::cli::together::{count, of};
use crate::client::ClientError;
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
    /// Id of the token or its last 8 characters, not the token itself
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
        let api = self.consent.remote.connect(environment)?;
        let path = format!("/api/v1/enrollment-tokens/{}", id.whole(&api).await?);
        if !self.consent.yes {
            self.consent.ask(&self.question(&api.get(&path).await?))?;
        }
        let (path, body) = (format!("{path}/rotate"), json!({ "overlap": self.overlap }));
        let post = async { Ok(api.post(&path, &body).await?) };
        let screen = Screen::of(environment);
        let show = |answer: &Value, file: Option<&Path>| show(answer, file, &screen);
        let rotated = self.once.post(self.consent.remote.output, post, &TOKEN, show);
        rotated.await.map_err(ended)
    }

    fn question(&self, item: &Value) -> String {
        let until = if self.overlap == "0s" {
            "immediately".to_owned()
        } else {
            format!("in {}", printable(&self.overlap))
        };
        let hosts = item["hosts"].as_u64().unwrap_or(0);
        let (hosts, stay) = (count(hosts, "host"), of(hosts, "stays", "stay"));
        format!(
            "Rotate {}? It is revoked {until}, and a successor is minted; its {hosts} {stay}.",
            named(item)
        )
    }
}

fn show(answer: &Value, file: Option<&Path>, screen: &Screen) -> String {
    let when = printable(answer["revokes_at"].as_str().unwrap_or_default());
    let newest = match answer["newest_hosts"].as_array().map(Vec::as_slice) {
        Some([]) => String::from("It has enrolled no host.\n"),
        Some(hosts) => {
            format!("Newest hosts of the old token:\n{}", output::table(hosts, HOSTS.shown, screen))
        }
        None => String::new(),
    };
    format!("{}\nThe old token is revoked at {when}.\n{newest}", create::show_enrollment(answer, file))
}
