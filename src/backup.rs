//! Backup files: a database with a trailer that proves its origin, or an age file that also holds keys, configuration and CRLs.

mod archive;
mod error;
mod key;
mod sealing;
mod trailer;

#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

pub use self::archive::{CONFIG, CRLS, DATABASE, KEYS, Part, read_part, seal};
pub use self::error::BackupError;
pub use self::key::{BackupKey, KEY_FILE};
pub use self::sealing::{Recipient, Sealing};
use crate::secret::Secret;

/// The first bytes of an SQLite database.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Bytes that are copied at a time.
const CHUNK: usize = 1 << 20;

/// The form of a backup file, which decides what opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A database without keys. The key `backup.key` of its keys directory proves its origin.
    Database,
    /// An age file sealed by a passphrase.
    Passphrase,
    /// An age file sealed for a public key.
    Recipient,
}

/// The secret that opens a backup.
pub enum Unlock<'a> {
    /// The key of a keys directory, for [`Form::Database`].
    Key(&'a BackupKey),
    /// The passphrase, for [`Form::Passphrase`].
    Passphrase(&'a Secret<String>),
    /// The text of an identity file of age (`AGE-SECRET-KEY-1…`), for [`Form::Recipient`].
    Identity(&'a Secret<String>),
}

/// The files of an opened backup, in a directory of the caller. All have mode 0600.
#[derive(Debug, PartialEq, Eq)]
pub struct Opened {
    /// The database, without its trailer.
    pub database: PathBuf,
    /// The keys directory (mode 0700), unless the backup is a database alone.
    pub keys: Option<PathBuf>,
    /// The configuration file, if the backup has one.
    pub config: Option<PathBuf>,
    /// The CRLs of the authority, DER.
    pub crls: Vec<PathBuf>,
}

/// Returns the form of the file.
///
/// # Errors
/// The file cannot be read, or is no backup.
pub fn form(file: &Path) -> Result<Form, BackupError> {
    let mut start = Vec::new();
    open_file(file)?.take(64).read_to_end(&mut start).map_err(|error| BackupError::of(file, &error))?;
    match start.starts_with(SQLITE) {
        true => Ok(Form::Database),
        false => sealing::form(open_file(file)?).ok_or_else(|| BackupError::NotABackup { path: shown(file) }),
    }
}

/// Opens a backup into the directory `into`, which must be empty. The database is not looked into.
///
/// # Errors
/// The file was changed, was not made by `gatepass backup`, or needs another secret. `into` may hold a part of it then.
pub fn open(file: &Path, secret: &Unlock<'_>, into: &Path) -> Result<Opened, BackupError> {
    let path = || shown(file);
    match (form(file)?, secret) {
        (Form::Database, Unlock::Key(key)) => {
            trailer::check(file, key)?;
            let database = into.join(DATABASE);
            copy(&mut open_file(file)?, file, &mut create(&database)?, &database)?;
            trailer::cut(&database)?;
            Ok(Opened { database, keys: None, config: None, crls: Vec::new() })
        }
        (Form::Passphrase, Unlock::Passphrase(_)) | (Form::Recipient, Unlock::Identity(_)) => {
            let plain = sealing::unseal(open_file(file)?, secret).map_err(|error| error.at(file))?;
            let opened = archive::unpack(plain, file, into)?;
            let key = opened.keys.as_ref().map(|keys| keys.join(KEY_FILE));
            let key = key.ok_or_else(|| BackupError::Changed { path: path() })?;
            trailer::check(&opened.database, &BackupKey::load(&key)?).map_err(|error| match error {
                BackupError::Changed { .. } => BackupError::Changed { path: path() },
                other => other,
            })?;
            trailer::cut(&opened.database)?;
            Ok(opened)
        }
        (Form::Database, _) => Err(BackupError::NeedsKeys { path: path() }),
        (Form::Passphrase, _) => Err(BackupError::NeedsPassphrase { path: path() }),
        (Form::Recipient, _) => Err(BackupError::NeedsIdentity { path: path() }),
    }
}

/// Ends a copied database with the trailer that proves its origin. Returns the size of the file.
///
/// # Errors
/// The file cannot be read or written.
pub fn sign(database: &Path, key: &BackupKey) -> Result<u64, BackupError> {
    trailer::append(database, key)
}

/// Creates a new file of mode 0600.
fn create(path: &Path) -> Result<File, BackupError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    options.open(path).map_err(|error| BackupError::of(path, &error))
}

fn create_directory(path: &Path) -> Result<(), BackupError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| BackupError::of(path, &error))
}

fn open_file(path: &Path) -> Result<File, BackupError> {
    File::open(path).map_err(|error| BackupError::of(path, &error))
}

/// Copies all bytes of `from` to `to`.
fn copy(from: &mut impl Read, source: &Path, to: &mut impl Write, target: &Path) -> Result<(), BackupError> {
    each_chunk(from, source, |chunk| to.write_all(chunk).map_err(|error| BackupError::of(target, &error)))
}

/// Reads to the end in bounded memory.
fn each_chunk(
    from: &mut impl Read,
    source: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk).map_err(|error| BackupError::of(source, &error))? {
            0 => return Ok(()),
            read => each(&chunk[..read])?,
        }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
