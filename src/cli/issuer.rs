//! `gatepass issuer`: current and former external URLs.

use clap::{Args, Subcommand};
use serde_json::json;

use super::ask::confirm;
use super::error::CliError;
use super::output::{self, Format, line};
use super::remote::Remote;
use crate::config::Environment;

/// List external URLs, and retire former ones
#[derive(Subcommand)]
pub(crate) enum IssuerCommand {
    /// List URLs
    List(IssuerList),
    /// Refuse tokens minted under a former URL
    Retire(IssuerRetire),
}

/// Arguments of `issuer list`.
#[derive(Args)]
pub(crate) struct IssuerList {
    #[command(flatten)]
    remote: Remote,
}

/// Arguments of `issuer retire`.
#[derive(Args)]
pub(crate) struct IssuerRetire {
    #[command(flatten)]
    remote: Remote,
    /// Former external URL
    url: String,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
}

impl IssuerCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(IssuerList { remote }) => {
                let items = remote.connect(environment)?.list("/api/v1/issuers", usize::MAX).await?;
                output::list(
                    remote.output,
                    &items,
                    &[("URL", "id"), ("CURRENT", "current"), ("SINCE", "since")],
                    "no URLs",
                )
            }
            Self::Retire(command) => command.run(environment).await,
        }
    }
}

impl IssuerRetire {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Self { remote, url, yes } = self;
        confirm(&format!("Retire {url}? Every token minted under it stops working."), yes)?;
        let api = remote.connect(environment)?;
        let retire = async |confirmed: bool| {
            let body = json!({ "issuer": url, "confirm": confirmed });
            api.post("/api/v1/issuers/retire", &body).await
        };
        let answer = match retire(yes).await {
            // The server reports the number of live tokens: the second question shows it.
            Err(error) if error.code() == Some("issuer_needed") && !yes => {
                confirm(&format!("{error}\nRetire it anyway?"), false)?;
                retire(true).await?
            }
            other => other?,
        };
        if remote.output == Format::Json {
            return output::json(&answer);
        }
        line(format!("retired {url}; {} tokens revoked", answer["tokens_revoked"]))?;
        output::reminted(&answer)
    }
}
