//! The lock of a data directory: one process at a time may have its database open.
//!
//! The directory itself is locked, so that deleting the lock file lets no second server in. The lock file names the process
//! that holds it, and is locked too: version 0.1.0 locks that file alone.

use std::fs::{self, File, TryLockError};
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use super::open_error::{OpenError, beside, private};
use crate::file_lock::FileLock;

/// The lock of one database and its directory, held until dropped.
#[derive(Debug)]
pub(super) struct DatabaseLock {
    file: File,
    _file_lock: FileLock,
    _directory: FileLock,
}

impl DatabaseLock {
    /// Locks the directory of the database at `database`, and writes the process id into the lock file.
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = lock_file(database);
        let unusable = |source| OpenError::NotWritable { path: path.clone(), source };
        let directory = lock_directory(database)?;
        let file = private().open(&path).map_err(unusable)?;
        let copy = file.try_clone().map_err(unusable)?;
        let file_lock = FileLock::try_new(copy).map_err(|error| refused(&path, error))?;
        let mut lock = Self { file, _file_lock: file_lock, _directory: directory };
        // On a full disk the message does without the number.
        let _ = lock.name_holder(&format!("{}\n", std::process::id()));
        Ok(lock)
    }

    fn name_holder(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())
    }
}

impl Drop for DatabaseLock {
    fn drop(&mut self) {
        // A stale process id misleads nobody: it is shown only while the lock is held.
        let _ = self.name_holder("");
    }
}

/// Returns the error if another process has the database at `database` open. Creates and changes nothing.
pub(super) fn lock_holder(database: &Path) -> Option<OpenError> {
    let locked = |error: &OpenError| matches!(error, OpenError::Locked { .. });
    match lock_directory(database) {
        Err(error) => Some(error).filter(locked),
        // A lock taken here is released at once.
        Ok(_directory) => {
            let path = lock_file(database);
            let file = File::open(&path).ok()?;
            FileLock::try_new(file).err().map(|error| refused(&path, error)).filter(locked)
        }
    }
}

fn lock_file(database: &Path) -> PathBuf {
    beside(database, ".lock")
}

fn lock_directory(database: &Path) -> Result<FileLock, OpenError> {
    let directory = directory_of(database);
    let opened = File::open(directory);
    let opened = opened.map_err(|source| OpenError::NotWritable { path: directory.to_owned(), source })?;
    FileLock::try_new(opened).map_err(|error| refused(&lock_file(database), error))
}

/// The directory of a database.
pub(super) fn directory_of(database: &Path) -> &Path {
    match database.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn refused(lock: &Path, error: TryLockError) -> OpenError {
    match error {
        TryLockError::WouldBlock => {
            let holder = fs::read_to_string(lock).unwrap_or_default();
            OpenError::Locked { lock: lock.to_owned(), process: holder.trim().parse().ok() }
        }
        TryLockError::Error(source) => OpenError::NotWritable { path: lock.to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_lock_file_lets_nobody_in() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("gatepass.db");
        let held = DatabaseLock::take(&database).unwrap();
        assert!(matches!(lock_holder(&database), Some(OpenError::Locked { process: Some(_), .. })));
        fs::remove_file(lock_file(&database)).unwrap();
        assert!(matches!(lock_holder(&database), Some(OpenError::Locked { process: None, .. })));
        assert!(matches!(DatabaseLock::take(&database), Err(OpenError::Locked { .. })));
        drop(held);
        assert!(DatabaseLock::take(&database).is_ok());
    }

    #[test]
    fn a_server_of_an_earlier_version_is_respected() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("gatepass.db");
        let earlier = FileLock::try_new(private().open(lock_file(&database)).unwrap()).unwrap();
        assert!(matches!(lock_holder(&database), Some(OpenError::Locked { .. })));
        assert!(matches!(DatabaseLock::take(&database), Err(OpenError::Locked { .. })));
        drop(earlier);
        assert!(lock_holder(&database).is_none());
    }

    #[test]
    fn a_linked_lock_file_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let (database, other) = (dir.path().join("gatepass.db"), dir.path().join("other"));
        fs::write(&other, "of somebody else").unwrap();
        std::os::unix::fs::symlink(&other, lock_file(&database)).unwrap();
        assert!(matches!(DatabaseLock::take(&database), Err(OpenError::NotWritable { .. })));
        assert_eq!(fs::read(&other).unwrap(), b"of somebody else");
    }

    #[test]
    fn a_released_lock_names_no_process() {
        let dir = tempfile::tempdir().unwrap();
        let database = dir.path().join("gatepass.db");
        let held = DatabaseLock::take(&database).unwrap();
        let error = DatabaseLock::take(&database).unwrap_err();
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        drop(held);
        assert_eq!(fs::read(lock_file(&database)).unwrap(), b"");
    }
}
