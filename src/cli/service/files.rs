//! The files of services: written whole, compared, removed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::unit::{ServiceFile, WRITTEN_BY};
use crate::cli::error::CliError;

/// Writes a file of mode 0644, or 0600 if it is secret, whole or not at all.
pub(super) fn write(
    directory: &Path,
    ServiceFile { name, text, secret }: &ServiceFile,
) -> Result<(), CliError> {
    let (path, beside) = (directory.join(name), directory.join(format!(".{name}.new")));
    let written = || -> io::Result<()> {
        fs::create_dir_all(directory)?;
        remove_at(&beside)?;
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        let mode = if *secret { 0o600 } else { 0o644 };
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    written().map_err(|source| {
        let _ = fs::remove_file(&beside);
        CliError::File { path, source }
    })
}

/// The text of the file; `None` if it is missing. A link is followed.
pub(super) fn text(directory: &Path, name: &str) -> Result<Option<String>, CliError> {
    let path = directory.join(name);
    match fs::read(&path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CliError::File { path, source }),
    }
}

/// Removes the file.
pub(super) fn remove(directory: &Path, name: &str) -> Result<(), CliError> {
    let path = directory.join(name);
    remove_at(&path).map_err(|source| CliError::File { path, source })
}

fn remove_at(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Returns true for a file that `gatepass service` wrote.
pub(super) fn is_ours(text: &str) -> bool {
    text.starts_with(WRITTEN_BY)
}
