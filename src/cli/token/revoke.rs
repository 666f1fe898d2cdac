//! `gatepass token revoke`.

use clap::Args;
use serde_json::Value;

use super::resource::{TokenResource, either};
use super::token_id;
use crate::cli::error::CliError;
use crate::cli::flags::{Selection, TokenFlags, one_selection, with_query};
use crate::cli::output::text_at;
use crate::cli::short_id::whole;
use crate::cli::together::{ById, Together, count, each, of};
use crate::client::ClientError;
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::TokenId;
use crate::text::printable;

/// Revoke tokens, by id or by filter
///
/// Enrolled hosts stay, unless --hosts is given. Filters and --all select suspended tokens and those that can still enroll
/// hosts, unless --state is given; with --hosts they select tokens in any state. They leave out the emergency token and
/// service tokens.
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
        one_selection(ids.len(), which.query().len(), *all, &TokenFlags::NAMES)?;
        if !ids.is_empty() {
            return self.one_by_one(environment).await;
        }
        let api = consent.remote.connect(environment)?;
        let mut query = which.whole(&api).await?.query();
        match (self.hosts, which.has_state()) {
            // Tokens that ended long ago may have live hosts.
            (true, _) => query.push(String::from("ended=true")),
            (false, false) => query.push(String::from("state=pending,active,suspended")),
            (false, true) => {}
        }
        let together = Together {
            list: with_query(TokenResource::Enrollment.path(), &query),
            revoke: "/api/v1/enrollment-tokens/revoke",
            what: "token",
            question: if self.hosts { with_hosts } else { alone },
            hosts: self.hosts,
        };
        together.run(&api, consent).await
    }

    async fn one_by_one(self, environment: &Environment) -> Result<(), CliError> {
        let Selection { consent, ids, .. } = &self.selection;
        let given = ids.iter().map(token_id).collect::<Result<Vec<_>, _>>()?;
        let api = &consent.remote.connect(environment)?;
        let ids = whole(&given, api).await?;
        each(&Tokens { api, hosts: self.hosts, emergency: self.emergency }, &ids, consent).await
    }
}

/// Tokens of either kind, revoked by their ids.
struct Tokens<'a> {
    api: &'a Api,
    hosts: bool,
    emergency: bool,
}

impl ById for Tokens<'_> {
    type Id = TokenId;
    const WHAT: &'static str = "token";

    async fn look(&self, id: TokenId) -> Result<Value, ClientError> {
        Ok(either(async |resource| self.api.get(&format!("{}/{id}", resource.path())).await).await?.1)
    }

    /// The emergency token is refused without its flag.
    fn changes(&self, item: &Value) -> bool {
        let ended = matches!(item["state"].as_str(), Some("used" | "exhausted" | "expired" | "revoked"));
        let enrolled = self.hosts && hosts_of(item) > 0;
        (!ended || enrolled) && (self.emergency || item["emergency"] != true)
    }

    fn question(&self, items: &[&Value]) -> String {
        let (tokens, hosts) = (items.len() as u64, items.iter().map(|item| hosts_of(item)).sum());
        let question = match items {
            [service] if !service["audience"].is_null() => service_alone(),
            _ if self.hosts => with_hosts(tokens, hosts),
            _ => alone(tokens, hosts),
        };
        let question = match items {
            [one] => question.replacen("1 token", &named(one), 1),
            _ => question,
        };
        if self.emergency { format!("{question} {NO_SUCCESSOR}") } else { question }
    }

    /// Service tokens have no hosts and no emergency token: their request has no query.
    async fn revoke(&self, id: TokenId) -> Result<Value, ClientError> {
        let mut query = Vec::new();
        query.extend(self.emergency.then(|| String::from("confirm=emergency")));
        query.extend(self.hosts.then(|| String::from("hosts=revoke")));
        let ask = async |resource: TokenResource| {
            let query = if resource == TokenResource::Enrollment { query.as_slice() } else { &[] };
            self.api.delete(&with_query(&format!("{}/{id}", resource.path()), query)).await
        };
        Ok(either(ask).await?.1)
    }

    fn conclude(id: TokenId, answer: &Value) -> String {
        conclusion(id, answer)
    }
}

