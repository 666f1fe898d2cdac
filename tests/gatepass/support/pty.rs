//! The built binary at a terminal of a given width: a test types, and waits for text.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::condition::eventually;

/// A process at a terminal. Dropping it kills the process.
pub(crate) struct AtTerminal {
    child: Child,
    keyboard: File,
    /// The process's end, kept open so that its modes can be read after the process has ended.
    line: File,
    shown: Arc<Mutex<String>>,
    /// Bytes of `shown` up to the last question.
    asked: usize,
}

impl AtTerminal {
    /// Starts `command` with standard input, output and error at a terminal of so many columns.
    pub(crate) fn start(command: &mut Command, columns: u16) -> Self {
        let (keyboard, line) = open(columns);
        let end = || Stdio::from(line.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let shown = Arc::new(Mutex::new(String::new()));
        read_on(keyboard.try_clone().unwrap(), Arc::clone(&shown));
        Self { child, keyboard, line, shown, asked: 0 }
    }

    /// Waits until the terminal shows `text`. Returns everything that it shows.
    pub(crate) async fn shows(&self, text: &str) -> String {
        let shown = || self.shown.lock().unwrap().clone();
        eventually(&format!("the terminal shows {text:?}"), async || {
            Some(shown()).filter(|shown| shown.contains(text))
        })
        .await
    }

    /// Waits for the next `question`, which the terminal shows once it takes an answer. Text before it comes too early: what is
    /// typed then may be echoed or lost.
    pub(crate) async fn asks(&mut self, question: &str) -> String {
        let (shown, from) = (Arc::clone(&self.shown), self.asked);
        self.asked = eventually(&format!("the terminal asks {question:?}"), async || {
            let shown = shown.lock().unwrap();
            shown[from..].find(question).map(|at| from + at + question.len())
        })
        .await;
        self.shown.lock().unwrap()[..self.asked].to_owned()
    }

    /// Types `keys`.
    pub(crate) fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Sends `signal` to the process.
    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Returns true if the terminal echoes, and its keys send signals.
    pub(crate) fn is_usual(&self) -> bool {
        let modes = tcgetattr(&self.line).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ISIG | LocalModes::ICANON)
    }

    /// Waits for the end of the process. Returns its exit code, and true if the terminal is as it was.
    pub(crate) async fn ends(&mut self) -> (Option<i32>, bool) {
        let child = &mut self.child;
        let ended = eventually("the command ends", async || child.try_wait().unwrap()).await;
        (ended.code(), self.is_usual())
    }

    /// Everything that the terminal shows after the end of the process.
    pub(crate) async fn screen(&mut self) -> String {
        self.ends().await;
        // The line takes everything that the process wrote before it.
        self.line.write_all(b"\n(end)").unwrap();
        let shown = self.shows("\n(end)").await;
        shown.trim_end_matches("(end)").trim_end().replace('\r', "")
    }
}

impl Drop for AtTerminal {
    fn drop(&mut self) {
        // One that has ended already is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A terminal of so many columns: the end that shows it, and the end that a process reads and writes.
pub(crate) fn open(columns: u16) -> (File, File) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = openpt(flags).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let size = Winsize { ws_row: 50, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal, size).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let line = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    (terminal.into(), line)
}

/// Adds everything that the terminal shows to `shown`. A terminal whose other end is closed ends with EIO.
fn read_on(mut terminal: File, shown: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(read @ 1..) = terminal.read(&mut part) {
            shown.lock().unwrap().push_str(&String::from_utf8_lossy(&part[..read]));
        }
    });
}
