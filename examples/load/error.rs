//! Errors of measurements.

use std::path::PathBuf;

/// A failed measurement.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The command line asks for something that cannot be done.
    #[error("{0}")]
    Usage(String),
    /// The server's binary is not there.
    #[error("there is no gatepass at {}: run `cargo build --release` first, or give --gatepass FILE", .0.display())]
    NoBinary(PathBuf),
    /// The server did not start.
    #[error("the server did not start: {0}")]
    NotStarted(String),
    /// The server answered what a preparation cannot go on with.
    #[error("preparing {what}: the server answered {status} {code}{hint}")]
    Refused {
        /// The step of the preparation.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The problem's code, or nothing.
        code: String,
        /// Advice.
        hint: &'static str,
    },
    /// An answer is not what the API promises.
    #[error("preparing {what}: the answer has no {missing}")]
    Answer {
        /// The step of the preparation.
        what: String,
        /// The missing member.
        missing: &'static str,
    },
    /// TLS, keys or certificates.
    #[error("certificates and keys: {0}")]
    Crypto(String),
    /// The system.
    #[error("{doing}: {source}")]
    Io {
        /// The failed step.
        doing: String,
        /// The error of the system.
        source: std::io::Error,
    },
}

impl LoadError {
    /// Something the system refused while `doing`.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    /// A failure of keys or certificates.
    pub(crate) fn crypto(error: impl std::fmt::Display) -> Self {
        Self::Crypto(error.to_string())
    }
}
