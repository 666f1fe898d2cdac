//! The part of a backup that a process on the server's machine does: it reads database and keys itself.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StartError;
use super::local::keys_elsewhere;
use super::offline;
use super::preflight::{exposed, foreign_keys};
use crate::backup::Sealing;
use crate::clock::{Clock as _, SystemClock};
use crate::config::FILE_NAME;
use crate::service::backups::{backup_key, read_parts};
use crate::service::vault::Vault;
use crate::service::{Caller, ServiceError};
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::store::{RecordBackup, Snapshot, Store as _, Verbs as _};

pub use crate::service::backups::{BackupJob, HELD, MadeBackup, Stage, WrittenBackup};

/// The directories of a server on this machine, running or stopped.
pub struct ServerFiles {
    /// The data directory.
    pub data_dir: PathBuf,
    /// The keys directory.
    pub keys_dir: PathBuf,
    database: PathBuf,
}

impl ServerFiles {
    /// Finds the directories and checks that nobody else can have written them. Opens and changes nothing.
    ///
    /// # Errors
    /// There is no database or no keys directory, or somebody else may have put files there.
    pub fn find(data_dir: &Path, keys_dir: Option<&Path>) -> Result<Self, StartError> {
        let database = offline::existing(data_dir)?;
        let keys_dir = keys_dir.map(Path::to_owned).or_else(|| keys_elsewhere(data_dir));
        let keys_dir = keys_dir.unwrap_or_else(|| data_dir.join("keys"));
        if !keys_dir.is_dir() {
            return Err(StartError::of(format!(
                "{} is not there: name the server's keys directory with --keys-dir",
                keys_dir.display()
            )));
        }
        let mut problems = foreign_keys(&keys_dir);
        if problems.is_empty() {
            problems.extend(exposed(&keys_dir));
        }
        match problems.is_empty() {
            true => Ok(Self { data_dir: data_dir.to_owned(), keys_dir, database }),
            false => Err(StartError::all(problems)),
        }
    }

    /// Returns true if a server has the database open.
    pub fn is_served(&self) -> bool {
        SqliteStore::holder(&self.database).is_some()
    }

    /// The configuration file in the data directory, if there is one.
    pub fn config_file(&self) -> Option<PathBuf> {
        Some(self.data_dir.join(FILE_NAME)).filter(|file| file.is_file())
    }

    /// Chooses the moment of a backup and reads the key files. The server holds rotations in the meantime. With a seal, the
    /// backup gets keys, CRLs and the file `config`.
    ///
    /// # Errors
    /// The database is of another version, or a file cannot be read.
    pub fn begin(&self, seal: Option<(Sealing, Option<&Path>)>) -> Result<BackupJob, StartError> {
        self.job(SqliteStore::snapshot_of(&self.database).map_err(other_version)?, seal)
    }

    /// Opens the database of a stopped server. No server can start until the value is dropped.
    ///
    /// # Errors
    /// A server runs, or the database is of another version.
    pub fn open(&self) -> Result<StoppedServer, StartError> {
        // Opening would migrate an older database.
        SqliteStore::snapshot_of(&self.database).map_err(other_version)?;
        let store = offline::open(&self.database, SystemClock.read().wall).map_err(StartError::of)?;
        Ok(StoppedServer { store })
    }

    fn job(
        &self,
        snapshot: Box<dyn Snapshot>,
        seal: Option<(Sealing, Option<&Path>)>,
    ) -> Result<BackupJob, StartError> {
        let vault = Vault::at(&self.keys_dir);
        let key = backup_key(&vault).map_err(StartError::of)?;
        let sealed = seal.map(|(sealing, config)| {
            read_parts(&vault, &self.data_dir, config).map(|parts| (sealing, parts))
        });
        Ok(BackupJob { snapshot, key, sealed: sealed.transpose().map_err(StartError::of)? })
    }
}

/// The database of a stopped server, locked.
pub struct StoppedServer {
    store: Arc<SqliteStore>,
}

impl StoppedServer {
    /// The same as [`ServerFiles::begin`].
    ///
    /// # Errors
    /// A file cannot be read.
    pub async fn begin(
        &self,
        files: &ServerFiles,
        seal: Option<(Sealing, Option<&Path>)>,
    ) -> Result<BackupJob, StartError> {
        files.job(self.store.snapshot().await.map_err(StartError::of)?, seal)
    }

    /// Writes the ledger entry of a finished backup.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn record(&self, made: &MadeBackup) -> Result<(), ServiceError> {
        let entry = made.entry(&Caller::SYSTEM, SystemClock.read().wall).with("offline", true);
        Ok(self.store.record_backup(RecordBackup { entry }).await?)
    }
}

/// Only the version that made a database knows its whole meaning.
fn other_version(error: OpenError) -> StartError {
    match error {
        OpenError::OlderSchema { found, newest } => StartError::of(format!(
            "the database has schema version {found}, older than {newest}: back it up with the version that made it, then \
             upgrade"
        )),
        other => StartError::of(other),
    }
}
