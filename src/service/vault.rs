//! Secrets on disk: key files of mode 0600 in a directory of mode 0700, written completely or not at all.

mod access_list;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use rustix::process::{getegid, getgroups};

use self::access_list::is_listed_for_us;
use crate::secret::Secret;

/// Failure to write or read a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// Other users may read the file or enter the directory.
    #[error("{path} may be read by others (mode {mode:04o}): run `chmod {right} {path}`")]
    Exposed {
        /// The file or directory.
        path: String,
        /// The permission bits found.
        mode: u32,
        /// The required mode, as chmod takes it.
        right: &'static str,
    },
    /// A required file is missing.
    #[error("{path} is missing: bring it back from a backup")]
    Missing {
        /// The file.
        path: String,
    },
    /// The operating system refused.
    #[error("{path}: {cause}")]
    Io {
        /// The file or directory.
        path: String,
        /// The operating system's message.
        cause: String,
    },
}

/// A directory of secrets.
#[derive(Clone, Debug)]
pub struct Vault {
    directory: PathBuf,
}

impl Vault {
    /// The secrets in `directory`, which may be missing. Nothing is checked or created.
    pub fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Opens the directory, or creates it. A directory that other users may enter is refused.
    ///
    /// # Errors
    /// The directory is exposed, or cannot be created.
    pub fn open(directory: &Path) -> Result<Self, VaultError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory).map_err(|error| io(directory, &error))?;
        refuse_exposed(directory, "700")?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// The path of the file `name`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes `text` to the file `name`. The complete file is on disk when this returns.
    ///
    /// # Errors
    /// The file could not be written. An earlier file of the same name still exists.
    pub fn save(&self, name: &str, text: &Secret<String>) -> Result<(), VaultError> {
        write_private(&self.path(name), text.expose().as_bytes())
    }

    /// Reads the file `name`.
    ///
    /// # Errors
    /// It is missing, exposed or cannot be read.
    pub fn load(&self, name: &str) -> Result<Secret<String>, VaultError> {
        load_private(&self.path(name))
    }

    /// Writes `value` to the file `name` as JSON, as [`Vault::save`] does.
    ///
    /// # Errors
    /// The file could not be written. An earlier file of the same name still exists.
    pub fn save_json(&self, name: &str, value: &impl Serialize) -> Result<(), VaultError> {
        self.save(name, &Secret::new(serde_json::to_string_pretty(value).unwrap_or_default()))
    }

    /// Reads JSON from the file `name`.
    ///
    /// # Errors
    /// The file is missing, exposed or malformed.
    pub fn load_json<T: DeserializeOwned>(&self, name: &str) -> Result<T, VaultError> {
        let malformed = |error: serde_json::Error| VaultError::Io {
            path: self.path(name).display().to_string(),
            cause: error.to_string(),
        };
        serde_json::from_str(self.load(name)?.expose()).map_err(malformed)
    }

    /// Returns whether the file `name` exists.
    pub fn holds(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// The names of the files in the directory.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn names(&self) -> Result<Vec<String>, VaultError> {
        let read = || -> io::Result<Vec<String>> {
            fs::read_dir(&self.directory)?
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect()
        };
        read().map_err(|error| io(&self.directory, &error))
    }

    /// Overwrites the file `name` and the rest of an interrupted write, and removes both. A missing file is not an error.
    ///
    /// # Errors
    /// The file could not be removed.
    pub fn destroy(&self, name: &str) -> Result<(), VaultError> {
        self.each_of(name, |path| self.destroy_at(path))
    }

    /// Removes the file `name`, which holds no secret, and the rest of an interrupted write. A missing file is not an error.
    /// Unlike a destroyed file, it is whole until it is gone, so that a start after a crash can read it.
    ///
    /// # Errors
    /// The file could not be removed.
    pub fn remove(&self, name: &str) -> Result<(), VaultError> {
        self.each_of(name, |path| {
            fs::remove_file(path)?;
            File::open(&self.directory)?.sync_all()
        })
    }

    /// Ends the file `name` and the rest of an interrupted write by `end`, as far as they exist.
    fn each_of(&self, name: &str, end: impl Fn(&Path) -> io::Result<()>) -> Result<(), VaultError> {
        let path = self.path(name);
        [unfinished(&path), path].iter().try_for_each(|path| match end(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io(path, &error)),
            _ => Ok(()),
        })
    }

    fn destroy_at(&self, path: &Path) -> io::Result<()> {
        let length = fs::metadata(path)?.len();
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.write_all(&vec![0; usize::try_from(length).unwrap_or(0)])?;
        file.sync_all()?;
        fs::remove_file(path)?;
        File::open(&self.directory)?.sync_all()
    }
}

