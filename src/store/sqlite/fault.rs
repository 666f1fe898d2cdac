//! The effect of an SQLite error on the command, the batch and the process.

use rusqlite::ErrorCode;

use crate::store::{Standing, StoreError};

/// The reach of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The command alone: an unexpected constraint, an unreadable value.
    Command(StoreError),
    /// The whole batch. The store stays up, and the next batch tries again.
    Batch(StoreError),
    /// All later writes: the disk failed, or a commit has an unknown outcome.
    Process(StoreError),
}

/// Growing the shared memory beside the database failed: the disk is full, and nothing has been written yet.
const IOERR_SHMSIZE: i32 = rusqlite::ffi::SQLITE_IOERR | (19 << 8);

/// Returns the reach of an error inside a transaction.
pub(super) fn reach(error: &rusqlite::Error) -> Reach {
    let detail = error.to_string();
    let rusqlite::Error::SqliteFailure(failure, _) = error else {
        return Reach::Command(StoreError::Damaged { detail });
    };
    if failure.extended_code == IOERR_SHMSIZE {
        return Reach::Batch(StoreError::Full);
    }
    match failure.code {
        ErrorCode::DiskFull => Reach::Batch(StoreError::Full),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            Reach::Batch(StoreError::ReadOnly)
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Reach::Batch(StoreError::Busy),
        ErrorCode::OutOfMemory => Reach::Batch(StoreError::Overloaded),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Reach::Batch(StoreError::Damaged { detail }),
        ErrorCode::SystemIoFailure => Reach::Process(StoreError::Failed { detail }),
        _ => Reach::Command(StoreError::Damaged { detail }),
    }
}

/// Returns the reach of an error of COMMIT: only these few are known to have written nothing.
pub(super) fn reach_of_commit(error: &rusqlite::Error) -> Reach {
    match reach(error) {
        Reach::Batch(error @ (StoreError::Full | StoreError::ReadOnly | StoreError::Busy)) => {
            Reach::Batch(error)
        }
        _ => Reach::Process(StoreError::Failed {
            detail: format!("the outcome of a commit is unknown: {error}"),
        }),
    }
}

/// Returns the error of a read, which leaves nothing behind.
pub(super) fn of_read(error: &rusqlite::Error) -> StoreError {
    match reach(error) {
        Reach::Command(error) | Reach::Batch(error) | Reach::Process(error) => error,
    }
}

/// Returns whether the database is damaged, or its disk cannot be read.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    let damage = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase, ErrorCode::SystemIoFailure];
    error.sqlite_error_code().is_some_and(|code| damage.contains(&code)) && of_read(error) != StoreError::Full
}

/// Notes damage of the database: other statements may still succeed, and would hide it. It does not heal while the server runs.
pub(super) fn note_damage(error: &rusqlite::Error, standing: &mut Standing) {
    if standing.damage.is_none() && is_damage(error) {
        let found = of_read(error);
        tracing::error!(error = %found, "the database is damaged or its disk fails");
        standing.damage = Some(found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None)
    }

    #[test]
    fn a_full_disk_fails_only_the_batch() {
        assert_eq!(reach(&failure(rusqlite::ffi::SQLITE_FULL)), Reach::Batch(StoreError::Full));
        assert_eq!(reach(&failure(IOERR_SHMSIZE)), Reach::Batch(StoreError::Full));
        assert_eq!(reach(&failure(rusqlite::ffi::SQLITE_READONLY)), Reach::Batch(StoreError::ReadOnly));
        assert_eq!(reach(&failure(rusqlite::ffi::SQLITE_BUSY)), Reach::Batch(StoreError::Busy));
        assert!(matches!(
            reach(&failure(rusqlite::ffi::SQLITE_IOERR_WRITE)),
            Reach::Process(StoreError::Failed { .. })
        ));
        assert!(matches!(
            reach(&failure(rusqlite::ffi::SQLITE_CONSTRAINT)),
            Reach::Command(StoreError::Damaged { .. })
        ));
    }

    #[test]
    fn a_commit_whose_outcome_is_unknown_ends_the_process() {
        assert_eq!(reach_of_commit(&failure(rusqlite::ffi::SQLITE_FULL)), Reach::Batch(StoreError::Full));
        for code in
            [rusqlite::ffi::SQLITE_IOERR_FSYNC, rusqlite::ffi::SQLITE_CONSTRAINT, rusqlite::ffi::SQLITE_NOMEM]
        {
            assert!(matches!(reach_of_commit(&failure(code)), Reach::Process(StoreError::Failed { .. })));
        }
    }
}
