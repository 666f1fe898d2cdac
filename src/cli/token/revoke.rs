//! `gatepass token revoke`.

use clap::Args;
use serde_json::Value;

use super::kind::{self, TokenResource};
use super::token_id;
use crate::cli::ask::{SecretArg, confirm};
use crate::cli::error::CliError;
use crate::cli::flags::{TokenFlags, one_way_to_say_which, with_query};
use crate::cli::remote::Remote;
use crate::cli::together::{Together, count, each};
use crate::client::ClientError;
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::TokenId;

/// Take tokens back, by their ids or by what they are
///
/// Hosts that they admitted stay, unless --hosts is given. Flags that say which take tokens that still admit hosts, unless
/// --state says otherwise; with --hosts they take tokens in any state. Service tokens go by their ids alone.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass token revoke ID
  gatepass token revoke ID --hosts                   the token, and every host that came in by it
  gatepass token revoke --minter anna                every token that anna minted and that still admits hosts
  gatepass token revoke --unused 30d --persistent    asks with their number first")]
pub(crate) struct TokenRevoke {
    #[command(flatten)]
    remote: Remote,
    /// Ids of the tokens, not the tokens themselves
    #[arg(value_parser = SecretArg::accept)]
    ids: Vec<SecretArg>,
    #[command(flatten)]
    which: TokenFlags,
    /// All that still admit hosts, but for the emergency token
    #[arg(long)]
    all: bool,
    /// Revoke every host that came in by them too
    #[arg(long)]
    hosts: bool,
    /// Revoke the emergency token too; it has to be named by its id
    #[arg(long, requires = "ids")]
    emergency: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl TokenRevoke {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let mut query = self.which.query();
        one_way_to_say_which(self.ids.len(), query.len(), self.all, &TokenFlags::NAMES)?;
        if !self.ids.is_empty() {
            return self.one_by_one(environment).await;
        }
        match (self.hosts, self.which.has_state()) {
            // What ended long ago may have admitted hosts that are live.
            (true, _) => query.push(String::from("ended=true")),
            (false, false) => query.push(String::from("state=pending,active")),
            (false, true) => {}
        }
        let together = Together {
            list: with_query(TokenResource::Enrollment.path(), &query),
            revoke: "/api/v1/enrollment-tokens/revoke",
            what: "token",
            so_that: "no host enrolls with them any more",
            so_that_one: "no host enrolls with it any more",
            hosts: self.hosts,
        };
        let api = self.remote.connect(environment)?;
        together.run(&api, self.yes, self.remote.output).await
    }

    async fn one_by_one(self, environment: &Environment) -> Result<(), CliError> {
        let ids = self.ids.iter().map(token_id).collect::<Result<Vec<_>, _>>()?;
        confirm(&question(&ids, self.hosts), self.yes)?;
        let api = self.remote.connect(environment)?;
        let mut query = Vec::new();
        query.extend(self.emergency.then(|| String::from("confirm=emergency")));
        query.extend(self.hosts.then(|| String::from("hosts=revoke")));
        each("token", &ids, self.remote.output, async |id| revoke(&api, id, &query).await, conclusion).await
    }
}

/// Service tokens have neither hosts nor an emergency token: they are asked for without the query.
async fn revoke(api: &Api, id: TokenId, query: &[String]) -> Result<Value, ClientError> {
    let ask = async |kind: TokenResource| {
        let query = if kind == TokenResource::Enrollment { query } else { &[] };
        api.delete(&with_query(&format!("{}/{id}", kind.path()), query)).await
    };
    Ok(kind::either(ask).await?.1)
}

fn question(ids: &[TokenId], hosts: bool) -> String {
    let what = match ids {
        [id] => format!("token {id}"),
        ids => format!("{} tokens", ids.len()),
    };
    match hosts {
        true => format!("revoke {what}, and every host that came in so? they are shut out at once"),
        false => format!(
            "revoke {what}? no host enrolls and no service admits with it any more; enrolled hosts stay"
        ),
    }
}

fn conclusion(id: TokenId, answer: &Value) -> String {
    let token = match answer["changed"].as_bool() {
        Some(false) if answer["state"] != "revoked" => {
            format!("token {id} had no use left and stays as it is")
        }
        Some(false) => format!("token {id} had been revoked before"),
        _ => format!("token {id} is revoked"),
    };
    match answer["hosts_revoked"].as_u64() {
        Some(hosts) => format!("{token}, and {} with it", count(hosts, "host")),
        None => token,
    }
}
