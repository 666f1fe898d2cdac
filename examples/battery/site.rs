//! Paths of a server: its data directory, its log, its binary.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Fault;
use crate::arguments::{Arguments, Mode};
use crate::authority::{Authority, Started};
use crate::child::beside;
use crate::record::unique;
use crate::strace::Injection;
use crate::tools;

/// The issuer of its tokens, whichever port it has after a restart.
const URL: &str = "server.external_url=https://127.0.0.1:8443";

/// A directory that is deleted at the end, unless it is kept.
pub(crate) enum Place {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Place {
    /// A new directory for a mode.
    pub(crate) fn new(arguments: &Arguments, mode: Mode) -> Result<Self, Fault> {
        let Some(keep) = &arguments.keep else { return Ok(Self::Temporary(tempfile::tempdir()?)) };
        let dir = keep.join(format!("{}-{}", mode.name(), unique()));
        fs::create_dir_all(&dir)?;
        Ok(Self::Kept(dir))
    }

    /// The directory of the mode.
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Temporary(dir) => dir.path(),
            Self::Kept(dir) => dir,
        }
    }
}

/// Paths of a server that can be started again and again.
#[derive(Clone)]
pub(crate) struct Site {
    gatepass: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) password: String,
}

impl Site {
    /// A site with its data and its log in `dir`.
    pub(crate) fn new(arguments: &Arguments, dir: &Path) -> Result<Self, Fault> {
        let gatepass = arguments.gatepass.clone().map_or_else(beside, |path| path.canonicalize())?;
        let (data, log) = (dir.join("data"), dir.join("log"));
        Ok(Self { gatepass, data, log, password: unique() })
    }

    /// The same server on another data directory.
    pub(crate) fn on(&self, data: PathBuf) -> Self {
        Self { data, ..self.clone() }
    }

    /// Starts the server and waits until it answers or ends.
    pub(crate) async fn start(&self) -> Result<Started, Fault> {
        self.spawn(Command::new(&self.gatepass)).await
    }

    /// The same while strace replaces results of system calls, with a trace of them.
    pub(crate) async fn start_under(&self, injection: &Injection, trace: &Path) -> Result<Started, Fault> {
        self.spawn(injection.command(&self.gatepass, trace)).await
    }

    /// Starts the server, which must succeed.
    pub(crate) async fn must_start(&self) -> Result<Authority, Fault> {
        match self.start().await? {
            Started::Runs(authority) => Ok(authority),
            Started::Ended(how) => Err(format!("the server does not start: {how}").into()),
        }
    }

    async fn spawn(&self, mut command: Command) -> Result<Started, Fault> {
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("GATEPASS_ADMIN_PASSWORD", &self.password);
        command.args(["serve", "--listen", "127.0.0.1:0", "--set", URL, "--data-dir"]).arg(&self.data);
        for limit in ["address", "actor", "refused_token", "refused_address"] {
            command.args(["--set", &format!("limits.{limit}=off")]);
        }
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn();
        let child = child.map_err(|error| format!("{}: {error}", command.get_program().to_string_lossy()))?;
        Authority::wait_for(child, self).await
    }

    /// Verifies the ledger without a server.
    pub(crate) fn verify_ledger(&self) -> Result<(), Fault> {
        let mut command = Command::new(&self.gatepass);
        tools::run(command.env_clear().args(["ledger", "verify", "--offline"]).arg(&self.data)).map(drop)
    }

    /// The last lines of the log that are not about a request.
    pub(crate) fn end_of_log(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines = text.lines().filter(|line| !line.contains(" INFO ")).collect::<Vec<_>>();
        lines[lines.len().saturating_sub(2)..].join(" / ")
    }
}
