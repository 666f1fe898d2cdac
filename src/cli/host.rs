//! `gatepass host`: enrolled hosts.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::error::CliError;
use super::flags::{HostFlags, Selection, at_least_one, one_selection, with_query};
use super::output;
use super::remote::Remote;
use super::together::{Together, each};
use crate::config::Environment;
use crate::id::HostId;

/// List, show, change and revoke enrolled hosts
#[derive(Subcommand)]
pub(crate) enum HostCommand {
    /// List hosts
    List(HostList),
    /// Show one host
    Show {
        #[command(flatten)]
        remote: Remote,
        /// Id of the host
        #[arg(value_parser = parse_id)]
        id: HostId,
    },
    /// Set a host's roles, effective with its next certificate or immediately
    SetRoles(HostSetRoles),
    /// Revoke hosts for good, by id or by filter: their certificates and their keys
    #[command(after_long_help = "Examples:
  gatepass host revoke ID
  gatepass host revoke --token ID                    every host enrolled with a token
  gatepass host revoke --role proxy --name rack-7    shows the number and asks first")]
    #[command(mut_arg("ids", |ids| ids.help("Ids of the hosts")))]
    Revoke(Selection<HostFlags>),
}

impl HostCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment).await,
            Self::Show { remote, id } => remote.show(environment, &format!("/api/v1/hosts/{id}"), ROWS).await,
            Self::SetRoles(command) => command.run(environment).await,
            Self::Revoke(selection) => revoke(selection, environment).await,
        }
    }
}

const ROWS: &[(&str, &str)] = &[
    ("id", "id"),
    ("state", "state"),
    ("name", "name"),
    ("cluster", "cluster"),
    ("roles", "roles"),
    ("token", "token_id"),
    ("enrolled at", "enrolled_at"),
    ("revoked at", "revoked_at"),
    ("serial", "certificate.serial"),
    ("issued at", "certificate.issued_at"),
    ("expires at", "certificate.expires_at"),
    ("seen", "certificate_seen"),
    ("reached", "reached_url"),
];

/// The columns of a list of hosts.
pub(crate) const COLUMNS: [(&str, &str); 6] = [
    ("ID", "id"),
    ("STATE", "state"),
    ("NAME", "name"),
    ("ROLES", "roles"),
    ("ENROLLED", "enrolled_at"),
    ("EXPIRES", "certificate.expires_at"),
];

/// Arguments of `host list`.
#[derive(Args)]
pub(crate) struct HostList {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    which: HostFlags,
    /// Maximum number of results
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = at_least_one())]
    limit: usize,
}

impl HostList {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let query = self.which.query();
        let nothing = match query.is_empty() {
            true => "no hosts yet: `gatepass token create` mints a token for one",
            false => "no host matches",
        };
        let path = with_query("/api/v1/hosts", &query);
        self.remote.list(environment, &path, &COLUMNS, self.limit, nothing).await
    }
}

/// Arguments of `host set-roles`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass host set-roles ID --role proxy --role director
  gatepass host set-roles ID --none --now      no roles, and the current certificate is revoked immediately")]
pub(crate) struct HostSetRoles {
    #[command(flatten)]
    remote: Remote,
    /// Id of the host
    #[arg(value_parser = parse_id)]
    id: HostId,
    /// Role of the host; repeatable, or separated by commas
    #[arg(long = "role", value_name = "NAME", value_delimiter = ',', required_unless_present = "none")]
    roles: Vec<String>,
    /// Remove all roles
    #[arg(long, conflicts_with = "roles")]
    none: bool,
    /// Revoke the current certificate immediately if it has a role that is removed
    #[arg(long)]
    now: bool,
}

impl HostSetRoles {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let body = json!({ "roles": self.roles, "now": self.now });
        let item =
            self.remote.connect(environment)?.patch(&format!("/api/v1/hosts/{}", self.id), &body).await?;
        output::one(self.remote.output, &item, ROWS)
    }
}

async fn revoke(selection: Selection<HostFlags>, environment: &Environment) -> Result<(), CliError> {
    let mut query = selection.which.query();
    one_selection(selection.ids.len(), query.len(), selection.all, &HostFlags::NAMES)?;
    if !selection.ids.is_empty() {
        return revoke_each(&selection, environment).await;
    }
    query.extend((!selection.which.has_state()).then(|| String::from("state=live,expired")));
    let together = Together {
        list: with_query("/api/v1/hosts", &query),
        revoke: "/api/v1/hosts/revoke",
        what: "host",
        consequence: "They are refused immediately, and their keys can never enroll again.",
        consequence_of_one: "It is refused immediately, and its key can never enroll again.",
        hosts: false,
    };
    together.run(&selection.consent, environment).await
}

async fn revoke_each(selection: &Selection<HostFlags>, environment: &Environment) -> Result<(), CliError> {
    let ids = selection.ids.iter().map(|id| parse_id(id.expose()).map_err(CliError::Usage));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let question = match ids.as_slice() {
        [id] => format!("Revoke host {id}? It is refused immediately, and its key can never enroll again."),
        ids => format!(
            "Revoke {} hosts? They are refused immediately, and their keys can never enroll again.",
            ids.len()
        ),
    };
    selection.consent.ask(&question)?;
    let api = selection.consent.remote.connect(environment)?;
    let ask = async |id| api.delete(&format!("/api/v1/hosts/{id}")).await;
    let conclude = |id, answer: &Value| match answer["changed"].as_bool() {
        Some(false) => format!("host {id} was revoked before"),
        _ => format!("revoked host {id}"),
    };
    each("host", &ids, selection.consent.remote.output, ask, conclude).await
}

fn parse_id(text: &str) -> Result<HostId, String> {
    HostId::parse(text)
        .ok_or_else(|| String::from("the id of a host looks like 0190a0b0-0000-7000-8000-000000000000"))
}
