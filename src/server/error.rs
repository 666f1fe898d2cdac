//! Errors of starting and running.

use std::fmt;

/// All reasons for which a server did not start, each with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    /// The reasons.
    pub problems: Vec<String>,
}

impl StartError {
    pub(super) fn of(problem: impl fmt::Display) -> Self {
        Self { problems: vec![problem.to_string()] }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("gatepass did not start; nothing was changed")?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n  - {problem}"))
    }
}

impl std::error::Error for StartError {}

/// Reasons for which a running server ends without being stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// The disk failed, or it is unknown whether a commit reached it.
    #[error(
        "the disk failed: gatepass has stopped so that nothing is answered that may not be stored; see the log"
    )]
    DiskFailed,
    /// A file that the running server needs could not be written.
    #[error("{0}")]
    File(String),
}

impl RunError {
    /// The exit code of the process: 74 (EX_IOERR of sysexits.h) for a failed disk.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::DiskFailed => 74,
            Self::File(_) => 2,
        }
    }
}
