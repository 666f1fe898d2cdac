//! Filling a database with what years of use would leave in it, for measuring what a full store costs.
//!
//! The rows are what the acts would have written: every check of the schema holds, indexes in status lists are given once,
//! the ledger is a real chain. What nobody reads back is made up: keys that no host has, signatures that fit nothing.

mod dice;
mod rows;
mod specimen;

use std::fs::File;
use std::path::Path;

use rusqlite::{Connection, OptionalExtension as _};

use self::rows::Rows;
pub use self::specimen::Specimen;
use super::migrate::MIGRATIONS;
use super::open::{OpenError, open_writer};
use crate::clock::Timestamp;
use crate::id::KeyId;

/// Rows per transaction.
const BATCH: u64 = 100_000;
/// The page cache while filling, in KiB: every index is appended to, and all of their ends should stay in memory.
const CACHE_KIB: u32 = 512 * 1024;

/// How much of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Persistent tokens, a fortieth of them revoked.
    pub tokens: u64,
    /// Pairs; they need tokens and hosts.
    pub pairs: u64,
    /// Hosts with a certificate, a two-hundredth of them revoked.
    pub hosts: u64,
    /// Ledger entries.
    pub entries: u64,
    /// What the made-up ids and keys come from: the same number makes the same ones at the same moment.
    pub number: u64,
}

/// Why a database was not filled.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// No server has founded it.
    #[error("the database has no first roles token: start the server on it once, and stop it")]
    NotFounded,
    /// The amounts do not fit each other.
    #[error("pairs need tokens and hosts, and hosts need tokens: give more of those, or none of the others")]
    Amounts,
    /// SQLite refused. What was written so far may be half of something: throw the database away.
    #[error("the database cannot be filled: {0}; throw it away and begin with a new one")]
    Database(#[from] rusqlite::Error),
    /// It could not be made durable.
    #[error("the database cannot be synced to the disk: {0}")]
    Sync(std::io::Error),
}

/// Who the made-up tokens come from.
struct Origin {
    key: KeyId,
    issuer: String,
}

/// Fills the database at `path`, on which no server may run. `progress` hears what is being written, how many rows of it
/// are there and how many there will be.
///
/// A crash meanwhile leaves a database that is worth nothing: nothing is synced before the end.
///
/// # Errors
/// [`SeedError`]; a database that is not gatepass's, or that a server holds, is left as it is.
pub fn seed(
    path: &Path,
    amounts: Amounts,
    specimen: &Specimen,
    now: Timestamp,
    mut progress: impl FnMut(&'static str, u64, u64),
) -> Result<(), SeedError> {
    let (needs_tokens, needs_hosts) = (amounts.pairs.max(amounts.hosts) > 0, amounts.pairs > 0);
    if needs_tokens && amounts.tokens == 0 || needs_hosts && amounts.hosts == 0 {
        return Err(SeedError::Amounts);
    }
    let (_lock, connection) = open_writer(path, CACHE_KIB, MIGRATIONS)?;
    let origin = origin(&connection)?.ok_or(SeedError::NotFounded)?;
    relax(&connection)?;
    let rows = Rows { connection: &connection, amounts, specimen, origin, now };
    rows.open_lists()?;
    let mut fill = |what, count, write: &dyn Fn(u64) -> rusqlite::Result<()>| {
        in_batches(&connection, count, write, |done| progress(what, done, count))
    };
    fill("tokens", amounts.tokens, &|number| rows.token(number))?;
    fill("hosts", amounts.hosts, &|number| rows.host(number))?;
    fill("pairs", amounts.pairs, &|number| rows.pair(number))?;
    let chain = rows.chain()?;
    fill("entries", amounts.entries, &|number| chain.entry(number))?;
    make_durable(connection, path)
}

fn in_batches(
    connection: &Connection,
    count: u64,
    write: &dyn Fn(u64) -> rusqlite::Result<()>,
    mut progress: impl FnMut(u64),
) -> rusqlite::Result<()> {
    let mut done = 0;
    progress(done);
    while done < count {
        let end = count.min(done + BATCH);
        let transaction = connection.unchecked_transaction()?;
        (done..end).try_for_each(write)?;
        transaction.commit()?;
        done = end;
        progress(done);
    }
    Ok(())
}

/// The key that signs enrollment tokens and the external URL, from the newest token that neither is new to.
fn origin(connection: &Connection) -> rusqlite::Result<Option<Origin>> {
    let sql = "SELECT m.kid, m.issuer FROM mints AS m JOIN signing_keys AS k ON k.kid = m.kid AND k.state = 'current' \
               WHERE m.persistent = 1 ORDER BY m.token DESC LIMIT 1";
    connection.query_row(sql, [], |row| Ok(Origin { key: row.get(0)?, issuer: row.get(1)? })).optional()
}

/// No syncs, each page written once, and no lookups of what is known to be there.
fn relax(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA journal_mode = MEMORY", [], |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "foreign_keys", false)
}

fn make_durable(connection: Connection, path: &Path) -> Result<(), SeedError> {
    connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0))?;
    connection.close().map_err(|(_, error)| error)?;
    File::open(path).and_then(|file| file.sync_all()).map_err(SeedError::Sync)
}

#[cfg(test)]
mod tests;
