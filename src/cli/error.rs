//! The errors of commands and their exit codes.

use std::io;
use std::path::PathBuf;

use clap::Command;
use serde_json::{Value, json};

use super::words;
use crate::client::ClientError;
use crate::client::api::given;
use crate::client::problem::ServerProblem;
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
    /// The same command can succeed later.
    #[error(transparent)]
    Later(ClientError),
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
    /// Standard output failed.
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
    /// Standard input failed.
    #[error("the input cannot be read: {0}")]
    Input(io::Error),
    /// The user left a prompt without an answer.
    #[error("cancelled: nothing was done")]
    Cancelled,
    /// A signal ended the wait of a command that continues with its next run.
    #[error("interrupted: run the same command again; the key on this host stays the same")]
    Interrupted,
    /// A secret that is shown once was not shown.
    #[error("the {what} {id} is lost: {why}; it cannot be shown again, so remove it with `{remedy} {id}`")]
    Lost {
        /// The noun of the secret.
        what: &'static str,
        /// Id of the token or key.
        id: String,
        /// The reason.
        why: String,
        /// The command that ends it.
        remedy: &'static str,
    },
    /// The command has printed everything; only the exit code is left.
    #[error("exit code {0}")]
    Code(u8),
}

/// Exit code of a host's command that can succeed later (EX_TEMPFAIL of sysexits).
const LATER: u8 = 75;
/// Exit code of a command whose host the authority refuses: a supervisor must not start it again (EX_NOPERM of sysexits).
pub(crate) const SHUT_OUT: u8 = 77;

impl CliError {
    /// The failure of a host's command, which can be one to try again.
    pub(crate) fn of_host(error: ClientError) -> Self {
        match error.is_later() {
            true => Self::Later(error),
            false => error.into(),
        }
    }

    /// The exit code: 1 refused or failed, 2 usage or start, 74 a failed disk, 75 later.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Client(error) if error.is_usage() => 2,
            Self::Config(_) | Self::Start(_) | Self::Offline(_) | Self::Usage(_) => 2,
            Self::Run(error) => error.exit_code(),
            Self::Client(_)
            | Self::Unsound(_)
            | Self::File { .. }
            | Self::Output(_)
            | Self::Input(_)
            | Self::Cancelled
            | Self::Lost { .. } => 1,
            Self::Later(_) | Self::Interrupted => LATER,
            Self::Code(code) => *code,
        }
    }

    /// The same error in the words of `command`, whose flags take the place of the API's fields.
    pub(crate) fn in_words_of(mut self, command: &Command) -> Self {
        if let Self::Client(ClientError::Refused(problem)) | Self::Later(ClientError::Refused(problem)) =
            &mut self
        {
            words::translate(problem, command);
        }
        self
    }

    /// The error as a document for scripts.
    pub(crate) fn document(&self) -> Value {
        let refusal = match self {
            Self::Client(error) | Self::Later(error) => error.refusal(),
            _ => None,
        };
        let body = refusal.map(|refusal| &refusal.body);
        let waiting = match self {
            Self::Later(ClientError::Waiting { enrollment, .. }) => Some(enrollment),
            _ => None,
        };
        given(json!({
            "error": self.to_string(), "exit_code": self.exit_code(),
            "code": body.map(|body| &body.code), "status": body.map(|body| body.status), "waiting": waiting,
            "fields": body.map(|body| &body.fields).filter(|fields| !fields.is_empty()),
            "request_id": refusal.and_then(|refusal: &ServerProblem| refusal.request),
        }))
    }

    /// Returns true if nothing is printed for the error.
    pub(crate) const fn is_silent(&self) -> bool {
        matches!(self, Self::Code(_))
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}
