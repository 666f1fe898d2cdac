//! Reasons why a database is not opened, and the files that opening creates.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::fault;
use crate::store::StoreError;

/// The reason why a database was not opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file was written by a newer gatepass.
    #[error(
        "the database has schema version {found}, and this gatepass knows {newest} at most: run the newer gatepass that wrote it"
    )]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version known here.
        newest: i64,
    },
    /// The file was written by an older gatepass and is opened for reading only.
    #[error(
        "the database has schema version {found}, older than {newest}: start the server once, which migrates it"
    )]
    OlderSchema {
        /// The version found.
        found: i64,
        /// The version needed.
        newest: i64,
    },
    /// A migration failed. The database is as it was before that migration.
    #[error(
        "the database cannot be migrated from schema version {found} to {newest}: step {number} failed: {source}; \
         run the gatepass that wrote it, and report this error"
    )]
    NotMigrated {
        /// Schema version of the file.
        found: i64,
        /// Newest schema version of this program.
        newest: i64,
        /// Number of the migration that failed.
        number: i64,
        /// Error of SQLite.
        source: rusqlite::Error,
    },
    /// Another server has it open.
    #[error("{}", held(lock, *process))]
    Locked {
        /// The lock file.
        lock: PathBuf,
        /// The id of the process, if the lock file names it.
        process: Option<u32>,
    },
    /// The file is on a network file system, where locks and shared memory are unreliable.
    #[error("{} is on a network file system ({kind}), where SQLite loses data: use a local disk", path.display())]
    NetworkFileSystem {
        /// The directory.
        path: PathBuf,
        /// Name of the file system.
        kind: &'static str,
    },
    /// The file is on a file system of a user's program, which may be shared with other machines.
    #[error(
        "{} is on a file system in user space ({kind}): SQLite loses data if another mount or machine writes there too. Use a local \
         disk. If only this machine writes there, as with fuse-overlayfs in a rootless container, set server.allow_fuse = true",
        path.display()
    )]
    UserSpaceFileSystem {
        /// The directory.
        path: PathBuf,
        /// Name of the file system.
        kind: String,
    },
    /// The disk is full, and there is no reserve to give up.
    #[error(
        "the disk that holds {} is full, and a start takes some room: free 2 MiB or more, then start again", path.display()
    )]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// SQLite could not switch the database to a write-ahead log.
    #[error(
        "{} stays in journal mode {mode:?}, because its file system cannot share memory between processes: use a local disk",
        path.display()
    )]
    NoWriteAheadLog {
        /// The database.
        path: PathBuf,
        /// Journal mode that SQLite reported.
        mode: String,
    },
    /// The built-in SQLite is too old.
    #[error("SQLite {found} is too old: build gatepass with 3.51.3 or newer")]
    OldSqlite {
        /// Its version.
        found: &'static str,
    },
    /// The file is not an SQLite database.
    #[error("{} is not a database: move it away, or give another data directory", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is the database of another program.
    #[error("{} is the database of another program: give another data directory", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// The database does not exist.
    #[error("there is no database at {}: give the data directory of a server that has been started", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The file or its directory cannot be used.
    #[error("{} cannot be written: {source}; make it exist and belong to the user that runs gatepass", path.display())]
    NotWritable {
        /// The file.
        path: PathBuf,
        /// Error of the system.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] rusqlite::Error),
}

impl OpenError {
    /// Returns whether the disk was full.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Full { .. } => true,
            Self::NotMigrated { source, .. } | Self::Database(source) => {
                fault::of_read(source) == StoreError::Full
            }
            Self::NotWritable { source, .. } => {
                matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
            }
            _ => false,
        }
    }
}

/// The path of a file that belongs to the database at `path`: its name and `ending`.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The message about a lock that is held. A process of another user can hold the directory too, if it may read it.
fn held(lock: &Path, process: Option<u32>) -> String {
    let directory = lock.parent().unwrap_or(lock).display();
    match process {
        Some(id) => format!(
            "another gatepass server runs on this database (process {id} holds {}): stop it first",
            lock.display()
        ),
        None => format!(
            "another gatepass server, or another user's process, holds {directory}: stop it first; `fuser -v {directory}` names \
             it, and `chmod 700 {directory}` keeps other users out"
        ),
    }
}

/// Creates a file that only its owner can read, unless it exists. It will contain password hashes.
pub(super) fn create_private(path: &Path) -> Result<(), OpenError> {
    private().open(path).map(drop).map_err(|source| OpenError::NotWritable { path: path.to_owned(), source })
}

pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    // A link that somebody planted must not lead to another file of the machine.
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(no_link);
    options
}
