//! `gatepass issuer`: current and former external URLs, and the trust domain.

mod trust_domain;

use clap::Subcommand;
use serde_json::{Value, json};

use self::trust_domain::SetTrustDomainCommand;
use super::consent::Consent;
use super::error::CliError;
use super::output;
use super::remote::Remote;
use super::together::count;
use crate::config::Environment;

const ISSUERS: &str = "/api/v1/issuers";

/// List external URLs, retire former ones, and change the trust domain
#[derive(Subcommand)]
pub(crate) enum IssuerCommand {
    /// List URLs
    List(Remote),
    /// Refuse tokens minted under a former URL
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
            Self::List(remote) => {
                let columns = [
                    ("URL", "id"),
                    ("CURRENT", "current"),
                    ("SINCE", "since"),
                    ("LIVE HOSTS", "live_hosts"),
                    ("LIVE PERSISTENT TOKENS", "live_persistent_tokens"),
                ];
                remote.list(environment, ISSUERS, &columns, usize::MAX, "no URLs").await
            }
            Self::Retire { consent, url } => {
                let api = consent.remote.connect(environment)?;
                if !consent.yes {
                    consent.ask(&question(&url, &api.list(ISSUERS, usize::MAX).await?))?;
                }
                let body = json!({ "issuer": url, "confirm": true });
                let answer = api.post(&format!("{ISSUERS}/retire"), &body).await?;
                output::retired(consent.remote.output, &answer, &url)
            }
            Self::SetTrustDomain(command) => command.run().await,
        }
    }
}

/// The question before a retirement, with the hosts and tokens in the list of `issuers`.
fn question(url: &str, issuers: &[Value]) -> String {
    let issuer = issuers.iter().find(|issuer| issuer["id"] == url);
    let number = |member: &str| issuer.and_then(|issuer| issuer[member].as_u64()).unwrap_or(0);
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
    format!("Retire {url}? {tokens} and every ephemeral token minted under it will stop working. {hosts}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_has_the_hosts_and_tokens() {
        let issuer = json!({ "id": "https://a.test", "live_hosts": 3, "live_persistent_tokens": 2 });
        let asked = question("https://a.test", &[issuer]);
        assert!(asked.starts_with("Retire https://a.test? 2 live persistent tokens and every"), "{asked}");
        assert!(asked.contains("3 live hosts reached the server there last"), "{asked}");
        let one = json!({ "id": "https://a.test", "live_hosts": 1 });
        let asked = question("https://a.test", &[one]);
        assert!(asked.contains("1 live host reached") && asked.contains("loses this way"), "{asked}");
        assert!(question("https://b.test", &[]).ends_with("No live host uses it."));
    }
}
