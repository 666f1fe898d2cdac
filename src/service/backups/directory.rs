//! The directory of the backups that the server makes itself.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::backup::{BackupError, Recipient};
use crate::clock::Timestamp;

/// The configured directory of backups, and the number of those that are kept.
#[derive(Clone, Debug)]
pub struct BackupTerms {
    /// The directory. Without one, the server makes no backups.
    pub directory: Option<PathBuf>,
    /// The public key that seals them. Without one, they hold no keys.
    pub recipient: Option<Recipient>,
    /// Number of backups that are kept.
    pub keep: usize,
}

/// The beginning of the name of each file.
const NAME: &str = "gatepass-";

/// The endings of sealed files and of databases.
const ENDINGS: [&str; 2] = [".age", ".db"];

/// Creates the directory, unless it exists.
pub(super) fn make(directory: &Path) -> Result<(), BackupError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| failed(directory, &error))
}

/// A free name for a backup of `now`, such as `gatepass-20261201T041500Z.db`.
pub(super) fn free_name(directory: &Path, now: Timestamp, sealed: bool) -> PathBuf {
    let name = |second: u64| {
        let at = now.plus(Duration::from_secs(second)).to_string().replace(['-', ':'], "");
        directory.join(format!("{NAME}{at}{}", ENDINGS[usize::from(!sealed)]))
    };
    let mut seconds = 0;
    while name(seconds).symlink_metadata().is_ok() {
        seconds += 1;
    }
    name(seconds)
}

/// Deletes all but the newest `keep` backups. Other files stay. Returns the number of deleted ones.
pub(super) fn prune(directory: &Path, keep: usize) -> Result<usize, BackupError> {
    let failed = |error: &io::Error| failed(directory, error);
    let mut backups = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        backups.extend(entry.file_name().to_str().filter(|name| is_file && is_ours(name)).map(str::to_owned));
    }
    // The names begin with the time.
    backups.sort_unstable();
    let old = backups.len().saturating_sub(keep);
    for name in &backups[..old] {
        fs::remove_file(directory.join(name)).map_err(|error| failed(&error))?;
    }
    Ok(old)
}

/// Returns true for a name that [`free_name`] makes.
fn is_ours(name: &str) -> bool {
    let time = name.strip_prefix(NAME).and_then(|rest| ENDINGS.iter().find_map(|end| rest.strip_suffix(end)));
    let fits = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    time.is_some_and(|time| time.len() == 16 && time.bytes().enumerate().all(fits))
}

fn failed(path: &Path, error: &io::Error) -> BackupError {
    BackupError::File { path: path.display().to_string(), cause: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_oldest_backups_are_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let now = Timestamp::parse_rfc3339("2026-12-01T04:15:00Z").unwrap();
        let others = ["gatepass.db", "gatepass-20261201T041500Z.db.0a", "gatepass-2026.db", "notes"];
        for name in others {
            fs::write(dir.path().join(name), "kept").unwrap();
        }
        for number in 0..5 {
            let name = free_name(dir.path(), now, number % 2 == 0);
            fs::write(&name, "backup").unwrap();
        }
        let first = dir.path().join("gatepass-20261201T041500Z.age");
        assert!(first.exists() && dir.path().join("gatepass-20261201T041500Z.db").exists());
        assert_eq!(prune(dir.path(), 9), Ok(0));
        assert_eq!(prune(dir.path(), 2), Ok(3));
        assert!(!first.exists());
        assert!(others.iter().all(|name| dir.path().join(name).exists()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), others.len() + 2);
    }
}
