//! Errors of starting and running.

use std::fmt;

/// All reasons for which a server did not start, each with its remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartError {
    /// The reasons.
    pub problems: Vec<String>,
    /// The changes that the start had made before it failed.
    pub written: Written,
}

/// The changes of a failed start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// No file and no row differs.
    Nothing,
    /// The database has the newest schema, and a copy of the older one exists.
    Migration,
    /// Some of its files. The next start completes them.
    Part,
}

impl StartError {
    pub(crate) fn of(problem: impl fmt::Display) -> Self {
        Self::all(vec![problem.to_string()])
    }

    /// The problems that were found before anything was written.
    pub(super) const fn all(problems: Vec<String>) -> Self {
        Self { problems, written: Written::Nothing }
    }

    /// The same error of a start that had written this before.
    pub(super) fn after(self, written: Written) -> Self {
        Self { written, ..self }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.written {
            Written::Nothing => "gatepass did not start; nothing was changed",
            Written::Migration => {
                "gatepass did not start; the database was migrated (its copy ends with .bak), nothing else was changed"
            }
            Written::Part => "gatepass did not start; some files were written already, and the next start completes them",
        })?;
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
