//! Files that are written through to the disk, and files that may be missing.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use super::{ClientError, failed};
use crate::secret::Secret;

/// Permissions that a key never has: its group may read it, and nobody else.
pub(super) const EXPOSED: u32 = 0o037;

/// The text of a key's file, unless its mode gives the key away. An error names the path `shown`.
pub(super) fn read_key(path: &Path, shown: &Path) -> Result<Option<Secret<String>>, ClientError> {
    let open = || -> io::Result<(u32, Secret<String>)> {
        let mut file = File::open(path)?;
        let mut text = String::new();
        let mode = file.metadata()?.permissions().mode() & 0o7777;
        file.read_to_string(&mut text)?;
        Ok((mode, Secret::new(text)))
    };
    match there(open()).map_err(failed(path, "the file cannot be read"))? {
        Some((mode, _)) if mode & EXPOSED != 0 => Err(ClientError::Exposed { path: shown.to_owned(), mode }),
        found => Ok(found.map(|(_, text)| text)),
    }
}

/// The text of a file, or `None` if there is no such file.
pub(super) fn read_text(path: &Path) -> Result<Option<Secret<String>>, ClientError> {
    let text = there(fs::read_to_string(path)).map_err(failed(path, "the file cannot be read"))?;
    Ok(text.map(Secret::new))
}

/// `None` if there is no such file.
pub(super) fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        other => other.map(Some),
    }
}

pub(super) fn options(mode: u32) -> fs::OpenOptions {
    let mut options = File::options();
    options.create(true).truncate(false).write(true).mode(mode);
    options
}

/// Overwrites a file in its reserved space, and waits for the disk. The umask does not count: services read the certificates.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), ClientError> {
    let write = || {
        let mut file = options(mode).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()
    };
    write().map_err(failed(path, "the file cannot be written"))
}

/// Sets the mode of a directory that this process made, whatever its umask is.
pub(super) fn set_mode(path: &Path, mode: u32) -> Result<(), ClientError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(failed(path, "its mode cannot be set"))
}

/// Puts a link to `target` at `path`, in place of a former file. `beside` is its name until then.
pub(super) fn link(target: &Path, path: &Path, beside: &Path) -> Result<(), ClientError> {
    remove(beside)?;
    symlink(target, beside).map_err(failed(beside, "the link cannot be made"))?;
    fs::rename(beside, path).map_err(failed(path, "the link cannot be put in place"))
}

/// Makes and removes a link: some file systems have none.
pub(super) fn try_link(dir: &Path, beside: &Path) -> Result<(), ClientError> {
    remove(beside)?;
    symlink(".", beside)
        .map_err(failed(dir, "it takes no symbolic links: give --cert-dir on another file system"))?;
    remove(beside)
}

pub(super) fn sync(dir: &Path) -> Result<(), ClientError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed(dir, "the directory cannot be synced"))
}

pub(super) fn remove(path: &Path) -> Result<(), ClientError> {
    there(fs::remove_file(path)).map(drop).map_err(failed(path, "the file cannot be removed"))
}

pub(super) fn remove_all(path: &Path) -> Result<(), ClientError> {
    there(fs::remove_dir_all(path)).map(drop).map_err(failed(path, "the directory cannot be removed"))
}