/// Writes a file of mode 0600 completely or not at all: under a temporary name, synced, then renamed.
///
/// # Errors
/// The file could not be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    write_whole(path, bytes, 0o600)
}

/// Writes a file that anyone may read (mode 0644), completely or not at all. The same file again takes no room on a full disk.
///
/// # Errors
/// The file could not be written.
pub fn write_public(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let readable = fs::symlink_metadata(path)
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o7777 == 0o644);
    if readable && fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    write_whole(path, bytes, 0o644)
}

/// The name of the file `path` while it is written. A process that is killed leaves it.
pub fn unfinished(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    PathBuf::from(beside)
}

fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> Result<(), VaultError> {
    let beside = unfinished(path);
    let write = || -> io::Result<()> {
        // A file that a crash left would keep its own mode.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        rename_synced(&beside, path)
    };
    write().map_err(|error| {
        // On a full disk, half a file takes room that others need.
        let _ = fs::remove_file(&beside);
        io(path, &error)
    })
}

/// Renames a synced file to the name of another. One of the two exists under that name at any time.
///
/// # Errors
/// The file could not be renamed.
pub fn put_in_place(from: &Path, to: &Path) -> Result<(), VaultError> {
    rename_synced(from, to).map_err(|error| io(to, &error))
}

fn rename_synced(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Reads a file that no other user may read.
///
/// # Errors
/// It is missing, exposed or cannot be read.
pub fn load_private(path: &Path) -> Result<Secret<String>, VaultError> {
    if !path.exists() {
        return Err(VaultError::Missing { path: path.display().to_string() });
    }
    refuse_exposed(path, "600")?;
    fs::read_to_string(path).map(Secret::new).map_err(|error| io(path, &error))
}

/// Reads a private key from outside the vault. A group of the process may read the file too, as in Debian's group ssl-cert
/// and with Kubernetes' fsGroup. So may the process's user by an access list, as with credentials of systemd.
///
/// # Errors
/// It is missing, exposed or cannot be read.
pub fn load_imported(path: &Path) -> Result<Secret<String>, VaultError> {
    match is_read_by_group(path) || is_listed_for_us(path) {
        true => fs::read_to_string(path).map(Secret::new).map_err(|error| io(path, &error)),
        false => load_private(path),
    }
}

/// Returns true if a group of the process may read the file, and nobody else but its owner.
pub fn is_read_by_group(path: &Path) -> bool {
    let Ok(file) = fs::metadata(path) else { return false };
    let ours = |group| {
        getegid().as_raw() == group
            || getgroups().is_ok_and(|all| all.iter().any(|one| one.as_raw() == group))
    };
    file.permissions().mode() & 0o077 == 0o040 && ours(file.gid())
}

fn refuse_exposed(path: &Path, right: &'static str) -> Result<(), VaultError> {
    let mode = fs::metadata(path).map_err(|error| io(path, &error))?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(VaultError::Exposed { path: path.display().to_string(), mode, right });
    }
    Ok(())
}

fn io(path: &Path, error: &io::Error) -> VaultError {
    VaultError::Io { path: path.display().to_string(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_group_may_read_an_imported_key() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tls.key");
        write_private(&path, b"key").unwrap();
        let mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for readable in [0o600, 0o400, 0o640, 0o440] {
            mode(readable);
            assert_eq!(load_imported(&path).unwrap().expose(), "key", "{readable:o}");
        }
        for exposed in [0o644, 0o604, 0o660, 0o666] {
            mode(exposed);
            assert!(load_imported(&path).is_err(), "{exposed:o}");
        }
        mode(0o640);
        assert!(load_private(&path).is_err(), "the vault's own files have no group");
    }

    #[test]
    fn a_saved_secret_is_private_and_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("keys")).unwrap();
        vault.save("one.pem", &Secret::new("text".to_owned())).unwrap();
        assert_eq!(vault.load("one.pem").unwrap().expose(), "text");
        let mode = fs::metadata(vault.path("one.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        vault.destroy("one.pem").unwrap();
        vault.destroy("one.pem").unwrap();
        assert!(!vault.holds("one.pem"));
    }

    #[test]
    fn an_exposed_key_file_is_refused_with_its_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("keys")).unwrap();
        vault.save("one.pem", &Secret::new("text".to_owned())).unwrap();
        fs::set_permissions(vault.path("one.pem"), fs::Permissions::from_mode(0o640)).unwrap();
        let error = vault.load("one.pem").err().unwrap();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }

    #[test]
    fn an_exposed_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        fs::create_dir(&keys).unwrap();
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(Vault::open(&keys), Err(VaultError::Exposed { mode: 0o755, .. })));
    }
}
