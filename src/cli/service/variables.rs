//! Variables of this shell that the renewals need too.

use std::path;

use crate::cli::error::CliError;
use crate::config::Environment;

/// The variables for the way to the server: `NAME=value`.
#[derive(Default)]
pub(super) struct Variables {
    /// Those that every user may read.
    pub(super) public: Vec<String>,
    /// Proxies with a password.
    pub(super) secret: Vec<String>,
}

impl Variables {
    /// The variables that are set, `SSL_CERT_FILE` as an absolute path.
    pub(super) fn of(environment: &Environment) -> Result<Self, CliError> {
        let mut variables = Self::default();
        for (name, value) in environment.for_network() {
            match name {
                "SSL_CERT_FILE" => {
                    let whole = path::absolute(value);
                    let whole = whole.map_err(|source| CliError::File { path: value.into(), source })?;
                    variables.public.push(format!("{name}={}", whole.display()));
                }
                name if name.to_ascii_uppercase().ends_with("_PROXY") && value.contains('@') => {
                    variables.secret.push(format!("{name}={value}"));
                }
                name => variables.public.push(format!("{name}={value}")),
            }
        }
        Ok(variables)
    }
}
