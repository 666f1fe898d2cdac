//! One command inside the writer's transaction, and its effects after the commit.

mod admit;
mod api_keys;
mod authority;
mod basis;
mod certificate;
mod collect;
pub(super) mod counters;
pub(super) mod deciding;
pub(super) mod ending;
mod enrollments;
mod fleet;
mod hosts;
mod keys;
mod membership;
mod mint;
mod opaque_keys;
mod output_invalidations;
pub(super) mod output_keys;
mod outputs;
mod policies;
mod quarantine;
pub(super) mod redeem;
mod reenroll;
mod release;
mod renew;
mod restore;
mod revoke;
mod rotate;
mod rules;
mod seal;
mod sessions;
mod slots;
mod status;
mod users;

use std::sync::Arc;

pub(super) use self::admit::NAME_TAKEN;
use super::driver::{self, Sql};
use super::host_count::HostCount;
use crate::clock::Timestamp;
use crate::ledger::{Basis, Draft};
use crate::store::command::each_verb;
use crate::store::revocations::Change;
use crate::store::sqlite::SqliteStore;
use crate::store::*;

/// The effects of a kept command at the end of the batch.
pub(super) struct Effects {
    /// The number of hosts after the command.
    pub(super) hosts: HostCount,
    /// The entries to be chained, in order.
    pub(super) drafts: Vec<Arc<Draft>>,
    /// Changes of memory after the commit.
    pub(super) changes: Vec<Change>,
    /// The mark of a clock that an operator accepted, also if it moves back.
    pub(super) accepted: Option<Timestamp>,
}

impl Effects {
    /// No effects yet, with this number of hosts.
    pub(super) const fn from(hosts: HostCount) -> Self {
        Self { hosts, drafts: Vec::new(), changes: Vec::new(), accepted: None }
    }
}

/// A running command.
pub(super) struct Execution<'c> {
    sql: Sql<'c>,
    effects: Effects,
    kept: bool,
    /// The record of the caller's rights that was checked last.
    asked: Option<Basis>,
    refused: Option<StoreError>,
}

/// The outcome or the refusal of a command, and its effects unless it is undone.
type Ran<T> = (Result<T, StoreError>, Option<Effects>);

/// Runs a command on a store with so many hosts. Without effects the caller takes back what it wrote.
pub(super) fn run<T>(
    sql: Sql<'_>,
    hosts: HostCount,
    work: impl FnOnce(&mut Execution<'_>) -> driver::Result<T>,
) -> driver::Result<Ran<T>> {
    let mut act = Execution { sql, effects: Effects::from(hosts), kept: true, asked: None, refused: None };
    let outcome = work(&mut act)?;
    Ok(match act.refused {
        Some(refused) => (Err(refused), None),
        None => (Ok(outcome), act.kept.then_some(act.effects)),
    })
}

macro_rules! implement {
    ($($(#[$doc:meta])* $method:ident: $verb:ident -> $outcome:ty;)*) => {
        impl Verbs for SqliteStore {
            $(
                fn $method(&self, command: $verb) -> StoreFuture<'_, $outcome> {
                    Box::pin(self.write(stringify!($method), move |act| act.$method(command)))
                }
            )*
        }
    };
}
each_verb!(implement);

impl Execution<'_> {
    /// Writes without changing anything: a probe.
    pub(super) fn touch(&self) -> driver::Result<()> {
        self.execute("UPDATE meta SET clock_mark = clock_mark", []).map(drop)
    }

    fn mark_clock(&self, command: MarkClock) -> driver::Result<()> {
        let sql =
            "UPDATE meta SET clock_mark = ?1 WHERE single = 1 AND (clock_mark IS NULL OR clock_mark < ?1)";
        self.execute(sql, [command.at]).map(drop)
    }

    fn append_entries(&mut self, command: AppendEntries) -> driver::Result<()> {
        command.entries.into_iter().try_for_each(|entry| self.enter(entry))
    }

    fn open_list(&mut self, command: OpenList) -> driver::Result<()> {
        self.insert_list(&command.list)
    }

    /// Adds an entry for the ledger, after checking the caller's rights. The commit stores the clock mark with it.
    fn enter(&mut self, entry: Draft) -> driver::Result<()> {
        self.ask(&entry)?;
        self.effects.drafts.push(Arc::new(entry));
        Ok(())
    }

    /// Ends the command and undoes all that it wrote.
    const fn undo<T>(&mut self, outcome: T) -> driver::Result<T> {
        self.kept = false;
        Ok(outcome)
    }

    fn change(&mut self, change: Change) {
        self.effects.changes.push(change);
    }
}

impl<'c> std::ops::Deref for Execution<'c> {
    type Target = Sql<'c>;

    fn deref(&self) -> &Sql<'c> {
        &self.sql
    }
}
