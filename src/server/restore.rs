//! Restoring a backup, or a database that is older than its keys. No server runs.

mod crls;
mod place;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::place::Places;
use super::offline::{existing, keys_of, open};
use super::{StartError, preflight};
use crate::backup::{self, BackupKey, Form, KEY_FILE, KEYS, Opened, Unlock};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::config::DATABASE;
use crate::ledger::ChainHead;
use crate::secret::Secret;
use crate::service::TimeKeeper;
use crate::service::keys::fleet::load_fleet_keys;
use crate::service::keys::seal::load_seal;
use crate::service::ledger_mark::LedgerMark;
use crate::service::restore::begin_again;
use crate::service::vault::Vault;
use crate::store::sqlite::{Fuse, SqliteStore};
use crate::store::{HostReads as _, LedgerReads as _, Restored, Store};

/// The facts of a finished restore.
#[derive(Debug)]
pub struct Report {
    /// The changes.
    pub restored: Restored,
    /// The time of the restored ledger's last entry.
    pub newest_entry: Option<Timestamp>,
    /// Number of hosts that go on.
    pub live_hosts: u64,
    /// The directory with the files that were there before.
    pub moved_to: Option<PathBuf>,
    /// The configuration in the backup.
    pub config: Option<PathBuf>,
    /// True if a CRL listed a certificate.
    pub had_crls: bool,
}

/// The way into an encrypted backup.
pub enum Seal {
    /// Words that seal the file.
    Passphrase(Secret<String>),
    /// The text of an identity file of age.
    Identity(Secret<String>),
}

/// The order of a restore.
pub struct Order<'a> {
    /// The data directory.
    pub data_dir: &'a Path,
    /// The keys directory; `None` for the one that the data directory names.
    pub keys_dir: Option<&'a Path>,
    /// Files of CRLs that are newer than the backup.
    pub crls: &'a [PathBuf],
    /// True to move files aside that are in the data directory.
    pub replace: bool,
}

impl Order<'_> {
    fn keys_dir(&self) -> PathBuf {
        self.keys_dir.map_or_else(|| keys_of(self.data_dir), Path::to_owned)
    }

    /// Does to the database in the data directory what a restore does to a file.
    ///
    /// # Errors
    /// A server runs there, the database is damaged, the keys are those of another authority, or a file cannot be read or written.
    pub async fn in_place(&self) -> Result<Report, StartError> {
        let (database, keys_dir) = (existing(self.data_dir)?, self.keys_dir());
        SqliteStore::look(&database, Fuse::Allowed).map_err(StartError::of)?;
        place::check(&database)?;
        let homes = [self.data_dir.to_owned()];
        let (report, mark) = begin(&database, &keys_dir, (self.data_dir, self.crls, &homes)).await?;
        mark.write(&Vault::at(&keys_dir)).map_err(StartError::of)?;
        Ok(report)
    }

    /// Restores a backup. All is done in a directory beside. The files are moved at the end.
    ///
    /// # Errors
    /// A server runs on the data directory, or files are there that are not to be replaced. The backup was changed, is damaged, or is
    /// without its keys. Or a file cannot be read or written.
    pub async fn from_backup(&self, file: &Path, seal: Option<Seal>) -> Result<Report, StartError> {
        let keys_dir = self.keys_dir();
        let places = Places { data_dir: self.data_dir, keys_dir: &keys_dir };
        places.refuse_files(self.replace)?;
        preflight::make_directory(self.data_dir)?;
        let _lock = SqliteStore::lock(&self.data_dir.join(DATABASE)).map_err(StartError::of)?;
        let stage = places.stage()?;
        let opened = unpack((file, seal), &keys_dir, &stage)?;
        let Opened { database, keys, config, crls } = opened;
        migrate(&database)?;
        place::check(&database)?;
        let homes = crls.into_iter().chain([self.data_dir.to_owned()]).collect::<Vec<_>>();
        let from = keys.as_deref().unwrap_or(&keys_dir);
        let (report, mark) = begin(&database, from, (&stage, self.crls, &homes)).await?;
        let moved_to = places.settle(&stage, keys.as_deref(), SystemClock.read().wall)?;
        mark.write(&Vault::at(&keys_dir)).map_err(StartError::of)?;
        let config = config.and_then(|path| Some(self.data_dir.join(path.file_name()?)));
        Ok(Report { moved_to, config, ..report })
    }
}

