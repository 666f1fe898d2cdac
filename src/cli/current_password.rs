//! The caller's own password, which a session needs to set a password or to give admin rights.

use std::path::PathBuf;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::ask;
use super::error::CliError;
use crate::client::ClientError;
use crate::client::api::Api;

/// The code of the server's refusal.
const REQUIRED: &str = "current_password_required";

/// The flag for the caller's own password.
#[derive(Args)]
pub(crate) struct CurrentPassword {
    /// File with your own password, or - for standard input; default: a prompt if the server asks for it
    ///
    /// A session of `gatepass login` needs it to set a password or to give admin rights.
    #[arg(long, value_name = "FILE")]
    current_password_file: Option<PathBuf>,
}

impl CurrentPassword {
    /// Sends `body`, with the password if the flag is given. If the server asks for it, prompts and sends both again.
    pub(crate) async fn send(
        &self,
        api: &Api,
        method: Method,
        path: &str,
        mut body: Value,
    ) -> Result<Value, CliError> {
        if let Some(file) = &self.current_password_file {
            let password = ask::read_file(file)?;
            body["current_password"] = json!(password.expose());
            return Ok(api.change(method, path, &body).await?);
        }
        match api.change(method.clone(), path, &body).await {
            Err(ClientError::Refused(problem)) if problem.body.code == REQUIRED => {
                let instead =
                    "your session needs your own password for this: give --current-password-file FILE";
                body["current_password"] = json!(ask::prompt("your current password: ", instead)?.expose());
                Ok(api.change(method, path, &body).await?)
            }
            answer => Ok(answer?),
        }
    }
}
