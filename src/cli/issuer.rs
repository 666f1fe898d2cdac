//! `gatepass issuer`: current and former external URLs, and the trust domain.

mod trust_domain;

use clap::Subcommand;
use serde_json::{Value, json};

use self::trust_domain::SetTrustDomainCommand;
use super::consent::Consent;
use super::error::CliError;
use super::listing::Listing;
use super::output::{self, Column, Columns};
use super::together::count;
use crate::config::Environment;

const ISSUERS: &str = "/api/v1/issuers";

const COLUMNS: Columns = Columns {
    id: "id",
    name: "id",
    shown: &[
        Column::text("URL", "id"),
        Column::text("CURRENT", "current"),
        Column::time("SINCE", "since").rank(1),
        Column::text("LIVE HOSTS", "live_hosts").rank(2),
        Column::text("LIVE PERSISTENT TOKENS", "live_persistent_tokens").rank(3),
    ],
};

/// List external URLs, retire former ones, and change the trust domain
#[derive(Subcommand)]
pub(crate) enum IssuerCommand {
    /// List URLs
    #[command(after_long_help = "Examples:
  gatepass issuer list
  gatepass issuer list -o json")]
    List(Listing),
    /// Refuse tokens minted under a former URL
    #[command(after_long_help = "Examples:
  gatepass issuer list      shows the hosts and tokens that still use a URL
  gatepass issuer retire https://old.example.org:8443")]
    Retire {
        #[command(flatten)]
        consent: Consent,
        /// Former external URL
        url: String,
    },
    /// Change the SPIFFE trust domain of certificates, while the server is stopped
    SetTrustDomain(SetTrustDomainCommand),
}

impl IssuerCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(list) => list.list(environment, ISSUERS, &COLUMNS, usize::MAX, "no URLs").await,
            Self::Retire { consent, url } => {
                let api = consent.remote.connect(environment)?;
                if !consent.yes {
                    consent.ask(&question(&url, &api.list(ISSUERS, usize::MAX).await?)?)?;
                }
                let body = json!({ "issuer": url, "confirm": true });
                let answer = api.post(&format!("{ISSUERS}/retire"), &body).await?;
                output::retired(consent.remote.output, &answer, &url)
            }
            Self::SetTrustDomain(command) => command.run().await,
        }
    }
}

/// The question before a retirement, with the hosts and tokens in the list of `issuers`. A URL that cannot be retired is an
/// error instead.
fn question(url: &str, issuers: &[Value]) -> Result<String, CliError> {
    let issuer = match issuers.iter().find(|issuer| issuer["id"] == url) {
        Some(issuer) if issuer["current"] == true => Err(CliError::Unsound(format!(
            "{url} is the current external URL: start the server with another one first; nothing was done"
        ))),
        Some(issuer) => Ok(issuer),
        None => Err(CliError::Unsound(format!(
            "the authority has no external URL {url}: `gatepass issuer list` shows them"
        ))),
    }?;
    let number = |member: &str| issuer[member].as_u64().unwrap_or(0);
    let tokens = count(number("live_persistent_tokens"), "live persistent token");
    let hosts = match number("live_hosts") {
        0 => String::from("No live host uses it."),
        1 => String::from(
            "1 live host reached the server there last and loses this way to it: wait until it has renewed over the new URL.",
        ),
        hosts => format!(
            "{hosts} live hosts reached the server there last and lose this way to it: wait until they have renewed over the new URL."
        ),
    };
    Ok(format!("Retire {url}? {tokens} and every ephemeral token minted under it will stop working. {hosts}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_has_the_hosts_and_tokens() {
        let issuer = json!({ "id": "https://a.test", "live_hosts": 3, "live_persistent_tokens": 2 });
        let asked = question("https://a.test", &[issuer]).unwrap();
        assert!(asked.starts_with("Retire https://a.test? 2 live persistent tokens and every"), "{asked}");
        assert!(asked.contains("3 live hosts reached the server there last"), "{asked}");
        let one = json!({ "id": "https://a.test", "live_hosts": 1 });
        let asked = question("https://a.test", &[one]).unwrap();
        assert!(asked.contains("1 live host reached") && asked.contains("loses this way"), "{asked}");
        let none = question("https://b.test", &[json!({ "id": "https://b.test" })]).unwrap();
        assert!(none.ends_with("No live host uses it."), "{none}");
        let current = [json!({ "id": "https://a.test", "current": true })];
        for (url, why) in [("https://a.test", "the current external URL"), ("https://c.test", "issuer list")]
        {
            let refused = question(url, &current).unwrap_err();
            assert!(refused.exit_code() == 1 && refused.to_string().contains(why), "{refused}");
        }
    }
}
