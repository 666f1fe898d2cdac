//! `gatepass issuer`: current and former external URLs, and the trust domain.

mod trust_domain;

use clap::Subcommand;
use serde_json::json;

use self::trust_domain::SetTrustDomainCommand;
use super::consent::Consent;
use super::error::CliError;
use super::output;
use super::remote::Remote;
use crate::config::Environment;

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
                let columns = [("URL", "id"), ("CURRENT", "current"), ("SINCE", "since")];
                remote.list(environment, "/api/v1/issuers", &columns, usize::MAX, "no URLs").await
            }
            Self::Retire { consent, url } => {
                consent.ask(&format!(
                    "Retire {url}? Every token minted under it stops working; live persistent ones are revoked."
                ))?;
                let api = consent.remote.connect(environment)?;
                let body = json!({ "issuer": url, "confirm": true });
                let answer = api.post("/api/v1/issuers/retire", &body).await?;
                output::retired(consent.remote.output, &answer, &url)
            }
            Self::SetTrustDomain(command) => command.run().await,
        }
    }
}
