//! Copying a database with the online backup API, from one read transaction.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::driver::Sql;
use super::{LedgerFile, fault, integrity, read};
use crate::ledger::ChainHead;
use crate::store::{CopyError, CopyProgress, Snapshot, StoreError};

/// Pages that are copied at a time.
const STEP: i32 = 1024;

/// A reading connection whose transaction has begun.
pub(super) struct OpenSnapshot {
    connection: Connection,
    head: ChainHead,
}

impl OpenSnapshot {
    /// Begins the transaction.
    pub(super) fn begin(connection: Connection) -> rusqlite::Result<Self> {
        connection.execute_batch("BEGIN")?;
        // The first read chooses the moment.
        let head = read::chain_head(Sql::on(&connection))?;
        Ok(Self { connection, head })
    }

    fn copy(&self, to: &Path, progress: &mut dyn FnMut(CopyProgress)) -> Result<(), CopyError> {
        let unwritable = |cause: String| CopyError::Unwritable { path: to.display().to_string(), cause };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(to).map_err(|error| unwritable(error.to_string()))?;
        let failed = |error: rusqlite::Error| match fault::of_read(&error) {
            StoreError::Full => unwritable(String::from("the disk is full")),
            _ => unwritable(error.to_string()),
        };
        let access = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut copy = Connection::open_with_flags(to, access).map_err(failed)?;
        // The caller syncs the finished file once.
        copy.pragma_update(None, "synchronous", "OFF").map_err(failed)?;
        copy_pages(&self.connection, &mut copy, progress).map_err(failed)?;
        // One file, which anything that reads SQLite opens without a log beside it.
        let mode: String =
            copy.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0)).map_err(failed)?;
        if mode != "delete" {
            return Err(unwritable(format!("it stays in journal mode {mode}")));
        }
        copy.close().map_err(|(_, error)| failed(error))
    }

    /// Reads the copy as a restore would.
    fn verify(&self, copy: &Path, progress: &mut dyn FnMut(CopyProgress)) -> Result<(), CopyError> {
        let unsound = |fault: String| CopyError::Unsound { fault };
        let faults = integrity::faults(copy).map_err(|error| unsound(error.to_string()))?;
        if let Some(fault) = faults.into_iter().next() {
            return Err(unsound(fault));
        }
        let ledger = LedgerFile::open(copy).map_err(|error| unsound(error.to_string()))?;
        let head = ledger.verify(|done, all| progress(CopyProgress::Verified(done, all)));
        match head.map_err(|fault| unsound(fault.to_string()))? {
            head if head == self.head => Ok(()),
            head => Err(unsound(format!("its ledger ends at entry {}, not {}", head.seq, self.head.seq))),
        }
    }
}

impl Snapshot for OpenSnapshot {
    fn copy_to(
        self: Box<Self>,
        to: &Path,
        progress: &mut dyn FnMut(CopyProgress),
    ) -> Result<ChainHead, CopyError> {
        self.copy(to, progress)?;
        self.verify(to, progress)?;
        Ok(self.head)
    }
}

/// Copies every page. Without an open transaction on `from`, a writer beside it would restart the copy again and again.
fn copy_pages(
    from: &Connection,
    to: &mut Connection,
    progress: &mut dyn FnMut(CopyProgress),
) -> rusqlite::Result<()> {
    let page_size: u64 = from.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let bytes = |pages: i32| u64::try_from(pages).unwrap_or(0) * page_size;
    let backup = Backup::new(from, to)?;
    loop {
        let step = backup.step(STEP)?;
        let pages = backup.progress();
        progress(CopyProgress::Copied(bytes(pages.pagecount - pages.remaining), bytes(pages.pagecount)));
        match step {
            StepResult::Done => return Ok(()),
            // No other connection has the copy open, and a reader waits for no writer.
            _ => std::thread::yield_now(),
        }
    }
}
