//! Backups of a running server: rotations are held while the moment of a backup is chosen, and the ledger gets its entry.

mod directory;
mod hold;
mod job;
mod parts;
mod refusal;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::Mutex;

pub use self::directory::BackupTerms;
use self::hold::{Guards, Holds};
pub use self::hold::{HELD, HoldId};
pub use self::job::{BackupJob, Stage, WrittenBackup};
pub use self::parts::{backup_key, read_parts};
pub use self::refusal::BackupRefusal;
use super::base::Base;
use super::trust::LiveTrust;
use super::vault::Vault;
use super::{Caller, ServiceError, Settings};
use crate::backup::Sealing;
use crate::clock::Timestamp;
use crate::id::hex;
use crate::ledger::{Action, ChainHead, Draft};
use crate::store::{BackupTimes, RecordBackup, Store, StoreError};

/// Age of the newest backup from which readiness warns.
pub const DUE: Duration = Duration::from_secs(7 * 86_400);

/// A finished backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeBackup {
    /// The head of its ledger.
    pub head: (u64, [u8; 32]),
    /// Size of the file.
    pub bytes: u64,
    /// True if the file holds the keys.
    pub with_keys: bool,
}

impl MadeBackup {
    /// The backup that a job wrote.
    pub const fn of(written: &WrittenBackup, with_keys: bool) -> Self {
        let ChainHead { seq, hash, .. } = written.head;
        Self { head: (seq, hash), bytes: written.bytes, with_keys }
    }

    /// Records it by `caller` at `at`.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn record(&self, store: &dyn Store, caller: &Caller, at: Timestamp) -> Result<(), StoreError> {
        store.record_backup(RecordBackup { entry: self.entry(caller, at) }).await
    }

    /// The ledger entry of the backup.
    pub fn entry(&self, caller: &Caller, at: Timestamp) -> Draft {
        let (seq, hash) = self.head;
        let entry = caller.did(Action::BackupMade, at).with("seq", seq).with("hash", hex(&hash));
        entry.with("bytes", self.bytes).with("with_keys", self.with_keys)
    }
}

/// The use cases of backups.
pub struct Backups {
    base: Base,
    trust: Arc<LiveTrust>,
    /// The turn of one change of the CA.
    ca_turn: Arc<Mutex<()>>,
    /// The keys directory.
    vault: Vault,
    data_dir: PathBuf,
    /// The configuration file of the server.
    config_file: Option<PathBuf>,
    terms: BackupTerms,
    /// One backup of [`Backups::make`] at a time.
    running: Mutex<()>,
    holds: Holds,
    /// The newest backup, as the store has it.
    times: RwLock<BackupTimes>,
}

impl Backups {
    pub(super) fn new(
        base: Base,
        (trust, ca_turn): (Arc<LiveTrust>, Arc<Mutex<()>>),
        (vault, data_dir): (Vault, PathBuf),
        settings: &Settings,
        times: BackupTimes,
    ) -> Self {
        let (config_file, terms) = (settings.config_file.clone(), settings.backup.clone());
        let (holds, running, times) = (Holds::default(), Mutex::default(), RwLock::new(times));
        Self { base, trust, ca_turn, vault, data_dir, config_file, terms, running, holds, times }
    }

    /// Waits for a running rotation of keys or CA, then holds new ones until [`Backups::record`] or for [`HELD`]. In the
    /// meantime a process on this machine reads the key files and begins to read the database.
    pub async fn hold(&self) -> HoldId {
        self.holds.begin(self.guards().await)
    }

    /// The configuration file of the server, if it has one.
    pub const fn config_file(&self) -> Option<&PathBuf> {
        self.config_file.as_ref()
    }

    /// Records a backup that a process on this machine made, and ends its hold. Returns its moment.
    ///
    /// # Errors
    /// The store cannot be written.
    pub async fn record(
        &self,
        caller: &Caller,
        hold: Option<HoldId>,
        made: &MadeBackup,
    ) -> Result<Timestamp, ServiceError> {
        if let Some(hold) = hold {
            self.holds.end(hold);
        }
        let at = self.base.time.now();
        made.record(self.base.store.as_ref(), caller, at).await?;
        self.times.write().backed_up_at = Some(at);
        Ok(at)
    }

    /// Makes a backup in the configured directory, under a name of its time. It holds the keys if a public key is configured.
    ///
    /// # Errors
    /// No directory is configured, another backup runs, a file cannot be read or written, or the copy is not sound.
    pub async fn make(&self, caller: &Caller) -> Result<(PathBuf, MadeBackup, Timestamp), ServiceError> {
        let directory = self.terms.directory.clone().ok_or(BackupRefusal::NotConfigured)?;
        let _one = self.running.try_lock().map_err(|_| BackupRefusal::Running)?;
        let (job, with_keys) = (self.begin().await?, self.terms.recipient.is_some());
        directory::make(&directory)?;
        let file = directory::free_name(&directory, self.base.time.wall(), with_keys);
        let to = file.clone();
        let written = tokio::task::spawn_blocking(move || job.write(&to, false, &mut |_, _, _| {}));
        let written = written.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))?;
        let made = MadeBackup::of(&written, with_keys);
        let at = self.record(caller, None, &made).await?;
        match directory::prune(&directory, self.terms.keep) {
            Ok(deleted) => tracing::info!(file = %file.display(), deleted, "made a backup"),
            // The backup is good.
            Err(error) => tracing::warn!(%error, "older backups could not be deleted"),
        }
        Ok((file, made, at))
    }

    /// Chooses the moment of a backup, while no rotation runs.
    async fn begin(&self) -> Result<BackupJob, ServiceError> {
        let _held = self.guards().await;
        let snapshot = self.base.store.snapshot().await?;
        let key = backup_key(&self.vault)?;
        let sealed = self.terms.recipient.clone().map(|recipient| {
            let parts = read_parts(&self.vault, &self.data_dir, self.config_file.as_deref());
            parts.map(|parts| (Sealing::Recipient(recipient), parts))
        });
        Ok(BackupJob { snapshot, key, sealed: sealed.transpose()? })
    }

    /// The configured directory, and the public key of its backups.
    pub const fn terms(&self) -> &BackupTerms {
        &self.terms
    }

    /// Returns a warning if the newest backup is older than [`DUE`], or none was made for so long.
    pub fn warning(&self, now: Timestamp) -> Option<String> {
        let BackupTimes { founded_at, backed_up_at } = self.times();
        let since = backed_up_at.or(founded_at)?;
        (now.since(since) > DUE).then(|| match backed_up_at {
            Some(at) => format!("the newest backup was made at {at}: run `gatepass backup`"),
            None => format!("no backup was made since {since}: run `gatepass backup`"),
        })
    }

    /// The founding of the authority, and its newest backup.
    pub fn times(&self) -> BackupTimes {
        *self.times.read()
    }

    async fn guards(&self) -> Guards {
        let ca = Arc::clone(&self.ca_turn).lock_owned().await;
        Guards { _ca: ca, _keys: self.trust.change_owned().await }
    }
}
