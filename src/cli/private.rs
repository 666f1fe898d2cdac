//! Files that only their owner may read.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::destination::refuse_link;
use super::error::CliError;
use crate::secret::Secret;

/// A file of mode 0600 for a secret, opened before the request that returns the secret: a path that cannot be written
/// loses no secret. It is removed unless a secret is written.
pub(crate) struct SecretFile {
    path: PathBuf,
    beside: PathBuf,
    file: File,
}

impl SecretFile {
    /// Opens the file.
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        Self::with_mode(path, 0o600)
    }

    /// Opens a file that anyone may read.
    pub(crate) fn public(path: &Path) -> Result<Self, CliError> {
        Self::with_mode(path, 0o644)
    }

    fn with_mode(path: &Path, mode: u32) -> Result<Self, CliError> {
        refuse_link(path)?;
        let failed = |source| CliError::File { path: path.to_owned(), source };
        if path.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let mut beside = path.as_os_str().to_owned();
        beside.push(format!(".{}", crate::id::hex(&crate::id::random::<8>())));
        let beside = PathBuf::from(beside);
        // Never through a link, or into a file that another process has open.
        let file = File::options().write(true).create_new(true).mode(mode).open(&beside).map_err(failed)?;
        Ok(Self { path: path.to_owned(), beside, file })
    }

    /// Opens the file unless the path exists.
    pub(crate) fn open_new(path: &Path) -> Result<Self, CliError> {
        refuse_link(path)?;
        match path.symlink_metadata() {
            Ok(_) => Err(CliError::Usage(format!(
                "{} exists already: name another file, or give --force to replace it; nothing was done",
                path.display()
            ))),
            Err(_) => Self::open(path),
        }
    }

    /// Writes `text`, completely or not at all.
    pub(crate) fn keep(mut self, text: &Secret<String>) -> Result<(), CliError> {
        self.append(text)?;
        self.finish()
    }

    /// Adds `text`. The file has its name only when it is finished.
    pub(crate) fn append(&mut self, text: &Secret<String>) -> Result<(), CliError> {
        let written = self.file.write_all(text.expose().as_bytes());
        written.map_err(|source| CliError::File { path: self.path.clone(), source })
    }

    /// Makes what was added the file.
    pub(crate) fn finish(self) -> Result<(), CliError> {
        let named = self.file.sync_all().and_then(|()| fs::rename(&self.beside, &self.path));
        named.map_err(|source| CliError::File { path: self.path.clone(), source })
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        // After `keep` the file has another name.
        let _ = fs::remove_file(&self.beside);
    }
}

/// Writes `text` to a file of mode 0600, completely or not at all.
pub(crate) fn write(path: &Path, text: &Secret<String>) -> Result<(), CliError> {
    SecretFile::open(path)?.keep(text)
}

/// Creates a directory of mode 0700 and its parents.
pub(crate) fn make_dir(path: &Path) -> Result<(), CliError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| CliError::File { path: path.to_owned(), source })
}

/// Reads a secret from a file, unless other users may read it.
pub(crate) fn read(path: &Path) -> Result<Secret<String>, CliError> {
    let file = |source| CliError::File { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(CliError::Usage(format!(
            "other users can read {path}: run `chmod 600 {path}` and try again"
        )));
    }
    fs::read_to_string(path).map(Secret::new).map_err(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("profile");
        write(&path, &Secret::new(String::from("one"))).unwrap();
        assert_eq!(read(&path).unwrap().expose(), "one");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read(&path), Err(CliError::Usage(_))));
    }

    #[test]
    fn an_unused_secret_file_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(SecretFile::open(dir.path()).is_err(), "a directory");
        assert!(SecretFile::open(&dir.path().join("none").join("a")).is_err());
        drop(SecretFile::open(&dir.path().join("a")).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn writing_leaves_nothing_beside_the_file() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a"), &Secret::new(String::from("one"))).unwrap();
        write(&dir.path().join("a"), &Secret::new(String::from("two"))).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
