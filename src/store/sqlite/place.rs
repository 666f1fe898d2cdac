//! The identity of the database file. A deleted, moved or replaced file still accepts writes, and they are lost (I2).

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use rusqlite::Connection;

/// Path and identity of a connection's file when it was opened.
pub(super) struct FileIdentity {
    path: PathBuf,
    file: Option<(u64, u64)>,
}

impl FileIdentity {
    /// Returns path and identity of the file that `connection` has just opened.
    pub(super) fn of(connection: &Connection) -> Self {
        let path = PathBuf::from(connection.path().unwrap_or_default());
        Self { file: identity(&path), path }
    }

    /// Returns whether the file is still there. The cost is one stat(2) per batch.
    pub(super) fn holds(&self) -> bool {
        identity(&self.path) == self.file
    }
}

/// Device and inode: they differ between files of the same name.
fn identity(path: &std::path::Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}
