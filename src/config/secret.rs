//! The first administrator's password: from the environment or a file, never from the configuration file or a flag.

use std::path::Path;

use super::problem::{ConfigProblem, ValueOrigin};
use super::{Environment, Overrides};
use crate::access::password;
use crate::secret::Secret;

const VARIABLE: &str = "GATEPASS_ADMIN_PASSWORD";
/// The purpose of the password.
const FIRST_ADMIN: &str = "admin";
const FLAG: &str = "--admin-password-file";

pub(super) fn admin_password(
    environment: &Environment,
    overrides: &Overrides,
    problems: &mut Vec<ConfigProblem>,
) -> Option<Secret<String>> {
    let (origin, password) = match (&overrides.admin_password_file, environment.get(VARIABLE)) {
        (Some(path), _) => (ValueOrigin::Flag(format!("{FLAG} {}", path.display())), read(path, problems)?),
        (None, Some(text)) => (ValueOrigin::Variable(VARIABLE.to_owned()), Secret::new(text.to_owned())),
        (None, None) => return None,
    };
    match password::check(&password, FIRST_ADMIN) {
        Ok(()) => Some(password),
        Err(error) => {
            let why = error.to_string();
            let example = String::from("four or five unrelated words");
            problems.push(ConfigProblem::Invalid { origin, why, example });
            None
        }
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
