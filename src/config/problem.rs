//! Mistakes in a configuration, each with its source.

use std::fmt;
use std::path::PathBuf;

/// The layer of a value, and its name there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueOrigin {
    /// A key of the configuration file, such as `tokens.default_ttl`.
    File {
        /// The file.
        path: PathBuf,
        /// The field's key.
        key: String,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
    /// Nowhere: the built-in default.
    Default(String),
}

impl fmt::Display for ValueOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, key } => write!(f, "{}: {key}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
            Self::Default(key) => write!(f, "{key} (default)"),
        }
    }
}

/// One mistake. Never the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigProblem {
    /// A file that cannot be read.
    #[error("{}: cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's message.
        why: String,
    },
    /// Not TOML.
    #[error("{}: line {line}: {why}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The parser's message.
        why: String,
    },
    /// A key that means nothing.
    #[error("{origin}: there is no such field; {hint}")]
    Unknown {
        /// The origin of the value.
        origin: ValueOrigin,
        /// The existing names.
        hint: String,
    },
    /// A value of the wrong type, out of range, or not what the field takes.
    #[error("{origin}: {why}; for example: {example}")]
    Invalid {
        /// The origin of the value.
        origin: ValueOrigin,
        /// The fault.
        why: String,
        /// A value that works.
        example: String,
    },
    /// Two values that do not go together.
    #[error("{origin}: {why}")]
    Conflict {
        /// The origin of the value that should change.
        origin: ValueOrigin,
        /// The fault and the next step.
        why: String,
    },
}

/// Everything that is wrong with a configuration, found in one run. It is never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(Vec<ConfigProblem>);

impl ConfigErrors {
    /// The mistakes, as an error if there are any.
    ///
    /// # Errors
    /// All of them.
    pub(super) fn check(problems: Vec<ConfigProblem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }

    /// Each mistake.
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(f, "the configuration has a mistake:")?,
            count => writeln!(f, "the configuration has {count} mistakes:")?,
        }
        for problem in &self.0 {
            writeln!(f, "  - {problem}")?;
        }
        write!(f, "`gatepass check-config --example` prints every field with its default")
    }
}

impl std::error::Error for ConfigErrors {}
