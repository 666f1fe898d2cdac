//! How a command ends badly, and with which exit code.

use std::io;
use std::path::PathBuf;

use crate::client::ClientError;
use crate::config::ConfigErrors;
use crate::server::{RunError, StartError};

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The server did not start.
    #[error(transparent)]
    Start(StartError),
    /// A command that works on the data itself could not do so; nothing was changed.
    #[error("{}", .0.problems.join("; "))]
    Offline(StartError),
    /// The server ended badly.
    #[error(transparent)]
    Run(RunError),
    /// The server refused, was not reached, or the host's files are not right.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The command line asks for something that cannot be done.
    #[error("{0}")]
    Usage(String),
    /// What was checked is not as it should be.
    #[error("{0}")]
    Unsound(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The terminal, or what stands in its place, failed.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
    /// Whoever read our output went away: that is no failure.
    #[error("the reader of the output is gone")]
    Closed,
    /// The command has said all there is to say; only the exit code is left.
    #[error("exit code {0}")]
    Code(u8),
}

impl CliError {
    /// The exit code: 1 refused or failed, 2 usage or start, 74 a failed disk.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Start(_) | Self::Offline(_) | Self::Usage(_) => 2,
            Self::Run(error) => error.exit_code(),
            Self::Client(_) | Self::Unsound(_) | Self::File { .. } | Self::Output(_) => 1,
            Self::Closed => 0,
            Self::Code(code) => *code,
        }
    }

    /// Whether there is something to say about it.
    pub(crate) const fn is_silent(&self) -> bool {
        matches!(self, Self::Closed | Self::Code(_))
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Output(error),
        }
    }
}
