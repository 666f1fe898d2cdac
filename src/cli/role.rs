//! `gatepass role`: the roles that tokens can give to hosts.

use clap::Subcommand;

use super::error::CliError;
use super::listing::Listing;
use super::output::{Column, Columns};
use crate::config::Environment;

const COLUMNS: Columns = Columns {
    id: "id",
    name: "id",
    shown: &[Column::text("ROLE", "id"), Column::text("DESCRIPTION", "description").rank(1)],
};

/// List the roles that tokens can give to hosts
#[derive(Subcommand)]
pub(crate) enum RoleCommand {
    /// List roles with their descriptions
    #[command(after_long_help = "Examples:
  gatepass role list
  gatepass role list -o id

The roles are in the server's configuration: [[roles]].")]
    List(Listing),
}

impl RoleCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Self::List(list) = self;
        list.list(environment, "/api/v1/roles", &COLUMNS, usize::MAX, "no roles").await
    }
}
