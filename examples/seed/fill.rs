//! Filling a database with the rows of years of use, to measure the cost of a full store.
//!
//! The rows are those that the acts would have written. Every check of the schema holds, status indexes are unique, and
//! the ledger is a real chain. Values that are never read back are generated: keys of no host, invalid signatures.

use std::fs::File;
use std::path::Path;

use gatepass::clock::Timestamp;
use gatepass::file_lock::FileLock;
use gatepass::id::KeyId;
use gatepass::store::sqlite::{OpenError, SqliteStore};
use rusqlite::{Connection, OptionalExtension as _};

use super::rows::Rows;
use super::specimen::{Specimen, SpecimenError};

/// Rows per transaction.
const BATCH: u64 = 100_000;
/// Page cache while filling, in KiB: the ends of all indexes should stay in memory.
const CACHE_KIB: i64 = 512 * 1024;

/// Numbers of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Amounts {
    /// Persistent tokens, a fortieth of them revoked.
    pub(crate) tokens: u64,
    /// Pairs; they need tokens and hosts.
    pub(crate) pairs: u64,
    /// Hosts with a certificate, a two-hundredth of them revoked.
    pub(crate) hosts: u64,
    /// Ledger entries.
    pub(crate) entries: u64,
    /// Number that all ids and keys are derived from.
    pub(crate) number: u64,
}

/// A failure to fill a database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SeedError {
    /// No server has been here.
    #[error("there is no database in the data directory: start the server on it once, and stop it")]
    Absent,
    /// The database could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A server has just started on it.
    #[error("the database cannot be locked, because a server has just started on it: stop it")]
    Locked,
    /// There is no certificate to copy.
    #[error(transparent)]
    Specimen(#[from] SpecimenError),
    /// No server has started on the database.
    #[error("the database has no first roles token: start the server on it once, and stop it")]
    NotFounded,
    /// The amounts contradict each other.
    #[error("pairs need tokens and hosts, and hosts need tokens: give more of those, or none of the others")]
    Amounts,
    /// SQLite failed. The database may be incomplete and must be deleted.
    #[error("the database cannot be filled: {0}; delete it and start with a new one")]
    Database(#[from] rusqlite::Error),
    /// The database could not be synced.
    #[error("the database cannot be synced to the disk: {0}")]
    Sync(std::io::Error),
}

/// Key and issuer of the generated tokens.
pub(crate) struct Origin {
    pub(crate) key: KeyId,
    pub(crate) issuer: String,
}

/// Fills the database at `path`, on which no server may run. `progress` gets the kind of row, the number written and the
/// total.
///
/// A crash leaves an unusable database, because it is synced only at the end.
///
/// # Errors
/// [`SeedError`]; the database of another program or of a running server is not changed.
pub(crate) fn seed(
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
    let (_lock, connection) = open(path, now)?;
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

/// Opens the database as a server does, which migrates it, and then without the store's threads.
fn open(path: &Path, now: Timestamp) -> Result<(FileLock, Connection), SeedError> {
    if !path.exists() {
        return Err(SeedError::Absent);
    }
    SqliteStore::open(path, now)?.close();
    let lock = File::open(path.with_added_extension("lock")).map_err(SeedError::Sync)?;
    let lock = FileLock::try_new(lock).map_err(|_| SeedError::Locked)?;
    let connection = Connection::open(path)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    Ok((lock, connection))
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

/// The current key of enrollment tokens and the external URL, from the newest token with both.
fn origin(connection: &Connection) -> rusqlite::Result<Option<Origin>> {
    let sql = "SELECT m.kid, m.issuer FROM mints AS m JOIN signing_keys AS k ON k.kid = m.kid AND k.state = 'current' \
               WHERE m.persistent = 1 ORDER BY m.token DESC LIMIT 1";
    connection.query_row(sql, [], |row| Ok(Origin { key: row.get(0)?, issuer: row.get(1)? })).optional()
}

/// Turns off syncs and foreign key checks.
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
