//! `gatepass api-key`: credentials for scripts.

mod release;

use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::current_password::CurrentPassword;
use super::deletion::{Deletion, Doomed};
use super::error::CliError;
use super::limits::{self, LimitFlags};
use super::listing::Listing;
use super::once::{API_KEY, Creation};
use super::output::{self, Column, Columns, Format, text_at};
use super::remote::Remote;
use super::short_id::GivenId;
use super::together::count;
use crate::access::Scope;
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::ApiKeyId;
use crate::text::percent_encoded;

const KEYS: &str = "/api/v1/api-keys";
const COLUMNS: Columns = Columns {
    id: "id",
    name: "label",
    shown: &[
        Column::ID,
        Column::STATE,
        Column::text("LABEL", "label"),
        Column::text("OWNER", "owner").rank(1),
        Column::text("SCOPES", "scopes").rank(2),
        Column::text("LIMITS", "limits").rank(5),
        Column::text("AUDIENCE", "audience?any").rank(6),
        Column::time("EXPIRES", "expires_at?never").rank(3),
        Column::time("LAST USED", "last_used_at?never").rank(4),
        Column::text("FROM", "last_used_from").rank(7),
    ],
};
/// The lines of any key.
const ROWS: [(&str, &str); 10] = [
    ("id", "id"),
    ("label", "label"),
    ("owner", "owner"),
    ("created by", "creator"),
    ("scopes", "scopes"),
    ("limits", "limits"),
    ("created", "created_at"),
    ("expires", "expires_at?never"),
    ("suspended since", "suspended_at"),
    ("audience", "audience?any"),
];
/// The lines of a key that may have been used.
const USE_ROWS: [(&str, &str); 2] = [("last used", "last_used_at?never"), ("from", "last_used_from")];

/// Create, list, delete and release API keys
#[derive(Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Create an API key; it is shown once
    Create(Box<ApiKeyCreate>),
    /// List API keys: your own, or every user's if you are an admin
    #[command(after_long_help = "Examples:
  gatepass api-key list
  gatepass api-key list -o json")]
    List(Listing),
    /// Show an API key, without its secret
    #[command(after_long_help = "Examples:
  gatepass api-key show ID")]
    Show {
        #[command(flatten)]
        remote: Remote,
        /// Id of the key, or its last 8 characters
        #[arg(value_parser = GivenId::<ApiKeyId>::parse)]
        id: GivenId<ApiKeyId>,
    },
    /// Delete an API key, effective immediately
    #[command(after_long_help = "Examples:
  gatepass api-key delete ID
  gatepass api-key delete ID --tokens      also revokes the tokens that it minted")]
    Delete {
        #[command(flatten)]
        deletion: Deletion,
        /// Id of the key, or its last 8 characters
        #[arg(value_parser = GivenId::<ApiKeyId>::parse)]
        id: GivenId<ApiKeyId>,
    },
    Release(release::ApiKeyRelease),
}

/// Arguments of `api-key create`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass api-key create --label pipeline --scope tokens:write --role allocator --max-ttl 15m --ttl 90d
  gatepass api-key create --label jobs --scope tokens:read --audience https://jobs.example.org --out jobs.key
  gatepass api-key create --label monitoring --scope tokens:read --scope hosts:read --out key
  GATEPASS_API_KEY=$(cat key) gatepass token list --server https://gate.example.org:8443

Without --ttl and --expires-at the key is valid until it is deleted. \
Without limit flags the key mints ephemeral tokens of at most one hour, with one use, no roles and no DNS names. \
A key never exceeds the current rights of its owner. It sets no password and gives no admin rights. \
With a session of `gatepass login`, the scope admin needs your own password.")]
pub(crate) struct ApiKeyCreate {
    #[command(flatten)]
    creation: Creation,
    /// Scopes of the key; repeatable, or separated by commas
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', required = true, value_parser = scopes())]
    scopes: Vec<String>,
    /// Only audience whose tokens the key may introspect and verify: the URI of a service in tokens.audiences, or
    /// `<server URL>/enroll` for enrollment tokens
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    #[command(flatten)]
    limits: LimitFlags,
    #[command(flatten)]
    current: CurrentPassword,
}

