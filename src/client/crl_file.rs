//! A file of CRLs for other servers, replaced as a whole, and the command that makes them read it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use super::ClientError;
use super::directory::failed;
use crate::ca::der_to_pem;
use crate::clock::Timestamp;
use crate::file_lock::FileLock;
use crate::id::{hex, random};
use crate::verifier::hosts::CrlSet;

/// Mode of a new file. CRLs are public.
const MODE: u32 = 0o644;

/// A file of CRLs.
pub struct CrlFile {
    path: PathBuf,
    directory: PathBuf,
}

impl CrlFile {
    /// The file at `path`, which need not exist.
    ///
    /// # Errors
    /// If the path is not a plain file's.
    pub fn new(path: &Path) -> Result<Self, ClientError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new(".")).to_owned();
        if fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
            let source = io::Error::other("it is a link, a directory or a device");
            return Err(failed(path, "the CRLs cannot be written: give the path of a plain file")(source));
        }
        if !directory.exists() {
            let source = io::Error::other("it does not exist");
            return Err(failed(&directory, "the CRLs cannot be written there: create the directory")(source));
        }
        Ok(Self { path: path.to_owned(), directory })
    }

    /// Writes the CRLs of `set`, if they differ from those in the file. With `command`, a command is due after a change, and
    /// until it has succeeded.
    ///
    /// # Errors
    /// If `set` may not replace the content of the file, or the file cannot be written. The file is unchanged then.
    pub fn update(&self, set: &CrlSet, command: bool, now: Timestamp) -> Result<Update, ClientError> {
        let _lock = self.lock()?;
        let before = self.read()?;
        set.may_replace(&before, now).map_err(|why| ClientError::CrlFile { path: self.path.clone(), why })?;
        let text = text(set);
        let changed = before != text.as_bytes();
        if changed && command {
            // Before the change: a crash in between costs one run too many, not one too few.
            self.owe().map_err(failed(&self.marker(), "the file cannot be written"))?;
        }
        if changed {
            self.replace(text.as_bytes()).map_err(failed(&self.path, "the file cannot be replaced"))?;
        }
        Ok(Update { changed, due: command && fs::symlink_metadata(self.marker()).is_ok() })
    }

    fn owe(&self) -> io::Result<()> {
        match File::create_new(self.marker()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    fn lock(&self) -> Result<FileLock, ClientError> {
        File::open(&self.directory)
            .and_then(FileLock::wait)
            .map_err(failed(&self.directory, "the directory cannot be locked"))
    }

    /// Records that the command has succeeded with the CRLs of `set`. If another process has replaced them since, the
    /// command is due for the newer ones.
    ///
    /// # Errors
    /// If the record cannot be written. The command then runs again.
    pub fn settle(&self, set: &CrlSet) -> Result<(), ClientError> {
        let _lock = self.lock()?;
        if self.read()? != text(set).as_bytes() {
            return Ok(());
        }
        match fs::remove_file(self.marker()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(failed(&self.marker(), "the file cannot be removed")(error))
            }
            _ => Ok(()),
        }
    }

    /// The file that exists while the command is due. Its name begins with a dot, so that a server that reads a whole
    /// directory skips it.
    fn marker(&self) -> PathBuf {
        self.beside(".reload")
    }

    fn beside(&self, end: &str) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(end);
        self.directory.join(name)
    }

    fn read(&self) -> Result<Vec<u8>, ClientError> {
        match fs::read(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read.map_err(failed(&self.path, "the file cannot be read")),
        }
    }

    /// Replaces the file. Owner, group and mode stay.
    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let beside = self.beside(&format!(".{}", hex(&random::<8>())));
        let write = || {
            let mut file = File::options().write(true).create_new(true).mode(MODE).open(&beside)?;
            if let Ok(old) = fs::metadata(&self.path) {
                let new = file.metadata()?;
                if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
                    fchown(&file, Some(old.uid()), Some(old.gid()))?;
                }
                file.set_permissions(fs::Permissions::from_mode(old.mode() & 0o7777))?;
            }
            file.write_all(text)?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)?;
            File::open(&self.directory)?.sync_all()
        };
        let written = write();
        if written.is_err() {
            // After the rename it is not there.
            let _ = fs::remove_file(&beside);
        }
        written
    }
}

/// The result of an update.
pub struct Update {
    /// True if the file has other CRLs now.
    pub changed: bool,
    /// True if the command has to run.
    pub due: bool,
}

/// The CRLs of `set` and nothing else, PEM.
pub fn text(set: &CrlSet) -> String {
    set.der().map(|der| der_to_pem("X509 CRL", der)).collect()
}