fn hosts_of(item: &Value) -> u64 {
    item["hosts"].as_u64().unwrap_or(0)
}

/// A token with its label.
pub(super) fn named(item: &Value) -> String {
    let label = match item["label"].as_str().unwrap_or_default() {
        "" => String::new(),
        label => format!(" ({})", printable(label)),
    };
    format!("token {}{label}", text_at(item, "id"))
}

/// The question about tokens whose hosts stay.
fn alone(tokens: u64, hosts: u64) -> String {
    let (them, their) = (of(tokens, "it", "them"), of(tokens, "its", "their"));
    let stay = match hosts {
        0 => format!("no host has enrolled with {them}"),
        _ => format!("{their} {} {}", count(hosts, "host"), of(hosts, "stays", "stay")),
    };
    format!("Revoke {}? No host can enroll with {them}; {stay}.", count(tokens, "token"))
}

/// The question about tokens with their hosts.
fn with_hosts(tokens: u64, hosts: u64) -> String {
    let (their, keys) = (of(tokens, "its", "their"), of(hosts, "its key", "their keys"));
    format!(
        "Revoke {} and {their} {}? The {} refused immediately, and {keys} can never enroll again.",
        count(tokens, "token"),
        count(hosts, "host"),
        of(hosts, "host is", "hosts are")
    )
}

/// The question about a service token.
fn service_alone() -> String {
    String::from("Revoke 1 token? The service refuses it as soon as it reads the status list.")
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
    use serde_json::json;

    use super::*;
    use crate::client::api::Credential;
    use crate::connect::{Connector, Trust};
    use crate::id::Fingerprint;

    fn question(flags: [bool; 2], items: &[Value]) -> String {
        let connector =
            Connector::new("https://gate.test", Trust::Fingerprint(Fingerprint::from_bytes([7; 32])), None);
        let api = Api::new(connector.unwrap(), Credential::None);
        let [hosts, emergency] = flags;
        let tokens = Tokens { api: &api, hosts, emergency };
        let items = items.iter().filter(|item| tokens.changes(item)).collect::<Vec<_>>();
        tokens.question(&items)
    }

    #[test]
    fn a_question_names_the_token_and_its_hosts() {
        let one = json!({ "id": "0190", "label": "rack 7", "state": "active", "hosts": 3 });
        let other = json!({ "id": "0191", "label": "", "state": "pending", "hosts": 0 });
        let ended = json!({ "id": "0192", "label": "", "state": "used", "hosts": 1 });
        let (alone, along) = ([false, false], [true, false]);
        for (flags, items, wanted) in [
            (alone, vec![&one], "Revoke token 0190 (rack 7)? No host can enroll with it; its 3 hosts stay."),
            (
                alone,
                vec![&other],
                "Revoke token 0191? No host can enroll with it; no host has enrolled with it.",
            ),
            (
                alone,
                vec![&one, &other, &ended],
                "Revoke 2 tokens? No host can enroll with them; their 3 hosts stay.",
            ),
            (
                along,
                vec![&one, &ended],
                "Revoke 2 tokens and their 4 hosts? The hosts are refused immediately, and their keys can never enroll again.",
            ),
            (
                along,
                vec![&ended],
                "Revoke token 0192 and its 1 host? The host is refused immediately, and its key can never enroll again.",
            ),
        ] {
            let items = items.into_iter().cloned().collect::<Vec<_>>();
            assert_eq!(question(flags, &items), wanted);
        }
    }

    #[test]
    fn the_question_warns_that_nothing_replaces_it() {
        let item = json!({ "id": "0190", "state": "active", "hosts": 0, "emergency": true });
        let asked = question([false, true], &[item]);
        assert!(asked.contains("no successor") && asked.contains("gatepass keys retire KID"), "{asked}");
        let item = json!({ "id": "0190", "state": "active", "hosts": 0 });
        assert!(!question([false, false], &[item]).contains("emergency"));
    }
}
