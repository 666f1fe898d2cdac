//! The first administrator's password: from the environment or a file, never from the configuration file or a flag.

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

/// The first administrator's password, or the file that holds it.
pub enum AdminPassword {
    /// The checked password.
    Given(Secret<String>),
    /// The file, and its password once it was read. Only a first start reads the file, so that it can be removed afterwards.
    File(PathBuf, OnceLock<Secret<String>>),
}

impl AdminPassword {
    /// Returns the password. A file is read once, because it may be a pipe.
    ///
    /// # Errors
    /// The file cannot be read, or its password is not acceptable.
    pub fn read(&self) -> Result<Secret<String>, ConfigProblem> {
        match self {
            Self::Given(password) => Ok(copy(password)),
            Self::File(path, kept) => {
                if let Some(password) = kept.get() {
                    return Ok(copy(password));
                }
                let password = read_checked(path)?;
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
    if let Some(path) = &overrides.admin_password_file {
        return Some(AdminPassword::File(path.clone(), OnceLock::new()));
    }
    let given = Secret::new(environment.get(VARIABLE)?.to_owned());
    let checked = checked(given, ValueOrigin::Variable(VARIABLE.to_owned()));
    checked.map_err(|problem| problems.push(problem)).map(AdminPassword::Given).ok()
}

fn read_checked(path: &Path) -> Result<Secret<String>, ConfigProblem> {
    let flag = ValueOrigin::Flag(format!("{FLAG} {}", path.display()));
    match read(path) {
        Ok(password) => checked(password, flag),
        Err(error) => Err(ConfigProblem::Conflict { origin: flag, why: error.cause.to_string() }),
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
