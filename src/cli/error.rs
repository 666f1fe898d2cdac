//! The errors of commands and their exit codes.

use std::io;
use std::path::PathBuf;

use super::words;
use crate::client::ClientError;
use crate::config::ConfigErrors;
use crate::server::{RunError, StartError};

/// The failure of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The server did not start.
    #[error(transparent)]
    Start(StartError),
    /// A command without a server failed; nothing was changed.
    #[error("{}", .0.problems.join("; "))]
    Offline(StartError),
    /// The server ended with an error.
    #[error(transparent)]
    Run(RunError),
    /// The server refused or was not reached, or the host's files are wrong.
    #[error(transparent)]
    Client(ClientError),
    /// The command line asks for something that cannot be done.
    #[error("{0}")]
    Usage(String),
    /// A check failed.
    #[error("{0}")]
    Unsound(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Standard input or output failed.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
    /// The reader of the output is gone: not a failure.
    #[error("the reader of the output is gone")]
    Closed,
    /// The command has printed everything; only the exit code is left.
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

    /// Returns true if nothing is printed for the error.
    pub(crate) const fn is_silent(&self) -> bool {
        matches!(self, Self::Closed | Self::Code(_))
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused(mut problem) => {
                words::translate(&mut problem);
                Self::Client(ClientError::Refused(problem))
            }
            other => Self::Client(other),
        }
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
