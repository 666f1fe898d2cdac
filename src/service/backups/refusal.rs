//! Reasons why a backup is not made.

use crate::backup::BackupError;
use crate::store::CopyError;

/// The reason why a backup is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupRefusal {
    /// The server has no directory for backups.
    #[error(
        "no directory for backups is configured: set backup.directory and restart, or run `gatepass backup` on the server's machine"
    )]
    NotConfigured,
    /// Another backup runs.
    #[error("another backup is being made: try again when it is finished")]
    Running,
    /// The file exists.
    #[error("{path} exists already: name another file, or give --force to replace it; nothing was done")]
    Exists {
        /// The file.
        path: String,
    },
    /// The database was not copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] BackupError),
}
