//! strace, which makes system calls of the server fail or lie.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Fault;
use crate::tools;

/// A change of the results of some system calls.
#[derive(Clone, Debug)]
pub(crate) struct Injection {
    /// Names of the calls, separated by commas.
    pub(crate) calls: &'static str,
    /// Result in place of the call: `error=EIO` fails, `retval=0` lies.
    pub(crate) instead: &'static str,
    /// The calls that are replaced: `3` the third, `3+` from there on. Every call, if empty.
    pub(crate) when: String,
    /// Restricts it to calls on this file.
    pub(crate) file: Option<PathBuf>,
}

impl Injection {
    /// Words for a finding.
    pub(crate) fn name(&self) -> String {
        let Self { calls, instead, when, .. } = self;
        format!("{calls} {instead} when={when}")
    }

    /// A command that runs `program` under this injection. The program stays the direct child of the caller.
    pub(crate) fn command(&self, program: &Path, trace: &Path) -> Command {
        let Self { calls, instead, when, .. } = self;
        let when = if when.is_empty() { String::new() } else { format!(":when={when}") };
        let mut command = Command::new("strace");
        // -D: the tracer is a grandchild, so that a signal to the child is one to the server.
        command.args(["-D", "-f", "--seccomp-bpf", "-qq", "-y", "-o"]).arg(trace);
        command.args(["-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:{instead}{when}")]);
        if let Some(file) = &self.file {
            command.arg("-P").arg(file);
        }
        command.arg("--").arg(program);
        command
    }
}

/// Fails if strace is not installed.
pub(crate) fn need() -> Result<(), Fault> {
    let asked = tools::run(Command::new("strace").arg("--version"));
    asked
        .map(drop)
        .map_err(|error| format!("{error}; install strace (Debian: apt-get install strace)").into())
}

/// Number of injected results in a trace.
pub(crate) fn injected(trace: &Path) -> u64 {
    let text = fs::read_to_string(trace).unwrap_or_default();
    text.lines().filter(|line| line.ends_with("(INJECTED)")).count() as u64
}
