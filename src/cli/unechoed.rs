//! A line typed at a terminal without echo. The terminal is put back after every end: Enter, Ctrl-C, Ctrl-D, Ctrl-\ and a
//! signal that asks the process to stop.

use std::io::{self, PipeReader, PipeWriter, Write as _};

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{read, retry_on_intr};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex as Code, Termios, tcgetattr, tcsetattr};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The longest line: twice what a terminal passes on.
const LONGEST: usize = 8192;

/// Reads a line from standard input, which is a terminal. `None` if the user cancelled.
///
/// # Errors
/// If the terminal fails, or the line is no text.
pub(crate) fn read_line(question: &str) -> io::Result<Option<Secret<String>>> {
    let terminal = Unechoed::begin()?;
    let mut err = io::stderr().lock();
    let _ = write!(err, "{question}");
    let _ = err.flush();
    let line = terminal.line();
    drop(terminal);
    // The end of the line was not echoed.
    let _ = writeln!(err);
    line
}

/// The running prompt. A byte in its pipe ends it.
static PROMPT: Mutex<Option<PipeWriter>> = Mutex::new(None);

/// The terminal of standard input while it does not echo. Dropping it puts the terminal back.
struct Unechoed {
    before: Termios,
    /// Readable once a signal asks the process to stop.
    stopped: PipeReader,
}

impl Unechoed {
    /// Stops the echo. Keys no longer send signals, which would end the process with the echo off: Ctrl-C and Ctrl-\ end a
    /// line instead.
    fn begin() -> io::Result<Self> {
        watch_signals()?;
        let (stopped, stop) = io::pipe()?;
        let terminal = Self { before: tcgetattr(io::stdin())?, stopped };
        *PROMPT.lock() = Some(stop);
        let mut modes = terminal.before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        modes.local_modes.insert(LocalModes::ICANON);
        modes.special_codes[Code::VEOL] = terminal.before.special_codes[Code::VINTR];
        modes.special_codes[Code::VEOL2] = terminal.before.special_codes[Code::VQUIT];
        tcsetattr(io::stdin(), OptionalActions::Now, &modes)?;
        Ok(terminal)
    }

    /// Reads what was typed. Nothing if the user typed Ctrl-D, or a signal asks the process to stop.
    fn read(&self, part: &mut [u8]) -> rustix::io::Result<usize> {
        let stdin = io::stdin();
        let mut ends = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&self.stopped, PollFlags::IN)];
        // The signal itself ends no prompt: its receiver would find none, and end the process.
        retry_on_intr(|| poll(&mut ends, None))?;
        if ends[1].revents().is_empty() { retry_on_intr(|| read(&stdin, &mut *part)) } else { Ok(0) }
    }

    /// The line, without its end. `None` if Ctrl-C, Ctrl-\, Ctrl-D or a signal ended it.
    fn line(&self) -> io::Result<Option<Secret<String>>> {
        let cancels = [Code::VINTR, Code::VQUIT].map(|key| self.before.special_codes[key]);
        // It never grows, so that no copy of the secret stays behind.
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
        let mut part = Zeroizing::new([0; LONGEST / 2]);
        loop {
            let read = match self.read(&mut part[..])? {
                0 => return Ok(None),
                read => &part[..read],
            };
            match read.split_last() {
                Some((last, _)) if *last != 0 && cancels.contains(last) => return Ok(None),
                Some((b'\n', text)) if line.len() + text.len() <= LONGEST => {
                    line.extend_from_slice(text);
                    return text_of(&line).map(Some);
                }
                // Ctrl-D after text passes the text on, without an end of the line.
                _ if line.len() + read.len() <= LONGEST => line.extend_from_slice(read),
                _ => return Err(io::Error::other(format!("the line is longer than {LONGEST} bytes"))),
            }
        }
    }
}

impl Drop for Unechoed {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
        *PROMPT.lock() = None;
    }
}

/// Receives the signals that ask the process to stop, from the first prompt on. They end a running prompt, and else the process.
/// A handler of tokio stays for good: without a receiver, no signal would stop a command that had a prompt.
fn watch_signals() -> io::Result<()> {
    static WATCHED: Mutex<bool> = Mutex::new(false);
    let mut watched = WATCHED.lock();
    if std::mem::replace(&mut *watched, true) {
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let receivers = {
        let _entered = runtime.enter();
        [SignalKind::terminate(), SignalKind::hangup(), SignalKind::interrupt()].map(signal)
    };
    let [terminate, hangup, interrupt] = receivers;
    let (mut terminate, mut hangup, mut interrupt) = (terminate?, hangup?, interrupt?);
    let watch = async move {
        loop {
            let kind = tokio::select! {
                _ = terminate.recv() => SignalKind::terminate(),
                _ = hangup.recv() => SignalKind::hangup(),
                _ = interrupt.recv() => SignalKind::interrupt(),
            };
            match &mut *PROMPT.lock() {
                Some(stop) => drop(stop.write_all(&[0])),
                // A shell reports a process that a signal has ended so.
                None => std::process::exit(128 + kind.as_raw_value()),
            }
        }
    };
    let thread = std::thread::Builder::new().name(String::from("signals"));
    thread.spawn(move || runtime.block_on(watch)).map(drop)
}

fn text_of(line: &[u8]) -> io::Result<Secret<String>> {
    let text = std::str::from_utf8(line).map_err(|_| io::Error::other("the typed line is not UTF-8 text"))?;
    Ok(Secret::new(text.to_owned()))
}
