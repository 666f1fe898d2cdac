//! `gatepass api-key`: credentials for scripts.

use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::current_password::CurrentPassword;
use super::deletion::Deletion;
use super::error::CliError;
use super::limits::{self, LimitFlags};
use super::once::Creation;
use super::output::{self, Format, line};
use super::remote::Remote;
use super::together::count;
use crate::access::Scope;
use crate::client::api::{Api, encode};
use crate::config::Environment;

const KEYS: &str = "/api/v1/api-keys";
/// The lines of any key.
const ROWS: [(&str, &str); 9] = [
    ("id", "id"),
    ("label", "label"),
    ("owner", "owner"),
    ("created by", "creator"),
    ("scopes", "scopes"),
    ("limits", "limits"),
    ("created", "created_at"),
    ("expires", "expires_at?never"),
    ("audience", "audience?any"),
];
/// The lines of a key that may have been used.
const USE_ROWS: [(&str, &str); 2] = [("last used", "last_used_at?never"), ("from", "last_used_from")];

/// Create, list and delete API keys
#[derive(Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Create an API key; it is shown once
    Create(Box<ApiKeyCreate>),
    /// List API keys: your own, or every user's if you are an admin
    List(Remote),
    /// Show an API key, without its secret
    Show {
        #[command(flatten)]
        remote: Remote,
        /// Id of the key
        id: String,
    },
    /// Delete an API key, effective immediately
    Delete {
        #[command(flatten)]
        deletion: Deletion,
        /// Id of the key
        id: String,
    },
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
            Self::List(remote) => {
                let mut keys = remote.connect(environment)?.list(KEYS, usize::MAX).await?;
                if remote.output == Format::Table {
                    keys.iter_mut().for_each(|key| *key = listed(key));
                }
                let columns = [
                    ("ID", "id"),
                    ("STATE", "state"),
                    ("LABEL", "label"),
                    ("OWNER", "owner"),
                    ("SCOPES", "scopes"),
                    ("LIMITS", "limits"),
                    ("AUDIENCE", "audience?any"),
                    ("EXPIRES", "expires_at?never"),
                    ("LAST USED", "last_used_at?never"),
                    ("FROM", "last_used_from"),
                ];
                output::list(remote.output, &keys, &columns, "no API keys")
            }
            Self::Show { remote, id } => {
                remote.show(environment, &at(&id), &[&ROWS[..], &USE_ROWS].concat()).await
            }
            Self::Delete { deletion, id } => delete(deletion, &id, environment).await,
        }
    }
}

impl ApiKeyCreate {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Self { creation, scopes, audience, limits, current } = self;
        let body =
            creation.request(json!({ "scopes": scopes, "audience": audience, "limits": limits.value()? }));
        let table = |made: &Value, file: Option<&Path>| {
            output::one(Format::Table, made, &[&ROWS[..], &[("key", "api_key")]].concat())?;
            line(match file {
                Some(_) => "The key is only in the file: store it with your secrets.",
                None => "The key is shown once: store it with your secrets.",
            })
        };
        let post = async |api: &Api| current.send(api, Method::POST, KEYS, body).await;
        creation.once.post(&creation.remote, environment, post, "api_key", table).await
    }
}

async fn delete(deletion: Deletion, id: &str, environment: &Environment) -> Result<(), CliError> {
    let what = format!("API key {id} and every API key created with it");
    let conclude = |gone: &Value| match gone["api_keys_deleted"].as_u64() {
        None | Some(0) => format!("deleted API key {id}"),
        Some(made) => format!("deleted API key {id} and {} created with it", count(made, "API key")),
    };
    deletion.run(environment, &what, &at(id), conclude).await
}

/// The list entry of a key.
fn listed(key: &Value) -> Value {
    let mut listed = limits::listed(key);
    listed["state"] = json!(if key["expired"] == true { "expired" } else { "live" });
    listed
}

fn scopes() -> PossibleValuesParser {
    PossibleValuesParser::new(Scope::ALL.map(Scope::as_str))
}

/// The path of a key.
fn at(id: &str) -> String {
    format!("{KEYS}/{}", encode(id))
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
