//! Writing a backup: copied, verified, signed, sealed, and only then under its name.

use std::fs;
use std::path::{Path, PathBuf};

use super::BackupRefusal;
use crate::backup::{self, BackupKey, Part, Sealing};
use crate::id::{hex, random};
use crate::ledger::ChainHead;
use crate::service::ServiceError;
use crate::service::vault::put_in_place;
use crate::store::{CopyProgress, Snapshot};

/// A stage of writing a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Copies the database, counted in bytes.
    Copy,
    /// Verifies the copy, counted in entries of the ledger.
    Verify,
    /// Seals copy and keys, counted in bytes.
    Seal,
}

/// A backup whose moment is chosen: everything that a rotation could change has been read.
pub struct BackupJob {
    /// The database.
    pub snapshot: Box<dyn Snapshot>,
    /// The key that proves the origin of the copy.
    pub key: BackupKey,
    /// The seal, and the files besides the database. `None` for a database alone.
    pub sealed: Option<(Sealing, Vec<Part>)>,
}

/// The facts of a backup in its file.
pub struct WrittenBackup {
    /// The head of its ledger.
    pub head: ChainHead,
    /// Size of the file.
    pub bytes: u64,
}

impl BackupJob {
    /// Writes the file `to` (mode 0600), completely or not at all. An existing one is replaced only with `replace`.
    ///
    /// # Errors
    /// The file exists, the store cannot be read, a file cannot be written, or the copy is not sound.
    pub fn write(
        self,
        to: &Path,
        replace: bool,
        progress: &mut dyn FnMut(Stage, u64, u64),
    ) -> Result<WrittenBackup, ServiceError> {
        refuse_existing(to, replace)?;
        let copy = Unfinished::beside(to);
        let head = self.snapshot.copy_to(&copy.0, &mut |at| match at {
            CopyProgress::Copied(done, all) => progress(Stage::Copy, done, all),
            CopyProgress::Verified(done, all) => progress(Stage::Verify, done, all),
        });
        let head = head.map_err(BackupRefusal::from)?;
        let size = backup::sign(&copy.0, &self.key)?;
        let Some((sealing, parts)) = self.sealed else {
            name(copy, to, replace)?;
            return Ok(WrittenBackup { head, bytes: size });
        };
        let sealed = Unfinished::beside(to);
        let bytes = backup::seal(&sealed.0, &sealing, (&copy.0, &parts), &mut |done| {
            progress(Stage::Seal, done, size)
        })?;
        name(sealed, to, replace)?;
        Ok(WrittenBackup { head, bytes })
    }
}

/// Gives a finished file its name.
fn name(finished: Unfinished, to: &Path, replace: bool) -> Result<(), ServiceError> {
    refuse_existing(to, replace)?;
    Ok(put_in_place(&finished.0, to)?)
}

fn refuse_existing(to: &Path, replace: bool) -> Result<(), BackupRefusal> {
    match to.symlink_metadata() {
        // A link would lead the backup, or the next reader, to another place.
        Ok(found) if !replace || !found.is_file() => {
            Err(BackupRefusal::Exists { path: to.display().to_string() })
        }
        _ => Ok(()),
    }
}

/// A file that is being written beside its place. It is removed unless it gets its name.
struct Unfinished(PathBuf);

impl Unfinished {
    fn beside(to: &Path) -> Self {
        let mut path = to.as_os_str().to_owned();
        path.push(format!(".{}", hex(&random::<8>())));
        Self(path.into())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // SQLite keeps a journal beside a copy that was cut off.
        let mut journal = self.0.as_os_str().to_owned();
        journal.push("-journal");
        let _ = fs::remove_file(&self.0);
        let _ = fs::remove_file(journal);
    }
}
