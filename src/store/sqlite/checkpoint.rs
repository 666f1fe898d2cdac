//! Checkpoints: moving the write-ahead log into the database.

use rusqlite::Connection;

/// Moves the whole log into the database and empties it. Returns false if a reader still needs the log.
pub(super) fn whole(connection: &Connection) -> rusqlite::Result<bool> {
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))?;
    Ok(busy == 0)
}

/// Moves the log into the database, so that a copy of the file alone is whole.
pub(super) fn at_end(connection: &Connection) {
    if let Err(error) = whole(connection) {
        // The next start reads the log, so no entry is lost.
        tracing::warn!(%error, "the write-ahead log could not be moved into the database");
    }
}
