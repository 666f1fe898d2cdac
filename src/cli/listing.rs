//! Flags of commands that list: the connection, and the form of the list.

use clap::Args;
use serde_json::Value;

use super::error::CliError;
use super::output::{self, Columns, Format, Screen};
use super::remote::Remote;
use crate::client::api::Api;
use crate::config::Environment;

/// The connection, and the form of a list.
#[derive(Args)]
#[command(mut_arg("output", |output| output.value_parser(Format::of_lists())))]
pub(crate) struct Listing {
    #[command(flatten)]
    pub(crate) remote: Remote,
    /// Show every column and whole ids, whatever the width of the terminal
    #[arg(long)]
    wide: bool,
    /// Show times in UTC, instead of relative to now
    #[arg(long)]
    utc: bool,
}

impl Listing {
    /// The screen of the list.
    pub(crate) fn screen(&self, environment: &Environment) -> Screen {
        Screen::of(environment).with(self.wide, self.utc)
    }

    /// Prints `items`.
    pub(crate) fn print(
        &self,
        environment: &Environment,
        items: &[Value],
        columns: &Columns,
        nothing: &str,
    ) -> Result<(), CliError> {
        output::list(self.remote.output, &self.screen(environment), items, columns, nothing)
    }

    /// Prints at most `limit` items of the list at `path`, and a note if there are more.
    pub(crate) async fn list(
        &self,
        environment: &Environment,
        path: &str,
        columns: &Columns,
        limit: usize,
        nothing: &str,
    ) -> Result<(), CliError> {
        let api = self.remote.connect(environment)?;
        self.list_of(&api, environment, path, columns, limit, nothing).await
    }

    /// Prints the list over a connection that exists.
    pub(crate) async fn list_of(
        &self,
        api: &Api,
        environment: &Environment,
        path: &str,
        columns: &Columns,
        limit: usize,
        nothing: &str,
    ) -> Result<(), CliError> {
        let mut items = api.list(path, limit.saturating_add(1)).await?;
        output::cut(&mut items, limit);
        self.print(environment, &items, columns, nothing)
    }
}
