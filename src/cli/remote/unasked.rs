//! Connections that ask for no password.

use std::path::Path;

use super::{Remote, local_target, no_server};
use crate::cli::error::CliError;
use crate::cli::local::Local;
use crate::client::api::{Api, Credential};
use crate::config::Environment;

impl Remote {
    /// A connection with the local credential of the server on `data_dir`, whatever the environment says.
    pub(crate) fn connect_local(data_dir: &Path) -> Result<Api, CliError> {
        let local = Local::load(Some(data_dir))?.ok_or_else(no_server)?;
        Self::open(local_target(&local), local.bearer())
    }

    /// A connection that asks for no password, for a shell that completes a line.
    pub(crate) fn connect_silently(&self, environment: &Environment) -> Option<Api> {
        let local = self.local(environment).ok()?;
        let key = self.given_key(environment).ok()?.map(Credential::Bearer);
        let target = match &local {
            Some(local) => local_target(local),
            None => self.target(environment).ok()?,
        };
        let kept = || target.profile.as_ref()?.credential().ok()?;
        let credential = key.or_else(|| local.as_ref().map(Local::bearer)).or_else(kept)?;
        Self::open(target, credential).ok()
    }
}
