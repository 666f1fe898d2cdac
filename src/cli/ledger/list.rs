//! `gatepass ledger list`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use strum::VariantArray as _;

use crate::cli::error::CliError;
use crate::cli::flags::{at_least_one, with_query};
use crate::cli::listing::Listing;
use crate::cli::output::{Column, Columns};
use crate::cli::poll::{Feed, poll};
use crate::cli::short_id::{GivenId, whole_actor};
use crate::client::ClientError;
use crate::client::api::Api;
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::id::{HostId, TokenId};
use crate::ledger::Action;
use crate::span::{MomentError, parse_moment};
use crate::text::percent_encoded;

const LEDGER: &str = "/api/v1/ledger";

const COLUMNS: Columns = Columns {
    id: "id",
    name: "action",
    shown: &[
        Column::text("SEQ", "id"),
        Column::time("AT", "at"),
        Column::actor("ACTOR", "actor", "actor_label"),
        Column::text("ACTION", "action"),
        Column::subjects("SUBJECTS", "subjects").rank(2),
        Column::state("OUTCOME", "outcome").rank(1),
        Column::text("REASON", "reason").rank(3),
    ],
};

/// List entries, newest first
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass ledger list --host 4e6f7081               every entry about a host
  gatepass ledger list --actor anna --since 2h
  gatepass ledger list --outcome refused --since 2030-01-31 --all -o csv
  gatepass ledger list --follow --action host_enrolled")]
pub(crate) struct LedgerList {
    #[command(flatten)]
    list: Listing,
    #[command(flatten)]
    which: EntryFlags,
    /// Maximum number of results
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = at_least_one())]
    limit: usize,
    /// List every entry
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Show the newest entries, oldest first, and new ones until it is interrupted. Times are in UTC
    #[arg(long, conflicts_with_all = ["all", "until"])]
    follow: bool,
}

/// Flags that select entries.
#[derive(Args)]
struct EntryFlags {
    /// Only acts of this actor: a user, or an actor as a list or the ledger names it, such as "token 0f1e2d3c"
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only this act, such as host_enrolled
    #[arg(long, value_name = "NAME", value_parser = actions(), hide_possible_values = true)]
    action: Option<String>,
    /// Only about the host with this id, or with its last 8 characters
    #[arg(long, value_name = "ID", value_parser = GivenId::<HostId>::parse)]
    host: Option<GivenId<HostId>>,
    /// Only about the token with this id, or with its last 8 characters
    #[arg(long, value_name = "ID", value_parser = GivenId::<TokenId>::parse)]
    token: Option<GivenId<TokenId>>,
    /// Only from this moment on: a time, a date in UTC, or a span before now such as 2h
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<String>,
    /// Only before this moment
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<String>,
    /// Only acts with this end: done, refused
    #[arg(long, value_name = "OUTCOME", value_parser = ["done", "refused"], hide_possible_values = true)]
    outcome: Option<String>,
}

impl EntryFlags {
    /// The query parameters. Short ids are looked up.
    async fn query(&self, api: &Api) -> Result<Vec<String>, CliError> {
        let Self { actor, action, host, token, since, until, outcome } = self;
        let actor = match actor {
            Some(actor) => Some(whole_actor(actor, api).await?),
            None => None,
        };
        let words =
            [("actor", &actor), ("action", action), ("since", since), ("until", until), ("outcome", outcome)];
        let words = words.into_iter().filter_map(|(name, word)| Some((name, word.as_deref()?)));
        let mut query: Vec<String> =
            words.map(|(name, word)| format!("{name}={}", percent_encoded(word))).collect();
        if let Some(host) = host {
            query.push(format!("host={}", host.whole(api).await?));
        }
        if let Some(token) = token {
            query.push(format!("token={}", token.whole(api).await?));
        }
        Ok(query)
    }
}

impl LedgerList {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let api = self.list.remote.connect(environment)?;
        let query = self.which.query(&api).await?;
        if self.follow {
            return self.follow(&api, query, environment).await;
        }
        let nothing = if query.is_empty() { "the ledger is empty" } else { "no entry matches" };
        let limit = if self.all { usize::MAX } else { self.limit };
        self.list.list_of(&api, environment, &with_query(LEDGER, &query), &COLUMNS, limit, nothing).await
    }

    async fn follow(&self, api: &Api, query: Vec<String>, environment: &Environment) -> Result<(), CliError> {
        let mut feed = Feed::of_times(&self.list, environment, &COLUMNS);
        let mut seen = None;
        let ask = async |api: &Api| {
            // Entries that do not match are passed over only once.
            let newest = newest(&api.list(LEDGER, 1).await?);
            let items = match seen {
                Some(seen) if newest <= seen => Vec::new(),
                Some(seen) => {
                    let after = [&query[..], &[format!("after={seen}")]].concat();
                    api.list(&with_query(LEDGER, &after), usize::MAX).await?
                }
                None => api.list(&with_query(LEDGER, &query), self.limit).await?,
            };
            seen = Some(newest.max(self::newest(&items)));
            Ok::<_, ClientError>(items.into_iter().rev().collect())
        };
        poll(api, &mut feed, ask).await
    }
}

/// The number of the first entry; 0 without one.
fn newest(items: &[serde_json::Value]) -> u64 {
    let id = items.first().and_then(|entry| entry["id"].as_str());
    id.and_then(|id| id.parse().ok()).unwrap_or(0)
}

fn actions() -> PossibleValuesParser {
    PossibleValuesParser::new(Action::VARIANTS.iter().map(|action| action.as_str()))
}

/// Checks a moment. The server reads it again, by its own clock.
pub(super) fn moment(text: &str) -> Result<String, MomentError> {
    parse_moment(text, SystemClock::now()).map(|_| text.to_owned())
}
