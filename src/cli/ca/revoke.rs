//! `gatepass ca revoke`: revokes a former issuing CA.

use clap::Args;
use serde_json::{Value, json};

use crate::cli::consent::Consent;
use crate::cli::error::CliError;
use crate::cli::output;
use crate::cli::together::count;
use crate::config::Environment;

const REVOKE: &str = "/api/v1/ca/revoke";

/// Revoke a former issuing CA: its root's CRL lists it, and its hosts are refused immediately
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass ca status                  shows the identifiers
  gatepass ca rotate && gatepass ca revoke 5f3e1a0b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f

Rotate first: the current issuing CA cannot be revoked. Renew hosts before you revoke, unless the key has leaked: hosts that \
still have a certificate of that issuing CA are revoked with it, and must enroll again. The root's private key must be in the \
server's keys directory.

Exit codes: 0 revoked, or already so; 1 refused or failed; 2 usage")]
pub(crate) struct CaRevoke {
    #[command(flatten)]
    consent: Consent,
    /// Subject key identifier of the issuing CA, in hexadecimal
    #[arg(value_name = "SKI", value_parser = parse_ski)]
    ski: String,
}

impl CaRevoke {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let (api, ski) = (self.consent.remote.connect(environment)?, &self.ski);
        let counted = api.post(REVOKE, &json!({ "ski": ski, "dry_run": true })).await?;
        if counted["changed"] == true {
            self.consent.ask(&format!(
                "Revoke the issuing CA {ski}? {} with its certificates will be refused immediately and must enroll again with new \
                 tokens. This cannot be undone.",
                hosts(&counted)
            ))?;
        }
        let answer = api.post(REVOKE, &json!({ "ski": ski })).await?;
        output::done(self.consent.remote.output, &answer, conclusion(ski, &answer))
    }
}

fn hosts(answer: &Value) -> String {
    count(answer["hosts"].as_u64().unwrap_or(0), "live host")
}

fn conclusion(ski: &str, answer: &Value) -> String {
    match answer["changed"].as_bool() {
        Some(false) => format!("the issuing CA {ski} was revoked before; {} revoked now", hosts(answer)),
        _ => format!(
            "revoked the issuing CA {ski} and {}\nnext: fetch /ca/crl.pem and /ca/bundle.pem on every server that verifies host \
             certificates (`gatepass crl`), and enroll those hosts again with new tokens",
            hosts(answer)
        ),
    }
}

/// Reads an identifier, with or without colons.
fn parse_ski(text: &str) -> Result<String, String> {
    let ski = text.replace(':', "").to_ascii_lowercase();
    match !ski.is_empty() && ski.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(ski),
        false => {
            Err(String::from("a subject key identifier is hexadecimal; `gatepass ca status` shows them"))
        }
    }
}
