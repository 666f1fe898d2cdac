//! `gatepass token list` and `gatepass token show`.

use clap::Args;

use super::kind::{self, TokenResource};
use super::token_id;
use crate::cli::ask::SecretArg;
use crate::cli::error::CliError;
use crate::cli::flags::{TokenFlags, at_least_one, with_query};
use crate::cli::host::COLUMNS;
use crate::cli::output::{self, Format, line};
use crate::cli::remote::Remote;
use crate::config::Environment;

/// List live and recently ended tokens; with --ended every stored token
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass token list --state pending,active --role proxy
  gatepass token list --minter anna --unused 30d
  gatepass token list --ended -o json")]
pub(crate) struct TokenList {
    #[command(flatten)]
    remote: Remote,
    /// List service tokens instead of enrollment tokens
    #[arg(long, conflicts_with_all = TokenFlags::NAMES)]
    service: bool,
    #[command(flatten)]
    which: TokenFlags,
    /// Include tokens that ended longer ago than the retention time
    #[arg(long)]
    ended: bool,
    /// Maximum number of results
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = at_least_one())]
    limit: usize,
}

impl TokenList {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let kind = if self.service { TokenResource::Service } else { TokenResource::Enrollment };
        let mut query = self.which.query();
        query.extend(self.ended.then(|| String::from("ended=true")));
        let path = with_query(kind.path(), &query);
        let nothing = if query.is_empty() { kind.nothing() } else { "no token matches" };
        self.remote.list(environment, &path, kind.columns(), self.limit, nothing).await
    }
}

/// Show a token's record and its newest hosts
#[derive(Args)]
pub(crate) struct TokenShow {
    #[command(flatten)]
    remote: Remote,
    /// Id of the token, not the token itself
    #[arg(value_parser = SecretArg::accept)]
    id: SecretArg,
}

impl TokenShow {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let id = token_id(&self.id)?;
        let api = self.remote.connect(environment)?;
        let (kind, item) = kind::either(async |kind| api.get(&format!("{}/{id}", kind.path())).await).await?;
        output::one(self.remote.output, &item, kind.rows())?;
        match (self.remote.output, item["newest_hosts"].as_array()) {
            (Format::Table, Some(hosts)) if !hosts.is_empty() => {
                line("\nNewest hosts of the token:")?;
                output::list(Format::Table, hosts, &COLUMNS, "")
            }
            _ => Ok(()),
        }
    }
}
