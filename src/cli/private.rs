//! Files that only their owner may read.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::error::CliError;
use crate::secret::Secret;

/// Writes `text` to a file of mode 0600, whole or not at all.
pub(crate) fn write(path: &Path, text: &Secret<String>) -> Result<(), CliError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", crate::id::hex(&crate::id::random::<8>())));
    let beside = PathBuf::from(beside);
    let write = || {
        // Never through a link or into a file that somebody else has open.
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.write_all(text.expose().as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&beside);
        CliError::File { path: path.to_owned(), source }
    })
}

/// Makes a directory that only its owner may enter, parents too.
pub(crate) fn make_dir(path: &Path) -> Result<(), CliError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| CliError::File { path: path.to_owned(), source })
}

/// Reads a file that holds a secret; one that others may read is refused.
pub(crate) fn read(path: &Path) -> Result<Secret<String>, CliError> {
    let file = |source| CliError::File { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        let path = path.display();
        return Err(CliError::Usage(format!(
            "{path} can be read by others: run `chmod 600 {path}` and try again"
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
    fn writing_leaves_nothing_beside_the_file() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("a"), &Secret::new(String::from("one"))).unwrap();
        write(&dir.path().join("a"), &Secret::new(String::from("two"))).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
