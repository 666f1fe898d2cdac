//! `gatepass host`: the enrolled machines.

use clap::{Args, Subcommand};
use serde_json::json;

use super::ask::confirm;
use super::error::CliError;
use super::output::{self, Format, line};
use super::remote::Remote;
use crate::config::Environment;
use crate::id::HostId;

/// List, show, change and revoke enrolled hosts
#[derive(Subcommand)]
pub(crate) enum HostCommand {
    /// List hosts
    List(List),
    /// Show one host
    Show(Show),
    /// Set a host's roles, from its next certificate on, or at once
    SetRoles(SetRoles),
    /// Shut a host out for good: its certificates and its key
    Revoke(Revoke),
}

impl HostCommand {
    /// Does it.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(command) => command.run(environment).await,
            Self::Show(command) => command.run(environment).await,
            Self::SetRoles(command) => command.run(environment).await,
            Self::Revoke(command) => command.run(environment).await,
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
];

/// `host list`.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    remote: Remote,
    /// At most so many
    #[arg(long, default_value_t = 1000, value_name = "N")]
    limit: usize,
}

impl List {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let items = self.remote.connect(environment)?.list("/api/v1/hosts", self.limit).await?;
        let columns = [
            ("ID", "id"),
            ("STATE", "state"),
            ("NAME", "name"),
            ("ROLES", "roles"),
            ("ENROLLED", "enrolled_at"),
            ("EXPIRES", "certificate.expires_at"),
        ];
        output::list(
            self.remote.output,
            &items,
            &columns,
            "no hosts yet: `gatepass token create` mints a token for one",
        )
    }
}

/// `host show`.
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    remote: Remote,
    /// Id of the host
    #[arg(value_parser = parse_id)]
    id: HostId,
}

impl Show {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let item = self.remote.connect(environment)?.get(&format!("/api/v1/hosts/{}", self.id)).await?;
        output::one(self.remote.output, &item, ROWS)
    }
}

/// `host set-roles`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass host set-roles ID --role proxy --role director
  gatepass host set-roles ID --none --now      no roles, and the present certificate is revoked at once")]
pub(crate) struct SetRoles {
    #[command(flatten)]
    remote: Remote,
    /// Id of the host
    #[arg(value_parser = parse_id)]
    id: HostId,
    /// A role it shall have; may be repeated, or joined with commas
    #[arg(long = "role", value_name = "NAME", value_delimiter = ',', required_unless_present = "none")]
    roles: Vec<String>,
    /// It shall have no roles
    #[arg(long, conflicts_with = "roles")]
    none: bool,
    /// Revoke its present certificate at once, if that has a role it shall not have
    #[arg(long)]
    now: bool,
}

impl SetRoles {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let body = json!({ "roles": self.roles, "now": self.now });
        let item =
            self.remote.connect(environment)?.patch(&format!("/api/v1/hosts/{}", self.id), &body).await?;
        output::one(self.remote.output, &item, ROWS)
    }
}

/// `host revoke`.
#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    remote: Remote,
    /// Ids of the hosts
    #[arg(required = true, value_parser = parse_id)]
    ids: Vec<HostId>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Revoke {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let what = if self.ids.len() == 1 {
            format!("host {}", self.ids[0])
        } else {
            format!("{} hosts", self.ids.len())
        };
        confirm(
            &format!("revoke {what}? it is shut out at once, and its key can never enroll again"),
            self.yes,
        )?;
        let api = self.remote.connect(environment)?;
        for id in self.ids {
            let answer = api.delete(&format!("/api/v1/hosts/{id}")).await?;
            match (self.remote.output, answer["changed"].as_bool()) {
                (Format::Json, _) => output::json(&answer)?,
                (Format::Table, Some(false)) => line(format!("host {id} had been revoked before"))?,
                (Format::Table, _) => line(format!("host {id} is revoked"))?,
            }
        }
        Ok(())
    }
}

fn parse_id(text: &str) -> Result<HostId, String> {
    HostId::parse(text)
        .ok_or_else(|| String::from("a host's id looks like 0190a0b0-0000-7000-8000-000000000000"))
}
