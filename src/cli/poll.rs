//! Lists that go on: `host list --watch` and `ledger list --follow`.

use std::io;
use std::time::Duration;

use serde_json::Value;

use super::error::CliError;
use super::listing::Listing;
use super::output::{self, Columns, Format, GrowingTable, Screen, note};
use crate::client::ClientError;
use crate::client::api::Api;
use crate::clock::SystemClock;
use crate::config::Environment;

/// Time between two requests.
const EVERY: Duration = Duration::from_secs(2);

/// A list that is printed as it grows.
pub(crate) struct Feed {
    format: Format,
    screen: Screen,
    columns: &'static Columns,
    table: GrowingTable,
    begun: bool,
}

/// The reader of a feed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// It may read more.
    Present,
    /// It has gone, and read enough.
    Gone,
}

impl Feed {
    /// A feed in the form that the flags ask for.
    pub(crate) fn new(list: &Listing, environment: &Environment, columns: &'static Columns) -> Self {
        let (format, screen) = (list.remote.output, list.screen(environment));
        Self { format, screen, columns, table: GrowingTable::new(columns.shown), begun: false }
    }

    /// A feed of items that are new: their times are not relative.
    pub(crate) fn of_times(list: &Listing, environment: &Environment, columns: &'static Columns) -> Self {
        let feed = Self::new(list, environment, columns);
        Self { screen: feed.screen.in_utc(), ..feed }
    }

    /// Prints the next items.
    pub(crate) fn print(&mut self, items: &[Value]) -> Result<Reader, CliError> {
        if items.is_empty() && self.begun {
            return Ok(Reader::Present);
        }
        let text = match self.format {
            Format::Table => self.table.lines(items, &self.screen.at(SystemClock::now())),
            // A document has an end; lines have none.
            Format::Json => items.iter().map(|item| format!("{item}\n")).collect(),
            Format::Csv => output::csv(items, self.columns.shown, !self.begun),
            Format::Id => output::each(items, self.columns.id),
            Format::Name => output::each(items, self.columns.name),
        };
        self.begun = true;
        match output::deliver(&text) {
            Err(gone) if gone.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
            written => Ok(written.map(|()| Reader::Present)?),
        }
    }
}

/// Asks every two seconds, until the reader has gone. A server that is not reached is asked again.
pub(crate) async fn poll(
    api: &Api,
    feed: &mut Feed,
    mut ask: impl AsyncFnMut(&Api) -> Result<Vec<Value>, ClientError>,
) -> Result<(), CliError> {
    let (mut first, mut lost) = (true, false);
    loop {
        match ask(api).await {
            Ok(items) if feed.print(&items)? == Reader::Gone => return Ok(()),
            Ok(_) => lost = false,
            Err(error) if first || !error.is_later() => return Err(error.into()),
            Err(error) => {
                if !std::mem::replace(&mut lost, true) {
                    note(format!("{error}; trying again"));
                }
            }
        }
        first = false;
        tokio::time::sleep(EVERY).await;
    }
}
