//! Reasons why a backup is not written or opened.

use std::io;
use std::path::Path;

use super::shown;

/// The reason why a backup is not written or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The operating system refused.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// The operating system's message.
        cause: String,
    },
    /// The trailer or the seal does not fit the content.
    #[error(
        "{path} was changed, or was not made by `gatepass backup` of the authority with these keys: use another backup; nothing \
         was restored"
    )]
    Changed {
        /// The file.
        path: String,
    },
    /// The file has another format.
    #[error("{path} is neither a database nor an age file: give a file that `gatepass backup` made")]
    NotABackup {
        /// The file.
        path: String,
    },
    /// The backup is a database alone.
    #[error("{path} holds no keys: give the keys directory of that authority with --keys-dir")]
    NeedsKeys {
        /// The file.
        path: String,
    },
    /// A passphrase seals the backup.
    #[error("{path} is sealed by a passphrase: give it with --passphrase-file, or type it at a terminal")]
    NeedsPassphrase {
        /// The file.
        path: String,
    },
    /// A public key seals the backup.
    #[error("{path} is sealed for a public key: give the file of its identity (AGE-SECRET-KEY-1…)")]
    NeedsIdentity {
        /// The file.
        path: String,
    },
    /// The passphrase or identity is another one.
    #[error("{path} cannot be opened: this is not its passphrase or identity")]
    WrongSecret {
        /// The file.
        path: String,
    },
    /// The text names no identity of age.
    #[error("this is not an identity of age: the file needs a line that begins with AGE-SECRET-KEY-1")]
    BadIdentity,
    /// The text names no recipient of age.
    #[error("{text:?} is not a public key of age: it begins with age1, as `age-keygen` prints it")]
    BadRecipient {
        /// The rejected text.
        text: String,
    },
    /// The key of backups is damaged.
    #[error("{path} is not a key of backups: bring it back from a backup, or remove it to get a new one")]
    BadKey {
        /// The file.
        path: String,
    },
}

impl BackupError {
    pub(super) fn of(path: &Path, error: &io::Error) -> Self {
        Self::File { path: shown(path), cause: error.to_string() }
    }
}
