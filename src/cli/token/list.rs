//! `gatepass token list` and `gatepass token show`.

use clap::Args;
use serde_json::Value;

use super::resource::{TokenResource, approval_row, either};
use super::token_id;
use crate::cells::HOSTS;
use crate::cli::ask::SecretArg;
use crate::cli::error::CliError;
use crate::cli::flags::{TokenFlags, at_least_one, with_query};
use crate::cli::listing::Listing;
use crate::cli::order::OrderFlags;
use crate::cli::output::{self, Format, Screen, line, note};
use crate::cli::remote::Remote;
use crate::config::Environment;

/// List live and recently ended tokens; with --ended every stored token
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass token list --state pending,active --role proxy
  gatepass token list --kind cluster,rollout
  gatepass token list --minter anna --unused 30d
  gatepass token list --state active --sort expires
  gatepass token list --search rack
  gatepass token list --ended -o json")]
#[command(mut_arg("sort", |sort| sort.help("Sort by created or expires; -expires for the reverse. The newest is first without it")))]
#[command(mut_arg("search", |search| {
    search.help("Only with a label that starts with this text, or with this id or its last 8 characters")
}))]
pub(crate) struct TokenList {
    #[command(flatten)]
    list: Listing,
    /// List service tokens instead of enrollment tokens
    #[arg(long, conflicts_with_all = TokenFlags::NAMES, conflicts_with_all = OrderFlags::NAMES)]
    service: bool,
    #[command(flatten)]
    which: TokenFlags,
    #[command(flatten)]
    order: OrderFlags,
    /// Include tokens that ended longer ago than the retention time
    #[arg(long)]
    ended: bool,
    /// Maximum number of results
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = at_least_one())]
    limit: usize,
}

impl TokenList {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let resource = if self.service { TokenResource::Service } else { TokenResource::Enrollment };
        let api = self.list.remote.connect(environment)?;
        let mut query = self.which.whole(&api).await?.query();
        query.extend(self.ended.then(|| String::from("ended=true")));
        query.extend(self.order.query());
        let path = with_query(resource.path(), &query);
        let nothing = if query.is_empty() { resource.nothing() } else { "no token matches" };
        let mut items = api.list(&path, self.limit.saturating_add(1)).await?;
        output::cut(&mut items, self.limit);
        self.list.print(environment, &items, resource.columns(), nothing)?;
        if self.list.remote.output == Format::Table {
            items.iter().filter_map(warning).for_each(note);
        }
        Ok(())
    }
}

/// The advice for a token that needs attention.
pub(super) fn warning(item: &Value) -> Option<String> {
    let [id, label, cluster, used, expires] =
        ["id", "label", "cluster", "used", "expires_at"].map(|place| output::text_at(item, place));
    match item["warning"].as_str()? {
        "rollout_complete" => Some(format!(
            "gatepass: rollout complete: {used} hosts are enrolled with {label}: revoke? `gatepass token revoke {id}`"
        )),
        "expires_soon" => Some(format!(
            "gatepass: the token of cluster {cluster} ({label}) is in use and expires at {expires}: `gatepass token rotate \
             {id}` mints its successor"
        )),
        _ => None,
    }
}

/// Show a token's record and its newest hosts
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass token show ID
  gatepass token show ID -o json")]
pub(crate) struct TokenShow {
    #[command(flatten)]
    remote: Remote,
    /// Id of the token or its last 8 characters, not the token itself
    #[arg(value_parser = SecretArg::accept)]
    id: SecretArg,
}

impl TokenShow {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let id = token_id(&self.id)?;
        let api = self.remote.connect(environment)?;
        let id = id.whole(&api).await?;
        let (resource, item) =
            either(async |resource| api.get(&format!("{}/{id}", resource.path())).await).await?;
        let rows = resource.rows().iter().copied().chain(approval_row(&item)).collect::<Vec<_>>();
        output::one(self.remote.output, &item, &rows)?;
        if self.remote.output == Format::Table {
            warning(&item).into_iter().for_each(note);
        }
        match (self.remote.output, item["newest_hosts"].as_array()) {
            (Format::Table, Some(hosts)) if !hosts.is_empty() => {
                line("\nNewest hosts of the token:")?;
                output::list(Format::Table, &Screen::of(environment), hosts, &HOSTS, "")
            }
            _ => Ok(()),
        }
    }
}
