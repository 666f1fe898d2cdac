//! The lock of a daemon on the directory of its identity.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::record::RenewalRecord;
use crate::client::directory::failed;
use crate::client::error::ClientError;
use crate::file_lock::FileLock;
use crate::ownership::{check, check_directory};

/// Held by the daemon for its whole life.
pub(super) const LOCK: &str = ".renewal.lock";
/// A starting daemon waits for a `gatepass status` that looks at the lock just then.
const TRIES: u32 = 20;

/// The lock of the daemon of a directory.
#[derive(Debug)]
pub struct DaemonLock(#[expect(dead_code, reason = "held until dropped")] FileLock);

impl DaemonLock {
    /// Takes the lock.
    ///
    /// # Errors
    /// If another daemon has it, or the directory cannot be written.
    pub async fn take(dir: &Path) -> Result<Self, ClientError> {
        check_directory(dir)?;
        let path = dir.join(LOCK);
        check(&path)?;
        for _ in 0..TRIES {
            let open = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
            let file = open.map_err(failed(&path, "the directory cannot be written"))?;
            match FileLock::try_new(file) {
                Ok(lock) => return Ok(Self(lock)),
                Err(TryLockError::Error(source)) => {
                    return Err(failed(&path, "the directory cannot be locked")(source));
                }
                Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(25)).await,
            }
        }
        Err(ClientError::OtherDaemon { dir: dir.to_owned(), pid: RenewalRecord::load(dir).pid })
    }

    /// Returns whether a daemon holds the lock. A user who may not look at the lock learns only whether the recorded process
    /// exists.
    pub fn is_held(dir: &Path, record: &RenewalRecord) -> bool {
        match File::open(dir.join(LOCK)) {
            Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                record.pid.is_some_and(|pid| PathBuf::from(format!("/proc/{pid}")).exists())
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn one_daemon_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!DaemonLock::is_held(dir.path(), &RenewalRecord::default()));
        let lock = DaemonLock::take(dir.path()).await.unwrap();
        RenewalRecord::update(dir.path(), |record| record.pid = Some(7)).unwrap();
        assert!(DaemonLock::is_held(dir.path(), &RenewalRecord::default()));
        let second = DaemonLock::take(dir.path()).await.unwrap_err().to_string();
        assert!(second.contains("process 7"), "{second}");
        drop(lock);
        assert!(!DaemonLock::is_held(dir.path(), &RenewalRecord::default()));
    }
}
