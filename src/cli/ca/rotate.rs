//! `gatepass ca rotate`: a new issuing CA, under the same root or a new one.

use clap::Args;
use serde_json::{Value, json};

use super::{CA, show};
use crate::cli::consent::Consent;
use crate::cli::error::CliError;
use crate::cli::output::{Format, Screen, line, text_at};
use crate::cli::together::count;
use crate::clock::{SystemClock, Timestamp};
use crate::config::Environment;

/// Create a new issuing CA, under the same root or a new one; existing certificates stay valid
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass ca rotate
  gatepass ca rotate --root

The root's private key must be in the server's keys directory. With --root, the previous root signs the new one: \
tokens and hosts that pin the previous root keep working, and hosts adopt the new root when they renew. Rotate an imported CA where it \
was made.")]
pub(crate) struct CaRotate {
    #[command(flatten)]
    consent: Consent,
    /// Create a new root too, and destroy the private key of the previous one
    #[arg(long)]
    root: bool,
}

impl CaRotate {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let (api, format) = (self.consent.remote.connect(environment)?, self.consent.remote.output);
        let before = api.get(CA).await?;
        self.consent.ask(&question(self.root, &before, SystemClock::now()))?;
        let status = api.post("/api/v1/ca/rotate", &json!({ "root": self.root })).await?;
        if format == Format::Table {
            line(conclusion(self.root, &before, &status))?;
            line("")?;
        }
        show(format, &Screen::of(environment), &status)
    }
}

/// The question, with the numbers and dates of `status`.
fn question(root: bool, status: &Value, now: Timestamp) -> String {
    let hosts = count(status["live_hosts"].as_u64().unwrap_or(0), "live host");
    let tokens = count(status["live_persistent_tokens"].as_u64().unwrap_or(0), "live persistent token");
    let ends = text_at(status, "root.expires_at");
    let expired = status["root"]["expires_at"].as_str().and_then(Timestamp::parse_rfc3339);
    let expired = expired.is_some_and(|at| at <= now);
    match (root, expired) {
        (true, true) => format!(
            "Create a new root in place of the expired one? Every host must enroll again with a new token: {hosts}. {tokens} of \
             the expired root cannot enroll hosts."
        ),
        (true, false) => format!(
            "Create a new root and a new issuing CA, and destroy the private key of the current root? {hosts} will take both at the \
             next renewal. {tokens} will stay valid. The current root becomes a former one and ends at {ends}; other servers must \
             trust it until every host has renewed."
        ),
        (false, _) => format!(
            "Create a new issuing CA under the same root? {hosts} will get it at the next renewal. The current issuing CA {} becomes a \
             former one and ends at {}; certificates that it signed stay valid.",
            text_at(status, "issuing.0.ski"),
            text_at(status, "issuing.0.expires_at")
        ),
    }
}

/// The text after a rotation, with the CA `before` and after it.
fn conclusion(root: bool, before: &Value, after: &Value) -> String {
    let hosts = count(after["live_hosts"].as_u64().unwrap_or(0), "live host");
    let (new, old) = (text_at(after, "issuing.0.ski"), text_at(before, "issuing.0.ski"));
    match root {
        true => format!(
            "created the root {} and the issuing CA {new}\nnext: run `gatepass crl` on every server that checks host certificates \
             before hosts renew; add the new root there, from /ca/bundle.pem, and keep the former root {} until every host has renewed ({hosts}); \
             back up the keys directory; move the new root's key offline with `gatepass ca export-root --remove`",
            text_at(after, "root.fingerprint"),
            text_at(before, "root.fingerprint")
        ),
        false => format!(
            "created the issuing CA {new}\nnext: run `gatepass crl` on every server that checks host certificates before hosts renew; \
             the new CA goes to {hosts} at the next renewal; back up the keys directory; if the key of the former issuing CA leaked, run \
             `gatepass ca revoke {old}`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_has_numbers_and_dates() {
        let status = json!({
            "live_hosts": 1, "live_persistent_tokens": 2,
            "root": { "expires_at": "2036-01-31T12:00:00.000Z" },
            "issuing": [{ "ski": "0a0b", "expires_at": "2029-01-31T12:00:00.000Z" }],
        });
        let at = |text| Timestamp::parse_rfc3339(text).unwrap();
        let now = at("2027-01-31T12:00:00Z");
        for (root, now, wanted) in [
            (false, now, ["1 live host ", "0a0b", "ends at 2029-01-31T12:00:00Z"]),
            (true, now, ["2 live persistent tokens", "destroy", "ends at 2036-01-31T12:00:00Z"]),
            (true, at("2037-01-31T12:00:00Z"), ["enroll again", "1 live host", "2 live persistent tokens"]),
        ] {
            let asked = question(root, &status, now);
            assert!(wanted.iter().all(|part| asked.contains(part)), "{asked}");
            assert!(!asked.contains("they renew"), "one host: {asked}");
        }
    }
}
