//! Hooks: commands and signals that make services read new files, after a renewal and after a change of the CRLs.

mod group;
mod pid_file;

use std::ffi::OsString;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use tokio::process::Command;

pub use self::group::reap_orphans;
pub use self::pid_file::{HookSignal, PidFileError};
use super::host::absolute;
use crate::span::{parse_span, show_span};

/// The path of a hook whose process has none.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The hooks of a renewal.
#[derive(Clone, Debug, clap::Args)]
pub struct Hooks {
    /// Command to run after each renewal, through `sh -c`
    #[arg(long, value_name = "CMD", value_parser = NonEmptyStringValueParser::new())]
    pub on_renew: Option<String>,
    /// The hooks without a command.
    #[command(flatten)]
    pub reload: Reload,
}

/// The file of the host's policy, and its hook.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct PolicyFlags {
    /// File for the policy of this host, JSON with mode 0600; the daemon replaces it whenever the policy changes
    #[arg(long, value_name = "FILE", value_parser = absolute())]
    pub policy_out: Option<PathBuf>,
    /// Command to run after each change of that file, through `sh -c`, with --hook-timeout
    #[arg(long, value_name = "CMD", value_parser = NonEmptyStringValueParser::new(), requires = "policy_out")]
    pub policy_hook: Option<String>,
}

/// The services that read the new files.
#[derive(Clone, Debug, clap::Args)]
pub struct Reload {
    /// systemd unit to reload, or to restart if it cannot reload; repeat the flag for more units
    #[arg(long, value_name = "NAME", value_parser = parse_unit)]
    pub reload_unit: Vec<String>,
    /// Signal for the process in --pid-file: HUP, USR1, USR2, WINCH or TERM
    #[arg(long, value_name = "NAME", value_parser = HookSignal::parse, requires = "pid_file")]
    pub signal: Option<HookSignal>,
    /// File with the number of the process for --signal; nobody but root or the owner of that process may be able to write it
    #[arg(long, value_name = "FILE", value_parser = absolute(), requires = "signal")]
    pub pid_file: Option<PathBuf>,
    /// Time limit of each hook, such as 60s or 5m; after it, the hook and its process group are ended
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = parse_span)]
    pub hook_timeout: Duration,
}

/// A failure of a hook.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// It did not start.
    #[error("{hook} did not start: {source}")]
    NotStarted {
        /// Its flag or unit.
        hook: String,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// It reported a failure.
    #[error("{hook} ended with {status}")]
    Failed {
        /// Its flag or unit.
        hook: String,
        /// Its exit status.
        status: ExitStatus,
    },
    /// It ran into its time limit.
    #[error("{hook} did not end within {}, and was ended: give it longer with --hook-timeout", show_span(*.limit))]
    TooLong {
        /// Its flag or unit.
        hook: String,
        /// The time that it had.
        limit: Duration,
    },
    /// This process was stopped while it ran.
    #[error("{hook} was ended, because gatepass stops")]
    Stopped {
        /// Its flag or unit.
        hook: String,
    },
    /// The signal was not sent.
    #[error(transparent)]
    PidFile(#[from] PidFileError),
}

/// Hooks that are ready to run.
#[derive(Debug)]
pub struct Hook {
    /// The flag of the command, and the command.
    command: Option<(&'static str, String)>,
    reload: Reload,
    /// Everything that a hook sees of the environment.
    environment: Vec<(OsString, OsString)>,
}

impl Hook {
    /// The hooks of a renewal in `dir`; `None` without any. They see `environment`, and `dir` in `GATEPASS_CERT_DIR`.
    pub fn after_renewal(hooks: Hooks, dir: &Path, environment: Variables) -> Option<Self> {
        let command = hooks.on_renew.map(|command| ("--on-renew", command));
        Self::new(command, hooks.reload, "GATEPASS_CERT_DIR", dir, environment)
    }

    /// The hook of a change of the policy in `file`; `None` without a command. It sees `environment`, and `file` in
    /// `GATEPASS_POLICY_FILE`.
    pub fn after_policy(
        command: Option<String>,
        hook_timeout: Duration,
        file: &Path,
        environment: Variables,
    ) -> Option<Self> {
        let reload = Reload { reload_unit: Vec::new(), signal: None, pid_file: None, hook_timeout };
        let command = command.map(|command| ("--policy-hook", command));
        Self::new(command, reload, "GATEPASS_POLICY_FILE", file, environment)
    }

    /// The hooks of a change of the CRLs in `file`; `None` without any. They see `environment`, and `file` in
    /// `GATEPASS_CRL_FILE`.
    pub fn after_crls(
        exec: Option<String>,
        reload: Reload,
        file: &Path,
        environment: Variables,
    ) -> Option<Self> {
        Self::new(exec.map(|command| ("--exec", command)), reload, "GATEPASS_CRL_FILE", file, environment)
    }

    fn new(
        command: Option<(&'static str, String)>,
        reload: Reload,
        variable: &str,
        path: &Path,
        Variables(mut environment): Variables,
    ) -> Option<Self> {
        let some = command.is_some() || !reload.reload_unit.is_empty() || reload.signal.is_some();
        // A hook may run in another working directory.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        environment.push((variable.into(), path.into()));
        some.then_some(Self { command, reload, environment })
    }

    /// Runs every hook, also after one has failed. Each is ended with its process group at its time limit and at `stop`; a
    /// process that it left behind before lives on.
    ///
    /// # Errors
    /// The first failure.
    pub async fn run(&self, stop: impl Future<Output = ()>) -> Result<(), HookError> {
        tokio::pin!(stop);
        let mut first = Ok(());
        for (name, command, goes_on) in self.commands() {
            match group::run(name, command, self.reload.hook_timeout, stop.as_mut()).await {
                Err(stopped @ HookError::Stopped { .. }) => return Err(stopped),
                Err(HookError::TooLong { .. }) if goes_on => {}
                ended => first = first.and(ended),
            }
        }
        if let (Some(signal), Some(file)) = (self.reload.signal, &self.reload.pid_file) {
            first = first.and(pid_file::send(signal, file).map_err(HookError::from));
        }
        first
    }

    /// The programs to run, with their names for people, and whether their work goes on without them: systemd's does. A slow
    /// unit must not be restarted again and again.
    fn commands(&self) -> Vec<(String, Command, bool)> {
        let shell = self.command.iter().map(|(flag, command)| {
            (format!("the {flag} command"), self.program("/bin/sh", &["-c", command]), false)
        });
        let units = self.reload.reload_unit.iter().map(|unit| {
            let words = ["--no-ask-password", "try-reload-or-restart", "--", unit];
            (format!("the reload of {unit}"), self.program("systemctl", &words), true)
        });
        shell.chain(units).collect()
    }

    fn program(&self, name: &str, words: &[&str]) -> Command {
        let mut program = Command::new(name);
        program.args(words).env_clear().env("PATH", PATH).envs(self.environment.iter().cloned());
        program
    }
}

/// The variables of this process that a hook may see.
#[derive(Clone, Debug, Default)]
pub struct Variables(pub Vec<(OsString, OsString)>);

/// Parses the name of a unit, which is an argument of systemctl.
fn parse_unit(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    match !text.is_empty() && !text.starts_with('-') && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is not the name of a unit, such as nginx.service")),
    }
}

#[cfg(test)]
mod tests;