impl ApiKeyCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(environment).await,
            Self::List(list) => {
                let mut keys = list.remote.connect(environment)?.list(KEYS, usize::MAX).await?;
                if list.remote.output != Format::Json {
                    keys.iter_mut().for_each(|key| *key = listed(key));
                }
                list.print(environment, &keys, &COLUMNS, "no API keys")
            }
            Self::Show { remote, id } => {
                let api = remote.connect(environment)?;
                let key = api.get(&at(&id.whole(&api).await?.to_string())).await?;
                output::one(remote.output, &key, &[&ROWS[..], &USE_ROWS].concat())
            }
            Self::Delete { deletion, id } => {
                let id = id.whole(&deletion.connect(environment)?).await?;
                delete(deletion, &id.to_string(), environment).await
            }
            Self::Release(command) => command.run(environment).await,
        }
    }
}

impl ApiKeyCreate {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Self { creation, scopes, audience, limits, current } = self;
        limits.value()?;
        let table = |made: &Value, file: Option<&Path>| {
            let kept = if file.is_some() { "only in the file" } else { "shown once" };
            let lines = output::lines(made, &[&ROWS[..], &[("key", "api_key")]].concat());
            format!("{lines}The key is {kept}: store it with your secrets.\n")
        };
        let api = creation.remote.connect(environment)?;
        let limits = limits.whole(&api).await?;
        let body = creation.request(json!({ "scopes": scopes, "audience": audience, "limits": limits }));
        let post = current.send(&api, Method::POST, KEYS, body);
        creation.once.post(creation.remote.output, post, &API_KEY, table).await
    }
}

async fn delete(deletion: Deletion, id: &str, environment: &Environment) -> Result<(), CliError> {
    let doomed = async |api: &Api| {
        let key = api.get(&at(id)).await?;
        let made = made_with(&api.list(KEYS, usize::MAX).await?, id);
        let label = match text_at(&key, "label").as_str() {
            "-" => String::new(),
            label => format!(" ({label})"),
        };
        let along = match made.len() as u64 {
            0 => String::new(),
            made => format!(" and {} created with it", count(made, "API key")),
        };
        Ok(Doomed {
            what: format!("API key {id}{label}{along}"),
            minters: [vec![id.to_owned()], made].concat(),
        })
    };
    let conclude = |gone: &Value| match gone["api_keys_deleted"].as_u64() {
        None | Some(0) => format!("deleted API key {id}"),
        Some(made) => format!("deleted API key {id} and {} created with it", count(made, "API key")),
    };
    deletion.run(environment, &at(id), doomed, conclude).await
}

/// The ids of the keys that were created with the key `id`, directly or by one of these.
fn made_with(keys: &[Value], id: &str) -> Vec<String> {
    let creator = format!("api_key:{id}");
    let made = keys.iter().filter(|key| key["creator"] == creator.as_str()).map(|key| text_at(key, "id"));
    made.flat_map(|made| [vec![made.clone()], made_with(keys, &made)].concat()).collect()
}

/// The list entry of a key.
fn listed(key: &Value) -> Value {
    let mut listed = limits::listed(key);
    listed["state"] = json!(match (key["expired"] == true, release::is_suspended(key)) {
        (true, _) => "expired",
        (false, true) => "suspended",
        (false, false) => "live",
    });
    listed
}

fn scopes() -> PossibleValuesParser {
    PossibleValuesParser::new(Scope::ALL.map(Scope::as_str))
}

/// The path of a key.
fn at(id: &str) -> String {
    format!("{KEYS}/{}", percent_encoded(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_expiry_and_limits() {
        let words = |expired: bool, limits: Value| {
            let listed = listed(&json!({ "expired": expired, "limits": limits }));
            ["state", "limits"].map(|member| listed[member].as_str().unwrap_or_default().to_owned())
        };
        let any = json!({ "roles": "any", "max_ttl": "any", "persistent": true });
        assert_eq!(words(false, any.clone()), ["live", "any"]);
        assert_eq!(words(true, any), ["expired", "any"]);
        assert_eq!(
            words(false, json!({ "roles": "any", "max_ttl": "1h", "persistent": true })),
            ["live", "some"]
        );
        assert_eq!(words(false, json!({ "roles": "any", "persistent": false })), ["live", "some"]);
    }
}
