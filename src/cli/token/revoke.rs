//! `gatepass token revoke`.

use clap::Args;
use serde_json::Value;

use super::kind::{self, TokenResource};
use super::token_id;
use crate::cli::error::CliError;
use crate::cli::flags::{Selection, TokenFlags, one_selection, with_query};
use crate::cli::together::{Together, count, each};
use crate::client::ClientError;
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::TokenId;

/// Revoke tokens, by id or by filter
///
/// Enrolled hosts stay, unless --hosts is given. Filters and --all select tokens that can still enroll hosts, unless
/// --state is given; with --hosts they select tokens in any state. They leave out the emergency token and service tokens.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass token revoke ID
  gatepass token revoke ID --hosts                   the token and every host enrolled with it
  gatepass token revoke --minter anna                every token of anna that can still enroll hosts
  gatepass token revoke --unused 30d --persistent    shows the number and asks first")]
pub(crate) struct TokenRevoke {
    #[command(flatten)]
    selection: Selection<TokenFlags>,
    /// Revoke every host enrolled with the tokens too
    #[arg(long)]
    hosts: bool,
    /// Allow revoking the emergency token, by its id. It gets no successor: to replace it, retire the key that signed it
    #[arg(long, requires = "ids")]
    emergency: bool,
}

impl TokenRevoke {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Selection { consent, ids, which, all } = &self.selection;
        let mut query = which.query();
        one_selection(ids.len(), query.len(), *all, &TokenFlags::NAMES)?;
        if !ids.is_empty() {
            return self.one_by_one(environment).await;
        }
        match (self.hosts, which.has_state()) {
            // Tokens that ended long ago may have live hosts.
            (true, _) => query.push(String::from("ended=true")),
            (false, false) => query.push(String::from("state=pending,active")),
            (false, true) => {}
        }
        let together = Together {
            list: with_query(TokenResource::Enrollment.path(), &query),
            revoke: "/api/v1/enrollment-tokens/revoke",
            what: "token",
            consequence: "No host can enroll with them.",
            consequence_of_one: "No host can enroll with it.",
            hosts: self.hosts,
        };
        together.run(consent, environment).await
    }

    async fn one_by_one(self, environment: &Environment) -> Result<(), CliError> {
        let Selection { consent, ids, .. } = &self.selection;
        let ids = ids.iter().map(token_id).collect::<Result<Vec<_>, _>>()?;
        consent.ask(&question(&ids, self.hosts, self.emergency))?;
        let api = consent.remote.connect(environment)?;
        let mut query = Vec::new();
        query.extend(self.emergency.then(|| String::from("confirm=emergency")));
        query.extend(self.hosts.then(|| String::from("hosts=revoke")));
        each("token", &ids, consent.remote.output, async |id| revoke(&api, id, &query).await, conclusion)
            .await
    }
}

/// Service tokens have no hosts and no emergency token: their request has no query.
async fn revoke(api: &Api, id: TokenId, query: &[String]) -> Result<Value, ClientError> {
    let ask = async |kind: TokenResource| {
        let query = if kind == TokenResource::Enrollment { query } else { &[] };
        api.delete(&with_query(&format!("{}/{id}", kind.path()), query)).await
    };
    Ok(kind::either(ask).await?.1)
}

fn question(ids: &[TokenId], hosts: bool, emergency: bool) -> String {
    let what = match ids {
        [id] => format!("token {id}"),
        ids => format!("{} tokens", ids.len()),
    };
    let consequence = match hosts {
        true => format!("Revoke {what} and every host enrolled with it? The hosts are refused immediately."),
        false => format!(
            "Revoke {what}? No host can enroll and no service can be used with it; enrolled hosts stay."
        ),
    };
    if emergency { format!("{consequence} {NO_SUCCESSOR}") } else { consequence }
}

/// The consequence of revoking the emergency token.
const NO_SUCCESSOR: &str = "A revoked emergency token has no successor, and no command makes another one later. \
                            To replace it instead, retire the key that signed it: gatepass keys retire KID.";

fn conclusion(id: TokenId, answer: &Value) -> String {
    let token = match answer["changed"].as_bool() {
        Some(false) if answer["state"] != "revoked" => {
            format!("token {id} had no use left and was not changed")
        }
        Some(false) => format!("token {id} was revoked before"),
        _ => format!("revoked token {id}"),
    };
    match answer["hosts_revoked"].as_u64() {
        Some(hosts) => format!("{token} and {}", count(hosts, "host")),
        None => token,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_warns_that_nothing_replaces_it() {
        let id = TokenId::parse("0190a0b0-0000-7000-8000-000000000000").unwrap();
        let asked = question(&[id], false, true);
        assert!(asked.contains("no successor") && asked.contains("gatepass keys retire KID"), "{asked}");
        assert!(!question(&[id], false, false).contains("emergency"));
    }
}
