//! `gatepass policy`: the roles, certificates and settings of hosts.

mod edit;
mod flags;
mod read;
mod revisions;

use clap::Subcommand;
use serde_json::Value;

use self::edit::{PolicyCreate, PolicySet};
pub(super) use self::flags::object;
use self::revisions::{PolicyRestore, PolicyRevisions};
use super::consent::Consent;
use super::error::CliError;
use super::given_name::GivenPolicy;
use super::listing::Listing;
use super::output::{self, Column, Columns, Format, text_at};
use super::remote::Remote;
use super::together::{count, of};
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::PolicyId;

const POLICIES: &str = "/api/v1/policies";

const COLUMNS: Columns = Columns {
    id: "id",
    name: "name",
    shown: &[
        Column::ID,
        Column::text("NAME", "name"),
        Column::text("ROLES", "roles?none"),
        Column::text("HOSTS", "hosts"),
        Column::text("CERTIFICATES", "certificate_lifetime?default").rank(2),
        Column::text("APPROVAL", "approval").rank(3),
        Column::text("EPHEMERAL", "ephemeral_hosts").rank(4),
        Column::text("REVISION", "revision").rank(1),
        Column::time("UPDATED", "updated_at").rank(5),
        Column::actor("BY", "updated_by", "none").rank(6),
    ],
};

const REVISION_COLUMNS: Columns = Columns {
    id: "revision",
    name: "name",
    shown: &[
        Column::text("REVISION", "revision"),
        Column::text("NAME", "name"),
        Column::text("ROLES", "roles?none").rank(1),
        Column::text("CERTIFICATES", "certificate_lifetime?default").rank(2),
        Column::text("SETTINGS", "settings").rank(3),
        Column::time("UPDATED", "updated_at"),
        Column::actor("BY", "updated_by", "none"),
    ],
};

const ROWS: &[(&str, &str)] = &[
    ("id", "id"),
    ("name", "name"),
    ("description", "description"),
    ("revision", "revision"),
    ("hosts", "hosts"),
    ("roles", "roles?none"),
    ("certificates", "certificate_lifetime?default"),
    ("renewed at", "renew_at"),
    ("ephemeral", "ephemeral_hosts"),
    ("opaque keys", "api_key_credential"),
    ("approval", "approval"),
    ("labels", "labels"),
    ("settings", "settings"),
    ("schema", "schema"),
    ("audiences", "audiences"),
    ("outputs", "outputs"),
    ("created", "created_at"),
    ("created by", "created_by"),
    ("updated", "updated_at"),
    ("updated by", "updated_by"),
];

/// List, create, change, restore and delete policies
#[derive(Subcommand)]
pub(crate) enum PolicyCommand {
    /// List policies, oldest first
    #[command(after_long_help = "Examples:
  gatepass policy list
  gatepass policy list -o json

HOSTS is the number of hosts that have the policy and are not revoked.")]
    List(Listing),
    /// Show a policy
    #[command(after_long_help = "Examples:
  gatepass policy show edge
  gatepass policy show ID -o json")]
    Show {
        #[command(flatten)]
        remote: Remote,
        /// Name or id of the policy
        #[arg(value_name = "POLICY", value_parser = GivenPolicy::parse)]
        policy: GivenPolicy,
    },
    /// Create a policy, and its first token
    Create(PolicyCreate),
    /// Change a policy; its hosts follow at their next check-in and renewal
    Set(PolicySet),
    /// Delete a policy that no host has; its tokens stop working
    #[command(after_long_help = "Examples:
  gatepass policy delete edge
  gatepass policy delete ID --yes")]
    Delete {
        #[command(flatten)]
        consent: Consent,
        /// Name or id of the policy
        #[arg(value_name = "POLICY", value_parser = GivenPolicy::parse)]
        policy: GivenPolicy,
    },
    /// List the last 100 revisions of a policy, newest first
    Revisions(PolicyRevisions),
    /// Give a policy the terms of an earlier revision again
    Restore(PolicyRestore),
}

impl PolicyCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(list) => {
                let nothing = "no policies yet: `gatepass policy create` makes one";
                list.list(environment, POLICIES, &COLUMNS, usize::MAX, nothing).await
            }
            Self::Show { remote, policy } => {
                let api = remote.connect(environment)?;
                show(remote.output, &api.get(&at(policy.whole(&api).await?)).await?)
            }
            Self::Create(command) => command.run(environment).await,
            Self::Set(command) => command.run(environment).await,
            Self::Delete { consent, policy } => delete(&consent, &policy, environment).await,
            Self::Revisions(command) => command.run(environment).await,
            Self::Restore(command) => command.run(environment).await,
        }
    }
}

async fn delete(consent: &Consent, policy: &GivenPolicy, environment: &Environment) -> Result<(), CliError> {
    let api = consent.remote.connect(environment)?;
    let id = policy.whole(&api).await?;
    if !consent.yes {
        let policy = api.get(&at(id)).await?;
        consent.ask(&question(&policy, live_tokens(&api, id).await?))?;
    }
    let gone = api.delete(&at(id)).await?;
    let tokens = count(gone["tokens_revoked"].as_u64().unwrap_or(0), "token");
    output::done(consent.remote.output, &gone, format!("deleted policy {id} and revoked {tokens}"))
}

/// The number of a policy's live tokens.
async fn live_tokens(api: &Api, id: PolicyId) -> Result<u64, CliError> {
    let path = format!("/api/v1/enrollment-tokens?policy={id}&state=pending,active,suspended");
    Ok(api.list(&path, usize::MAX).await?.len() as u64)
}

/// The question before a policy is deleted.
fn question(policy: &Value, tokens: u64) -> String {
    let (id, name) = (text_at(policy, "id"), text_at(policy, "name"));
    let stops = match tokens {
        0 => String::from("It has no live token."),
        _ => format!("{} of it {} working.", count(tokens, "live token"), of(tokens, "stops", "stop")),
    };
    format!("Delete policy {id} ({name})? {stops}")
}

/// Prints one policy.
fn show(format: Format, policy: &Value) -> Result<(), CliError> {
    output::one(format, policy, ROWS)
}

/// The path of a policy.
fn at(id: PolicyId) -> String {
    format!("{POLICIES}/{id}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_question_has_the_number_of_tokens() {
        let policy = json!({ "id": "x", "name": "edge" });
        assert_eq!(question(&policy, 2), "Delete policy x (edge)? 2 live tokens of it stop working.");
        assert_eq!(question(&policy, 1), "Delete policy x (edge)? 1 live token of it stops working.");
        assert_eq!(question(&policy, 0), "Delete policy x (edge)? It has no live token.");
    }
}
