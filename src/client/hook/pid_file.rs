//! A signal to the process that a pid file names.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::ownership::user_name;

/// Bytes of a pid file that are read. PostgreSQL's has further lines.
const MOST_BYTES: u64 = 4096;
/// Clock ticks in a second (USER_HZ), on every system that we build for.
const TICKS: i64 = 100;
/// Seconds that a process may seem younger than its pid file: both times are rounded.
const SLACK: i64 = 2;
/// Write permission of group and others.
const OTHERS_WRITE: u32 = 0o022;
/// In a directory with this bit, only the owner of a file can replace it.
const STICKY: u32 = 0o1000;

/// A signal by which services reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookSignal(Signal);

/// The accepted signals.
const SIGNALS: [(&str, Signal); 5] = [
    ("HUP", Signal::HUP),
    ("USR1", Signal::USR1),
    ("USR2", Signal::USR2),
    ("WINCH", Signal::WINCH),
    ("TERM", Signal::TERM),
];

impl HookSignal {
    /// Parses a name such as `HUP` or `SIGHUP`.
    ///
    /// # Errors
    /// The text is another one.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        let known = SIGNALS.iter().find(|(known, _)| *known == name);
        known.map(|(_, signal)| Self(*signal)).ok_or("the signals are HUP, USR1, USR2, WINCH and TERM")
    }
}

impl fmt::Display for HookSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = SIGNALS.iter().find(|(_, signal)| *signal == self.0);
        f.write_str(known.map_or("?", |(name, _)| name))
    }
}

/// The reason why a signal was not sent.
#[derive(Debug, thiserror::Error)]
pub enum PidFileError {
    /// The file was not read.
    #[error("the pid file {} cannot be read: {source}; check that the service runs, and --pid-file", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the pid file {} does not start with the number of a process", path.display())]
    NoNumber {
        /// The file.
        path: PathBuf,
    },
    /// The process has ended.
    #[error("process {pid} of the pid file {} has ended: check that the service runs", path.display())]
    Ended {
        /// The file.
        path: PathBuf,
        /// The number in the file.
        pid: i32,
    },
    /// Somebody else may have written the number.
    #[error(
        "the signal was not sent: {by} can write {}, so that the number in the pid file may be of any process; only root and \
         the owner of the process ({owner}) may be able to write there",
        path.display()
    )]
    Untrusted {
        /// The file or directory.
        path: PathBuf,
        /// The user that can write it.
        by: String,
        /// The owner of the process.
        owner: String,
    },
    /// The process is younger than the file.
    #[error(
        "the signal was not sent: process {pid} started after the pid file {} was written, so that the file may be of an earlier \
         process with this number; restart the service, so that it writes the file again",
        path.display()
    )]
    Stale {
        /// The file.
        path: PathBuf,
        /// The number in the file.
        pid: i32,
    },
    /// The system refused.
    #[error("no signal reached process {pid} of the pid file {}: {source}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// The number in the file.
        pid: i32,
        /// The error of the operating system.
        source: io::Error,
    },
}

/// Sends `signal` to the process that `path` names, if nobody but root and that process's owner can have written its number.
pub(super) fn send(HookSignal(signal): HookSignal, path: &Path) -> Result<(), PidFileError> {
    let unread = |source: io::Error| PidFileError::Unread { path: path.to_owned(), source };
    // A FIFO would wait for its writer, and a link leads elsewhere.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOFOLLOW;
    let file = File::from(open(path, flags, Mode::empty()).map_err(|error| unread(error.into()))?);
    let data = file.metadata().map_err(unread)?;
    if !data.is_file() {
        return Err(unread(io::Error::other("it is not a plain file")));
    }
    let mut text = String::new();
    file.take(MOST_BYTES).read_to_string(&mut text).map_err(unread)?;
    let number = text.lines().next().and_then(|line| line.trim().parse().ok());
    // A negative number is a group's, and rustix panics at it.
    let number = number.filter(|number: &i32| number.is_positive()).and_then(Pid::from_raw);
    let pid = number.ok_or_else(|| PidFileError::NoNumber { path: path.to_owned() })?;

    let ended = || PidFileError::Ended { path: path.to_owned(), pid: pid.as_raw_pid() };
    let process = pidfd_open(pid, PidfdFlags::empty()).map_err(|_| ended())?;
    let owner = owner_of(pid).ok_or_else(ended)?;
    let start = start_of(pid).ok_or_else(ended)?;
    // Had it ended, its number could be another process's by now, and so could the owner.
    is_still(&process, pid).then_some(()).ok_or_else(ended)?;
    check_writers(path, &data, owner)?;
    if start > data.mtime().saturating_add(SLACK) {
        return Err(PidFileError::Stale { path: path.to_owned(), pid: pid.as_raw_pid() });
    }
    pidfd_send_signal(&process, signal).map_err(|error| PidFileError::Refused {
        path: path.to_owned(),
        pid: pid.as_raw_pid(),
        source: error.into(),
    })
}

/// The user whose rights the process has.
fn owner_of(pid: Pid) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_pid())).ok()?;
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_whitespace().nth(1)?.parse().ok()
}

/// Start of the process, in seconds since the epoch. The kernel tells it and the time of the boot by the wall clock of today.
fn start_of(pid: Pid) -> Option<i64> {
    let text = |path: &str| fs::read_to_string(path).ok();
    let stat = text(&format!("/proc/{}/stat", pid.as_raw_pid()))?;
    // The name before the last parenthesis may hold anything. The start is field 22 of proc_pid_stat(5).
    let ticks: i64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let boot: i64 =
        text("/proc/stat")?.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + ticks / TICKS)
}

/// Returns true while the process of the descriptor has not been reaped.
fn is_still(process: &OwnedFd, pid: Pid) -> bool {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", process.as_raw_fd())).unwrap_or_default();
    let shown = info.lines().find_map(|line| line.strip_prefix("Pid:"));
    shown.is_some_and(|shown| shown.trim() == pid.as_raw_pid().to_string())
}

/// Checks that nobody but root and `owner` can write the file, or put another one in its place.
fn check_writers(path: &Path, file: &Metadata, owner: u32) -> Result<(), PidFileError> {
    let refused = |path: &Path, by: String| PidFileError::Untrusted {
        path: path.to_owned(),
        by,
        owner: user_name(owner),
    };
    let judge = |path: &Path, data: &Metadata| match data.uid() {
        other if other != 0 && other != owner => Err(refused(path, user_name(other))),
        _ if data.mode() & OTHERS_WRITE == 0 => Ok(()),
        _ if data.is_dir() && data.mode() & STICKY != 0 => Ok(()),
        _ => Err(refused(path, String::from("another user"))),
    };
    judge(path, file)?;
    let unread = |source| PidFileError::Unread { path: path.to_owned(), source };
    let whole = fs::canonicalize(path).map_err(unread)?;
    for directory in whole.ancestors().skip(1) {
        judge(directory, &fs::metadata(directory).map_err(unread)?)?;
    }
    Ok(())
}
