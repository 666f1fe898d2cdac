//! Moving a restored database and its keys to where the server looks for them. All else is done beside them first.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::clock::Timestamp;
use crate::config::DATABASE;
use crate::server::StartError;
use crate::server::local::LOCAL_FILE;
use crate::service::ledger_mark::LEDGER_MARK;
use crate::store::sqlite::SqliteStore;

/// The directory in which a restore works, in the data directory.
const STAGE: &str = ".restoring";
/// The names of directories with the files of an earlier restore begin so.
const REPLACED: &str = "replaced-";

/// Checks that a database is whole and its ledger is as it was written. No server may run on it.
pub(super) fn check(database: &Path) -> Result<(), StartError> {
    let faults = SqliteStore::check_integrity(database).map_err(StartError::of)?;
    if !faults.is_empty() {
        return Err(StartError::of(format!("{} is damaged: {}", database.display(), faults.join("; "))));
    }
    let ledger = SqliteStore::open_read_only(database).map_err(StartError::of)?;
    let verified = ledger.verify(|_, _| ());
    verified.map(drop).map_err(|error| StartError::of(format!("{}: {error}", database.display())))
}

/// Copies the files of a keys directory, without those that belong to a running server. Returns the copy.
pub(super) fn copy_keys(from: &Path, to: &Path) -> Result<PathBuf, StartError> {
    DirBuilder::new().mode(0o700).create(to).map_err(|error| failed(to, &error))?;
    let entries = fs::read_dir(from).map_err(|error| failed(from, &error))?;
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
        let name = path.file_name().unwrap_or_default();
        if name != LOCAL_FILE && name != LEDGER_MARK {
            fs::copy(&path, to.join(name)).map_err(|error| failed(&path, &error))?;
        }
    }
    Ok(to.to_owned())
}

/// The directories of a server.
pub(super) struct Places<'a> {
    pub(super) data_dir: &'a Path,
    pub(super) keys_dir: &'a Path,
}

impl Places<'_> {
    /// Refuses a data directory with files, unless they are to be replaced. Keys that are to stay do not count.
    pub(super) fn refuse_files(&self, replace: bool) -> Result<(), StartError> {
        let found = self.found()?;
        match found.first() {
            Some(path) if !replace => Err(StartError::of(format!(
                "{} is there: choose an empty --data-dir, or give --replace to move its files aside",
                path.display()
            ))),
            _ => Ok(()),
        }
    }

    /// The files that a restore replaces.
    fn found(&self) -> Result<Vec<PathBuf>, StartError> {
        let entries = match fs::read_dir(self.data_dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| failed(self.data_dir, &error))?,
        };
        let paths = entries.flatten().map(|entry| entry.path()).filter(|path| path != self.keys_dir);
        let mut paths = paths.filter(|path| is_replaced(path)).collect::<Vec<_>>();
        paths.sort_unstable();
        Ok(paths)
    }

    /// Makes the directory in which the restore works, without the files of an interrupted one.
    pub(super) fn stage(&self) -> Result<PathBuf, StartError> {
        let stage = self.data_dir.join(STAGE);
        let left = fs::remove_dir_all(&stage);
        left.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
            .and_then(|()| DirBuilder::new().recursive(true).mode(0o700).create(&stage))
            .map_err(|error| failed(&stage, &error))?;
        Ok(stage)
    }

    /// Moves the former files aside, and the restored ones in: the database last, because a start needs it. Returns the directory of the
    /// former files, if there were any.
    pub(super) fn settle(
        &self,
        stage: &Path,
        new_keys: Option<&Path>,
        now: Timestamp,
    ) -> Result<Option<PathBuf>, StartError> {
        let suffix = now.whole_second().to_rfc3339().replace([':', '-'], "");
        let aside = self.data_dir.join(format!("{REPLACED}{suffix}"));
        let former = self.found()?;
        let former_keys = new_keys.is_some() && self.keys_dir.exists();
        if !former.is_empty() || former_keys {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&aside);
            made.map_err(|error| failed(&aside, &error))?;
        }
        for path in &former {
            move_to(path, &aside.join(path.file_name().unwrap_or_default()))?;
        }
        if let Some(new_keys) = new_keys {
            if former_keys {
                let is_inside = self.keys_dir.parent() == Some(self.data_dir);
                let beside = self.keys_dir.with_extension(format!("{REPLACED}{suffix}"));
                move_to(self.keys_dir, &if is_inside { aside.join("keys") } else { beside })?;
            }
            move_to(new_keys, self.keys_dir)?;
        }
        let restored = fs::read_dir(stage).map_err(|error| failed(stage, &error))?;
        let mut restored = restored.flatten().map(|entry| entry.path()).collect::<Vec<_>>();
        restored.retain(|path| path.is_file() && !path.to_string_lossy().ends_with(".lock"));
        restored.sort_by_key(|path| path.file_name().is_some_and(|name| name == DATABASE));
        for path in &restored {
            move_to(path, &self.data_dir.join(path.file_name().unwrap_or_default()))?;
        }
        fs::remove_dir_all(stage).map_err(|error| failed(stage, &error))?;
        Ok((!former.is_empty() || former_keys).then_some(aside))
    }
}

/// Returns false for files that stay: those of the restore itself, of earlier ones, and the lock.
fn is_replaced(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name != STAGE && !name.starts_with(REPLACED) && !name.ends_with(".lock")
}

/// Moves a file or directory, also in the face of a power cut.
fn move_to(from: &Path, to: &Path) -> Result<(), StartError> {
    let moved = fs::rename(from, to).and_then(|()| {
        let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    });
    moved.map_err(|error| {
        let (from, to) = (from.display(), to.display());
        StartError::of(format!("{from} cannot be moved to {to}: {error}"))
    })
}

fn failed(path: &Path, error: &io::Error) -> StartError {
    StartError::of(format!("{}: {error}", path.display()))
}
