//! New passwords: from a file, the environment or a prompt, never an argument.

use std::path::PathBuf;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{NamedUser, at};
use crate::access::password::{LONGEST, SHORTEST, check};
use crate::cli::ask;
use crate::cli::current_password::CurrentPassword;
use crate::cli::error::CliError;
use crate::cli::output::{self, note};
use crate::cli::profile::Profile;
use crate::cli::remote::{Remote, ServerTarget};
use crate::cli::sign_in::{self, TRIES};
use crate::client::ClientError;
use crate::client::api::Credential;
use crate::config::Environment;
use crate::secret::Secret;

/// Variable of the new password. `GATEPASS_PASSWORD` is the caller's own, in [`Remote`].
pub(super) const VARIABLE: &str = "GATEPASS_NEW_PASSWORD";

/// Arguments of `user set-password`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass user set-password alice
  gatepass user set-password alice --password-file new-password
  gatepass user set-password admin --data-dir /var/lib/gatepass

Every session of the user ends. You need every right that the user has. A session of `gatepass login` also needs \
your own password (--current-password-file, or a prompt). An API key may not set a password.")]
pub(crate) struct UserSetPassword {
    #[command(flatten)]
    user: NamedUser,
    #[command(flatten)]
    password: NewPassword,
    #[command(flatten)]
    current: CurrentPassword,
}

impl UserSetPassword {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let NamedUser { remote, name } = self.user;
        remote.announce(environment)?;
        let api = remote.connect(environment)?;
        let password = self.password.read(environment, VARIABLE, &name)?;
        let body = json!({ "password": password.expose() });
        self.current.send(&api, Method::PUT, &format!("{}/password", at(&name)), body).await?;
        let said = json!({ "username": name, "password_set": true });
        output::done(remote.output, &said, format!("set the password of {name}"))
    }
}

/// Arguments of `user change-password`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass user change-password
  gatepass user change-password --user alice --server https://gate.example.org:8443

Without --user it is the user of `gatepass login`. The current password comes from GATEPASS_PASSWORD or a prompt. \
Every session of the user ends, except the one of `gatepass login` here.")]
pub(crate) struct ChangePassword {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    password: NewPassword,
}

impl ChangePassword {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let target = self.remote.find(environment)?;
        self.remote.announce(environment)?;
        let user = self.remote.user_name(environment, target.profile.as_ref())?;
        let user = user.ok_or_else(|| {
            CliError::Usage(String::from("an API key has no password: name a user with --user"))
        })?;
        // A session or an API key does not suffice.
        if environment.get("GATEPASS_PASSWORD").is_none() {
            sign_in::reach(self.remote.find(environment)?).await?;
        }
        let current = Remote::password(environment, &user, &target.url)?;
        let new = self.password.read(environment, VARIABLE, &user)?;
        let body = json!({ "current": current.expose(), "new": new.expose() });
        let own = target.profile.as_ref().filter(|profile| profile.user == user).and_then(Profile::session);
        let kept = match own {
            Some(session) => by_session(self.remote.find(environment)?, session, &body).await?,
            None => false,
        };
        if !kept {
            let credential = Credential::Basic { user: user.clone(), password: current };
            Remote::open(target, credential)?.post("/api/v1/password", &body).await?;
        }
        let sessions = if kept { "every other session has ended" } else { "every session has ended" };
        let said = json!({ "username": user, "password_set": true, "session_kept": kept });
        output::done(self.remote.output, &said, format!("changed the password of {user}; {sessions}"))
    }
}

/// Changes the password with the stored session, which stays valid. Returns false if the session has ended.
async fn by_session(target: ServerTarget, session: Credential, body: &Value) -> Result<bool, CliError> {
    match Remote::open(target, session)?.post("/api/v1/password", body).await {
        Ok(_) => Ok(true),
        Err(ClientError::Refused(problem)) if problem.body.status == 401 => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The flag for a new password.
#[derive(Args)]
pub(super) struct NewPassword {
    /// File with the new password, or - for standard input; default: GATEPASS_NEW_PASSWORD, else a prompt
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl NewPassword {
    /// The new password of `user`: from the file, the environment's `variable`, or two prompts.
    pub(super) fn read(
        &self,
        environment: &Environment,
        variable: &str,
        user: &str,
    ) -> Result<Secret<String>, CliError> {
        match (&self.password_file, environment.get(variable)) {
            (Some(path), _) => ask::read_file(path),
            (None, Some(password)) => Ok(Secret::new(password.to_owned())),
            (None, None) => typed(user, &format!("no password: give --password-file or {variable}")),
        }
    }
}

/// A new password that was typed twice, and that the server will accept.
fn typed(user: &str, instead: &str) -> Result<Secret<String>, CliError> {
    let question = format!("new password of {user}, {SHORTEST} to {LONGEST} characters: ");
    let mut left = TRIES;
    loop {
        let first = ask::prompt(&question, instead)?;
        let why = match check(&first, user) {
            Ok(()) if ask::prompt("again: ", instead)?.expose() == first.expose() => return Ok(first),
            Ok(()) => String::from("the two passwords differ"),
            Err(why) => why.to_string(),
        };
        left -= 1;
        if left == 0 {
            return Err(CliError::Usage(format!("{why}; nothing was changed")));
        }
        note(why);
    }
}
