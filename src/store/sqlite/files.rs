//! The files of an open database. A deleted, moved or replaced file still accepts writes, and they are lost (I2).

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::open_error::beside;

/// The files beside a database that must stay in place while it is open: the write-ahead log, its index and the lock.
const BESIDE: [&str; 3] = ["-wal", "-shm", ".lock"];

/// Paths and identities of the files.
pub(super) struct DatabaseFiles {
    database: KnownFile,
    beside: [KnownFile; 3],
}

/// The finding that a file is not in its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// The database. It comes back if its directory was moved, and the open file may be its only copy.
    Database,
    /// A file beside the database, which cannot come back: another process may have opened its successor.
    Beside(PathBuf),
}

impl DatabaseFiles {
    /// The files of the database at `path`, which has just been opened.
    pub(super) fn of(path: &Path) -> Self {
        let beside = BESIDE.map(|ending| KnownFile::at(beside(path, ending)));
        Self { database: KnownFile::at(path.to_owned()), beside }
    }

    /// Returns the first absent file. The cost is four stat(2) per batch.
    pub(super) fn absence(&mut self) -> Option<Absence> {
        // The directory may have been moved: then every file is absent.
        if !self.database.is_in_place() {
            return Some(Absence::Database);
        }
        let absent = self.beside.iter_mut().find_map(|file| (!file.is_in_place()).then(|| file.path.clone()));
        absent.map(Absence::Beside)
    }
}

/// One file by path, device and inode. The last two differ between files of the same name.
struct KnownFile {
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl KnownFile {
    fn at(path: PathBuf) -> Self {
        Self { identity: identity(&path), path }
    }

    /// Returns whether the file is still there. SQLite may create a file later than the opening.
    fn is_in_place(&mut self) -> bool {
        let found = identity(&self.path);
        self.identity = self.identity.or(found);
        found == self.identity
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_appears_later_must_stay() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gatepass.db");
        fs::write(&path, "").unwrap();
        let mut files = DatabaseFiles::of(&path);
        assert_eq!(files.absence(), None);
        let log = beside(&path, "-wal");
        fs::write(&log, "").unwrap();
        assert_eq!(files.absence(), None);
        // Replaced, not deleted: the old inode stays in use until the new one exists.
        fs::write(beside(&path, "-new"), "").unwrap();
        fs::rename(beside(&path, "-new"), &log).unwrap();
        assert_eq!(files.absence(), Some(Absence::Beside(log)));
        fs::rename(&path, directory.path().join("away")).unwrap();
        assert_eq!(files.absence(), Some(Absence::Database));
    }
}
