//! The first administrator's password: from the environment, a file or a credential of the service manager, never from the
//! configuration file or a flag.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::problem::{ConfigProblem, ValueOrigin};
use super::{Environment, Overrides};
use crate::access::password;
use crate::secret::Secret;
use crate::secret::file::read;

const VARIABLE: &str = "GATEPASS_ADMIN_PASSWORD";
/// The purpose of the password.
const FIRST_ADMIN: &str = "admin";
const FLAG: &str = "--admin-password-file";
/// The directory of the service manager's credentials, and the credential with the password: systemd.exec(5), `LoadCredential=`.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
const CREDENTIAL: &str = "gatepass.admin-password";

/// The first administrator's password, or the file that holds it.
pub enum AdminPassword {
    /// The checked password.
    Given(Secret<String>),
    /// A file. Only a first start reads it, so that it can be removed afterwards.
    File {
        /// The file.
        path: PathBuf,
        /// The flag or variable that named it.
        origin: ValueOrigin,
        /// Its password, once it was read.
        kept: OnceLock<Secret<String>>,
    },
}

impl AdminPassword {
    /// Returns the password. A file is read once, because it may be a pipe.
    ///
    /// # Errors
    /// The file cannot be read, or its password is not acceptable.
    pub fn read(&self) -> Result<Secret<String>, ConfigProblem> {
        match self {
            Self::Given(password) => Ok(copy(password)),
            Self::File { path, origin, kept } => {
                if let Some(password) = kept.get() {
                    return Ok(copy(password));
                }
                let password = read_checked(path, origin)?;
                // A second reader at the same time has read the same file.
                let _ = kept.set(copy(&password));
                Ok(password)
            }
        }
    }
}

pub(super) fn admin_password(
    environment: &Environment,
    overrides: &Overrides,
    problems: &mut Vec<ConfigProblem>,
) -> Option<AdminPassword> {
    let file = |path: PathBuf, origin| AdminPassword::File { path, origin, kept: OnceLock::new() };
    if let Some(path) = &overrides.admin_password_file {
        let origin = ValueOrigin::Flag(format!("{FLAG} {}", path.display()));
        return Some(file(path.clone(), origin));
    }
    let Some(given) = environment.get(VARIABLE) else {
        let path = environment.path(CREDENTIALS)?.join(CREDENTIAL);
        let origin = ValueOrigin::Variable(format!("{CREDENTIALS} ({})", path.display()));
        return path.exists().then(|| file(path, origin));
    };
    let checked = checked(Secret::new(given.to_owned()), ValueOrigin::Variable(VARIABLE.to_owned()));
    checked.map_err(|problem| problems.push(problem)).map(AdminPassword::Given).ok()
}

fn read_checked(path: &Path, origin: &ValueOrigin) -> Result<Secret<String>, ConfigProblem> {
    match read(path) {
        Ok(password) => checked(password, origin.clone()),
        Err(error) => Err(ConfigProblem::Conflict { origin: origin.clone(), why: error.cause.to_string() }),
    }
}

fn copy(password: &Secret<String>) -> Secret<String> {
    Secret::new(password.expose().clone())
}

fn checked(password: Secret<String>, origin: ValueOrigin) -> Result<Secret<String>, ConfigProblem> {
    match password::check(&password, FIRST_ADMIN) {
        Ok(()) => Ok(password),
        Err(error) => {
            let example = String::from("four or five unrelated words");
            Err(ConfigProblem::Invalid { origin, why: error.to_string(), example })
        }
    }
}
