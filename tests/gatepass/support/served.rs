//! The authority as its own process: the built binary on a directory of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use gatepass::id::Fingerprint;
use rustix::process::{Pid, Signal, kill_process};

use super::authority::PASSWORD;
use super::client::Client;

/// Longer than a start or an end takes: a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running server. Dropping it kills it.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
    pub(crate) root: Fingerprint,
}

/// `gatepass`, with no variable of this process that it would look at.
pub(crate) fn gatepass() -> Command {
    without_environment(Command::new(env!("CARGO_BIN_EXE_gatepass")))
}

fn without_environment(mut command: Command) -> Command {
    let ours = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GATEPASS_"));
    for (name, _) in ours {
        command.env_remove(name);
    }
    command.env("GATEPASS_ADMIN_PASSWORD", PASSWORD).stdin(Stdio::null());
    command
}

/// `gatepass serve` on this directory, at a free port.
pub(crate) fn serve(data_dir: &Path) -> Command {
    let mut command = gatepass();
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
    command
}

/// A shell that does `script` and then becomes `gatepass serve` on this directory.
pub(crate) fn serve_after(script: &str, data_dir: &Path) -> Command {
    let mut command = without_environment(Command::new("sh"));
    let serve = "exec \"$0\" serve --listen 127.0.0.1:0 --data-dir \"$1\"";
    command.arg("-c").arg(format!("{script}\n{serve}")).arg(env!("CARGO_BIN_EXE_gatepass")).arg(data_dir);
    command
}

/// Runs a command until it ends. A server that starts instead of ending is killed, so that its test fails.
pub(crate) fn run(command: &mut Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let process = Pid::from_child(&child);
    let (ended, waits) = channel::<()>();
    let guard = thread::spawn(move || {
        if waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(process, Signal::KILL);
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    guard.join().unwrap();
    output
}

/// The error output of a command.
pub(crate) fn complaint(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

impl Served {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let (mut url, mut root, mut line) = (None, None, String::new());
        while url.is_none() || root.is_none() {
            line.clear();
            if lines.read_line(&mut line).unwrap() == 0 {
                let mut complaint = String::new();
                let _ = child.stderr.take().unwrap().read_to_string(&mut complaint);
                panic!("the server did not start: {complaint}");
            }
            let words = line.split_whitespace().collect::<Vec<_>>();
            match words.as_slice() {
                ["gatepass", "listens", "on", at, ..] => url = Some((*at).to_owned()),
                ["root", "fingerprint", text] => root = Fingerprint::parse(text),
                _ => {}
            }
        }
        drain(lines);
        drain(child.stderr.take().unwrap());
        Self { child, url: url.unwrap(), root: root.unwrap() }
    }

    /// A client that signs in as the admin.
    pub(crate) fn admin(&self) -> Client {
        self.stranger().basic("admin", PASSWORD)
    }

    /// A client without a credential.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(&self.url, self.root)
    }

    /// The process.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits until it has ended on its own.
    pub(crate) fn ended(mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// SIGKILL: it has no time to do anything.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        wait(&mut self.child);
    }

    /// Ends it as an operator would.
    pub(crate) fn stop(mut self) -> ExitStatus {
        kill_process(self.pid(), Signal::TERM).unwrap();
        wait(&mut self.child)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has ended already cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a process, which it is on its way to.
fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "the server does not end");
        thread::yield_now();
    }
}

/// Reads on, so that a server that says more is not held up.
fn drain(mut from: impl std::io::Read + Send + 'static) {
    thread::spawn(move || std::io::copy(&mut from, &mut std::io::sink()));
}
