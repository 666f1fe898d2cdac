//! `renewal.json`: what is known of the renewals of an identity. It holds no secret, and losing it loses no identity.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lock::{DaemonLock, LOCK};
use crate::client::directory::failed;
use crate::client::error::ClientError;
use crate::client::policy_file::PolicyMark;
use crate::client::whole_file::{is_left_over, replace};
use crate::clock::Timestamp;
use crate::file_lock::FileLock;
use crate::ownership::{check, check_directory};
use crate::wire::HostReport;

const FILE: &str = "renewal.json";
/// Tries to get the lock of a change, which takes milliseconds.
const TRIES: u32 = 50;
/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// The renewals of an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RenewalRecord {
    /// Process of the daemon, while it runs.
    pub pid: Option<u32>,
    /// Last run of `gatepass renew --if-due`.
    pub looked_at: Option<Timestamp>,
    /// The last attempt.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// Next attempt of the daemon.
    pub next_attempt_at: Option<Timestamp>,
    /// The last renewal.
    pub renewed: Option<Renewal>,
    /// Time until which the server asked for patience.
    pub asked_until: Option<BootTime>,
    /// The report that the server has not taken yet.
    pub report: Option<HostReport>,
    /// The hook, if one is set up.
    pub hook: Option<HookRecord>,
    /// The check-ins of the daemon.
    pub checkin: Option<CheckInRecord>,
    /// The hook of the policy, if one is set up.
    pub policy_hook: Option<HookRecord>,
}

/// The last attempt of a renewal or of a hook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// Its time.
    pub attempted_at: Option<Timestamp>,
    /// Its failure.
    pub error: Option<String>,
}

/// A successful renewal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renewal {
    /// Its time by the wall clock.
    pub at: Timestamp,
    /// The same time by the boot clock.
    #[serde(flatten)]
    pub boot: BootTime,
}

/// A time by the boot clock. The wall clock may be wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootTime {
    /// Seconds since the boot of the machine.
    pub uptime: u64,
    /// The kernel's name for the boot.
    pub boot_id: String,
}

/// The check-ins of a daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckInRecord {
    /// The last check-in.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// The next check-in.
    pub next_at: Option<Timestamp>,
    /// The file of the policy, if the daemon writes one.
    pub policy: Option<PolicyRecord>,
}

/// The file of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PolicyRecord {
    /// Path of the file.
    pub file: PathBuf,
    /// The policy in it.
    #[serde(flatten)]
    pub mark: Option<PolicyMark>,
    /// Time of its last replacement.
    pub written_at: Option<Timestamp>,
    /// The failure of the last attempt to replace it.
    pub policy_error: Option<String>,
}

impl PolicyRecord {
    /// The policy in the file, as a hook's mark.
    pub(super) fn mark(&self) -> Option<String> {
        self.mark.map(|mark| mark.to_string())
    }
}

/// The hook of a directory. It is owed while `served` is not the mark of the certificate, or of the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookRecord {
    /// Serial number of the certificate, or policy and revision, with which the hook last succeeded.
    pub served: Option<String>,
    /// The last run.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// Next run of the daemon, after a failure.
    pub next_attempt_at: Option<Timestamp>,
}

impl Attempt {
    /// An attempt at `now` with this result.
    pub fn of<T, E: ToString>(now: Timestamp, result: &Result<T, E>) -> Self {
        Self { attempted_at: Some(now), error: result.as_ref().err().map(ToString::to_string) }
    }
}

impl RenewalRecord {
    /// The record in `dir`; an empty one if the file is missing. A damaged one owes the hook: a run too many does less harm
    /// than one too few.
    pub fn load(dir: &Path) -> Self {
        let path = dir.join(FILE);
        let text = check(&path).map_err(io::Error::other).and_then(|()| fs::read(&path));
        match text {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            text => {
                let record = text.ok().and_then(|text| serde_json::from_slice(&text).ok());
                record.unwrap_or_else(|| Self {
                    hook: Some(HookRecord::default()),
                    policy_hook: Some(HookRecord::default()),
                    ..Self::default()
                })
            }
        }
    }

    /// Changes the record in `dir`, and waits for the disk.
    ///
    /// # Errors
    /// If the directory is not this user's, or the file cannot be written.
    pub fn update(dir: &Path, change: impl FnOnce(&mut Self)) -> Result<(), ClientError> {
        check_directory(dir)?;
        let _turn = turn(dir);
        let mut record = Self::load(dir);
        change(&mut record);
        let path = dir.join(FILE);
        record.write(dir).map_err(failed(&path, "the file cannot be written"))
    }

    fn write(&self, dir: &Path) -> io::Result<()> {
        replace(dir, FILE, &serde_json::to_string_pretty(self)?, 0o644)
    }

    /// Removes the record from `dir`, and the lock unless a daemon holds it.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn remove(dir: &Path) -> Result<(), ClientError> {
        let entries = fs::read_dir(dir).map_err(failed(dir, "the directory cannot be read"))?;
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()));
        let held = DaemonLock::is_held(dir, &Self::default());
        let own = |name: &String| match name.as_str() {
            LOCK => !held,
            name => name == FILE || is_left_over(name, FILE),
        };
        for name in names.filter(own) {
            let path = dir.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(&path, "the file cannot be removed")(error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Waits for the turn of this process to change the record, but not for ever: any reader of the directory can hold the lock.
fn turn(dir: &Path) -> Option<FileLock> {
    for _ in 0..TRIES {
        match FileLock::try_new(File::open(dir).ok()?) {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            lock => return lock.ok(),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::id::Serial;

    fn private() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        dir
    }

    #[test]
    fn a_failed_write_leaves_no_file() {
        let dir = private();
        fs::create_dir(dir.path().join(FILE)).unwrap();
        RenewalRecord::update(dir.path(), |record| record.pid = Some(7)).unwrap_err();
        let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), [FILE]);
    }

    #[test]
    fn a_record_is_replaced_as_a_whole() {
        let dir = private();
        assert_eq!(RenewalRecord::load(dir.path()), RenewalRecord::default());
        let (at, serial) = (Timestamp::from_secs(1_893_456_000), Serial::generate());
        RenewalRecord::update(dir.path(), |record| {
            record.pid = Some(7);
            record.attempt = Attempt::of(at, &Err::<(), _>("refused"));
            record.hook = Some(HookRecord { served: Some(serial.to_string()), ..HookRecord::default() });
        })
        .unwrap();
        RenewalRecord::update(dir.path(), |record| record.pid = None).unwrap();
        let record = RenewalRecord::load(dir.path());
        assert_eq!((record.pid, record.attempt.error.as_deref()), (None, Some("refused")));
        assert_eq!(record.hook.unwrap().served, Some(serial.to_string()));
        let path = dir.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
        fs::write(&path, "{\"pid\":").unwrap();
        let damaged = RenewalRecord::load(dir.path());
        assert_eq!(
            (damaged.pid, damaged.hook.unwrap().served),
            (None, None),
            "a damaged record owes the hook"
        );
        RenewalRecord::remove(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
