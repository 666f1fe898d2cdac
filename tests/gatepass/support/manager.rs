//! A service manager, as a process sees one: the socket that it notifies.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

/// Longer than any message takes: a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A socket for messages of sd_notify(3).
pub(crate) struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _dir: TempDir,
}

impl Manager {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, path, _dir: dir }
    }

    /// Makes `command` notify this manager.
    pub(crate) fn of<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("NOTIFY_SOCKET", &self.path)
    }

    /// The next message; `None` if none comes in this time.
    pub(crate) fn within(&self, time: Duration) -> Option<String> {
        let mut message = [0; 4096];
        self.socket.set_read_timeout(Some(time)).unwrap();
        let length = self.socket.recv(&mut message).ok()?;
        Some(String::from_utf8(message[..length].to_vec()).unwrap())
    }

    /// The next message.
    pub(crate) fn next(&self) -> String {
        self.within(PATIENCE).expect("no message came")
    }

    /// The next message that is not a keep-alive.
    pub(crate) fn next_change(&self) -> String {
        std::iter::repeat_with(|| self.next()).find(|message| message != "WATCHDOG=1").unwrap()
    }
}