/// Unpacks a backup into the directory `stage`. The keys of a database alone are in the keys directory, or in `keys` beside the file.
fn unpack((file, seal): (&Path, Option<Seal>), keys_dir: &Path, stage: &Path) -> Result<Opened, StartError> {
    let open = |unlock: &Unlock<'_>| backup::open(file, unlock, stage).map_err(StartError::of);
    match (backup::form(file).map_err(StartError::of)?, &seal) {
        (Form::Database, _) => {
            let beside = file.parent().unwrap_or(Path::new("")).join(KEYS);
            let stays = keys_dir.join(KEY_FILE).is_file();
            let from = if stays { keys_dir } else { &beside };
            if !from.join(KEY_FILE).is_file() {
                return Err(StartError::of(backup::BackupError::NeedsKeys {
                    path: file.display().to_string(),
                }));
            }
            let problems = preflight::foreign_keys(from);
            if !problems.is_empty() {
                return Err(StartError::all(problems));
            }
            let key = BackupKey::load(&from.join(KEY_FILE)).map_err(StartError::of)?;
            let opened = open(&Unlock::Key(&key))?;
            let keys = if stays { None } else { Some(place::copy_keys(from, &stage.join(KEYS))?) };
            Ok(Opened { keys, ..opened })
        }
        (_, Some(Seal::Passphrase(phrase))) => open(&Unlock::Passphrase(phrase)),
        (_, Some(Seal::Identity(identity))) => open(&Unlock::Identity(identity)),
        (Form::Passphrase, None) => open(&Unlock::Passphrase(&Secret::new(String::new()))),
        (Form::Recipient, None) => open(&Unlock::Identity(&Secret::new(String::new()))),
    }
}

/// Gives the database of an earlier version the schema of this one. That leaves a copy, which nobody needs.
fn migrate(database: &Path) -> Result<(), StartError> {
    open(database, SystemClock.read().wall).map_err(StartError::of)?.close();
    let directory = database.parent().unwrap_or(Path::new("."));
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(".bak") {
            fs::remove_file(entry.path()).map_err(StartError::of)?;
        }
    }
    Ok(())
}

/// Begins again with a database. `data_dir` gets the marker of the emergency token. `given` are CRLs of the operator, and `kept` are
/// those of the server, or directories with them. Returns the mark of the ledger too, which is to be written once all is in place.
async fn begin(
    database: &Path,
    keys_dir: &Path,
    (data_dir, given, kept): (&Path, &[PathBuf], &[PathBuf]),
) -> Result<(Report, LedgerMark), StartError> {
    let vault = Vault::at(keys_dir);
    let store = open(database, SystemClock.read().wall).map_err(StartError::of)?;
    let now = TimeKeeper::new(Arc::new(SystemClock), store.mark()).now();
    preflight::check_owner(&vault, store.as_ref(), false).await?;
    check_keys(store.as_ref(), &vault).await?;
    let listed = crls::read(given, kept, &vault, now)?;
    let had_crls = !listed.certificates.is_empty();
    let newest_entry = newest_entry(store.as_ref()).await?;
    let restored =
        begin_again(store.as_ref(), &vault, data_dir, listed, now).await.map_err(StartError::of)?;
    let live_hosts = store.enrolled(now).await.map_err(StartError::of)?;
    let head: ChainHead = store.chain_head().await.map_err(StartError::of)?;
    store.close();
    let report = Report { restored, newest_entry, live_hosts, moved_to: None, config: None, had_crls };
    Ok((report, LedgerMark::of(head, now)))
}

/// Checks that the keys which a restore does not replace are in the vault: those of API keys of tokens, and of outputs' secrets.
async fn check_keys(store: &dyn Store, vault: &Vault) -> Result<(), StartError> {
    let (fleet, seals) = (store.fleet_keys().await, store.seal_keys().await);
    let (fleet, seals) = (fleet.map_err(StartError::of)?, seals.map_err(StartError::of)?);
    load_fleet_keys(vault, &fleet).map_err(StartError::of)?;
    load_seal(vault, seals.iter().map(|key| key.id)).map_err(StartError::of)?;
    Ok(())
}

async fn newest_entry(store: &dyn Store) -> Result<Option<Timestamp>, StartError> {
    let head = store.chain_head().await.map_err(StartError::of)?;
    let newest = store.entries_after(head.chain, head.seq.saturating_sub(1), 1).await;
    Ok(newest.map_err(StartError::of)?.first().map(|entry| entry.origin.at))
}
