//! The first administrator's password: from the environment or a file, never from the configuration file or a flag.

use std::path::Path;

use super::problem::{ConfigProblem, Place};
use super::{Environment, Overrides};
use crate::secret::Secret;

const VARIABLE: &str = "GATEPASS_ADMIN_PASSWORD";
const FLAG: &str = "--admin-password-file";

/// How many characters an administrator's password has at least.
pub const MIN_PASSWORD_LENGTH: usize = 12;

/// How many it has at most: longer ones only cost the server time.
pub const MAX_PASSWORD_LENGTH: usize = 128;

pub(super) fn admin_password(
    environment: &Environment,
    overrides: &Overrides,
    problems: &mut Vec<ConfigProblem>,
) -> Option<Secret<String>> {
    let (place, password) = match (&overrides.admin_password_file, environment.get(VARIABLE)) {
        (Some(path), _) => (Place::Flag(format!("{FLAG} {}", path.display())), read(path, problems)?),
        (None, Some(text)) => (Place::Variable(VARIABLE.to_owned()), Secret::new(text.to_owned())),
        (None, None) => return None,
    };
    match check_password(&password) {
        Ok(()) => Some(password),
        Err(why) => {
            let example = String::from("four or five unrelated words");
            problems.push(ConfigProblem::Invalid { place, why, example });
            None
        }
    }
}

/// Whether a password may be an administrator's: 12 to 128 characters, no control characters.
///
/// # Errors
/// What is wrong with it; never the password.
pub fn check_password(password: &Secret<String>) -> Result<(), String> {
    match password.expose().chars().count() {
        length if length < MIN_PASSWORD_LENGTH => {
            Err(format!("the password has {length} characters; at least {MIN_PASSWORD_LENGTH} are needed"))
        }
        length if length > MAX_PASSWORD_LENGTH => {
            Err(format!("the password has {length} characters; at most {MAX_PASSWORD_LENGTH} are allowed"))
        }
        _ if password.expose().chars().any(char::is_control) => {
            Err(String::from("the password holds control characters"))
        }
        _ => Ok(()),
    }
}

fn read(path: &Path, problems: &mut Vec<ConfigProblem>) -> Option<Secret<String>> {
    match std::fs::read_to_string(path).map(Secret::new) {
        Ok(text) => Some(Secret::new(text.expose().trim_end_matches(['\r', '\n']).to_owned())),
        Err(error) => {
            problems.push(ConfigProblem::Unreadable { path: path.to_owned(), why: error.to_string() });
            None
        }
    }
}
