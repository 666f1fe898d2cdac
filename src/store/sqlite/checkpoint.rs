//! Checkpoints: moving the write-ahead log into the database. SQLite's automatic ones hide their errors.

use rusqlite::Connection;

use super::SharedStanding;
use crate::store::Standing;

/// Pages of the log from which a checkpoint follows each batch: SQLite's own default.
const DUE: u64 = 1000;
/// Pages from which the log is long.
const LONG: u64 = 16 * 1024;
/// Maximum number of batches without a try after a failed one. An idle server has one in two seconds.
const MOST_SKIPPED: u32 = 16;
/// Bytes of a page in the log with its header.
const FRAME: u64 = 4096 + 24;

/// The rhythm of the checkpoints.
#[derive(Default)]
pub(super) struct Checkpoints {
    /// Failures since the last success.
    failures: u32,
    /// Batches to let pass before the next try.
    skipped: u32,
}

impl Checkpoints {
    /// Moves a grown log into the database, and notes faults in `standing`. A failure leaves all data in the log.
    pub(super) fn after_batch(&mut self, connection: &Connection, standing: &SharedStanding) {
        match self.try_once(connection) {
            Ok(None) => {}
            Ok(Some(pages)) => {
                self.failures = 0;
                note_success(pages, &mut standing.lock());
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                self.skipped = 1_u32.checked_shl(self.failures).unwrap_or(MOST_SKIPPED).min(MOST_SKIPPED);
                note_failure(&error, &mut standing.lock());
            }
        }
    }

    /// Returns the length of the log in pages; `None` if a try is put off.
    fn try_once(&mut self, connection: &Connection) -> rusqlite::Result<Option<u64>> {
        let (pages, moved) = log(connection, "PRAGMA wal_checkpoint(NOOP)")?;
        metrics::gauge!("gatepass_wal_bytes").set((pages * FRAME) as f64);
        if pages < DUE || moved == pages {
            return Ok(Some(pages));
        }
        if self.skipped > 0 {
            self.skipped -= 1;
            return Ok(None);
        }
        let (pages, _) = log(connection, "PRAGMA wal_checkpoint(PASSIVE)")?;
        metrics::counter!("gatepass_checkpoints_total", "outcome" => "done").increment(1);
        Ok(Some(pages))
    }
}

/// Runs a checkpoint. Returns the length of the log, and how much of it is in the database.
fn log(connection: &Connection, checkpoint: &str) -> rusqlite::Result<(u64, u64)> {
    let mut statement = connection.prepare_cached(checkpoint)?;
    // Without a log both are -1.
    let number = |number: i64| u64::try_from(number).unwrap_or(0);
    statement.query_row([], |row| Ok((number(row.get(1)?), number(row.get(2)?))))
}

fn note_failure(error: &rusqlite::Error, standing: &mut Standing) {
    metrics::counter!("gatepass_checkpoints_total", "outcome" => "failed").increment(1);
    let told = format!(
        "the write-ahead log could not be moved into the database: {error}; its data is safe, and gatepass tries again: check \
         the disk"
    );
    if standing.checkpoint.is_none() {
        tracing::error!("{told}");
    }
    standing.checkpoint = Some(told);
}

/// Notes the length of the log. A reader keeps it from being used again from its beginning.
fn note_success(pages: u64, standing: &mut Standing) {
    if standing.checkpoint.take().is_some() {
        tracing::info!("the write-ahead log is moved into the database again");
    }
    let long = (pages >= LONG).then_some((pages * FRAME) >> 20);
    if let (Some(mebibytes), None) = (long, standing.long_log) {
        tracing::warn!(mebibytes, "the write-ahead log is long: a read of the database has not ended");
    }
    standing.long_log = long;
}

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
