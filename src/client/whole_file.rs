//! Files that are replaced as a whole: a reader finds the former content or the new one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::directory::failed;
use super::error::ClientError;
use crate::id::{hex, random};
use crate::ownership::{check, check_directory};

/// A file of mode 0600: its content is for the services of this host.
#[derive(Clone, Debug)]
pub(super) struct PrivateFile {
    path: PathBuf,
    directory: PathBuf,
    name: String,
}

impl PrivateFile {
    /// The file at `path`, which need not exist. Files that a crash left beside it are removed.
    ///
    /// # Errors
    /// If it is not a plain file of this user, or the directory is missing or others can write to it.
    pub(super) fn new(path: &Path) -> Result<Self, ClientError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new(".")).to_owned();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            let source = io::Error::other("its name is not UTF-8");
            return Err(failed(path, "the file cannot be written: give another name")(source));
        };
        let entries = fs::read_dir(&directory)
            .map_err(failed(&directory, "no file can be written there: create the directory"))?;
        check_directory(&directory)?;
        check(path)?;
        for entry in entries.flatten() {
            if entry.file_name().to_str().is_some_and(|entry| is_left_over(entry, name)) {
                fs::remove_file(entry.path()).map_err(failed(&entry.path(), "the file cannot be removed"))?;
            }
        }
        let name = name.to_owned();
        Ok(Self { path: path.to_owned(), directory, name })
    }

    /// The path of the file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the content. The text gets a line end.
    ///
    /// # Errors
    /// If it cannot be written. The former content stays.
    pub(super) fn write(&self, text: &str) -> Result<(), ClientError> {
        replace(&self.directory, &self.name, text, 0o600)
            .map_err(failed(&self.path, "the file cannot be written"))
    }
}

/// Replaces the file `name` in `dir`, and waits for the disk.
pub(super) fn replace(dir: &Path, name: &str, text: &str, mode: u32) -> io::Result<()> {
    let beside = dir.join(format!("{}{}", begins(name), hex(&random::<8>())));
    let written = || {
        let mut file = File::options().write(true).create_new(true).mode(mode).open(&beside)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        writeln!(file, "{text}")?;
        file.sync_all()?;
        fs::rename(&beside, dir.join(name))
    };
    written().inspect_err(|_| {
        // On a full disk every attempt would leave a file.
        let _ = fs::remove_file(&beside);
    })?;
    File::open(dir)?.sync_all()
}

/// Returns true if this is the name of a file that a crash left while `name` was replaced.
pub(super) fn is_left_over(entry: &str, name: &str) -> bool {
    let digits = entry.strip_prefix(&begins(name));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// The beginning of the name until the content is complete: a service that reads a whole directory skips it for its dot.
fn begins(name: &str) -> String {
    format!(".{name}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn private() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        dir
    }

    #[test]
    fn a_file_is_replaced_with_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.json");
        for text in ["one", "two"] {
            replace(dir.path(), "policy.json", text, 0o600).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{text}\n"));
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_left_over_files_are_found() {
        assert!(is_left_over(".policy.json.0123456789abcdef", "policy.json"));
        for other in [
            "policy.json",
            ".policy.json",
            ".policy.json.new",
            ".policy.json.0123456789abcdeg",
            ".x.0123456789abcdef",
        ] {
            assert!(!is_left_over(other, "policy.json"), "{other}");
        }
    }

    #[test]
    fn left_over_files_of_a_crash_are_removed() {
        let dir = private();
        let left = dir.path().join(".policy.json.0123456789abcdef");
        fs::write(&left, "half").unwrap();
        PrivateFile::new(&dir.path().join("policy.json")).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn directories_of_others_are_refused() {
        let dir = private();
        let path = dir.path().join("policy.json");
        assert!(PrivateFile::new(&dir.path().join("missing/policy.json")).is_err());
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        assert!(PrivateFile::new(&path).is_err(), "a link");
        fs::remove_file(&path).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(PrivateFile::new(&path).is_err(), "others can write there");
    }
}
