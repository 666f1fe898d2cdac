//! `gatepass issuer`: the URLs under which tokens were and are minted.

use clap::{Args, Subcommand};
use serde_json::json;

use super::ask::confirm;
use super::error::CliError;
use super::output::{self, Format, line};
use super::remote::Remote;
use crate::config::Environment;

/// List and retire the URLs under which tokens are good
#[derive(Subcommand)]
pub(crate) enum IssuerCommand {
    /// List URLs
    List(IssuerList),
    /// Refuse tokens that were minted under a former URL
    Retire(IssuerRetire),
}

/// Where the server is.
#[derive(Args)]
pub(crate) struct IssuerList {
    #[command(flatten)]
    remote: Remote,
}

/// `issuer retire`.
#[derive(Args)]
pub(crate) struct IssuerRetire {
    #[command(flatten)]
    remote: Remote,
    /// The URL
    url: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl IssuerCommand {
    /// Does it.
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
        confirm(&format!("retire {url}? tokens minted under it are refused from now on"), yes)?;
        let api = remote.connect(environment)?;
        let retire = async |confirmed: bool| {
            let body = json!({ "issuer": url, "confirm": confirmed });
            api.post("/api/v1/issuers/retire", &body).await
        };
        let answer = match retire(yes).await {
            // The server says how many tokens end: that is another question than the first.
            Err(error) if error.code() == Some("issuer_needed") && !yes => {
                confirm(&format!("{error}\nretire it nevertheless?"), false)?;
                retire(true).await?
            }
            other => other?,
        };
        if remote.output == Format::Json {
            return output::json(&answer);
        }
        line(format!("{url} is retired; {} tokens revoked", answer["tokens_revoked"]))?;
        output::reminted(&answer)
    }
}
