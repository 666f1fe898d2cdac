//! `gatepass user enable`.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{ROWS, USERS, at};
use crate::cli::consent::Consent;
use crate::cli::current_password::CurrentPassword;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format, text_at};
use crate::client::api::Api;
use crate::config::Environment;

/// Enable disabled users
///
/// A restore from a backup disables every user. On the server's machine this command needs no password then.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass user enable anna
  gatepass user enable anna bob
  gatepass user enable --all                      names the users and asks first

With --all, users that were disabled before the backup can sign in again too.")]
pub(crate) struct UserEnable {
    #[command(flatten)]
    consent: Consent,
    /// User names
    #[arg(value_name = "NAME", required_unless_present = "all")]
    names: Vec<String>,
    /// Select all disabled users, instead of names
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    current: CurrentPassword,
}

impl UserEnable {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let api = self.consent.remote.connect(environment)?;
        let names = match self.all {
            true => disabled(&api).await?,
            false => self.names.clone(),
        };
        if names.is_empty() {
            return Err(CliError::Unsound("no user is disabled: nothing was done".to_owned()));
        }
        if self.all {
            self.consent.ask(&question(&names))?;
        }
        let mut enabled = Vec::with_capacity(names.len());
        for name in &names {
            let body = json!({ "disabled": false });
            enabled.push(self.current.send(&api, Method::PATCH, &at(name), body).await?);
        }
        show(self.consent.remote.output, &enabled, self.all)
    }
}

async fn disabled(api: &Api) -> Result<Vec<String>, CliError> {
    let users = api.list(USERS, usize::MAX).await?;
    Ok(users.iter().filter(|user| user["disabled"] == true).map(|user| text_at(user, "username")).collect())
}

fn question(names: &[String]) -> String {
    let names = names.join(", ");
    format!("Enable {names}? They can sign in again, also those that were disabled before the backup.")
}

/// Shows one user as `user show` does, and several by their names. JSON of several users is an array.
fn show(format: Format, users: &[Value], all: bool) -> Result<(), CliError> {
    match (users, format) {
        ([user], _) if !all => output::one(format, user, &ROWS),
        (_, Format::Json) => output::json(&json!(users)),
        _ => users.iter().try_for_each(|user| output::line(format!("enabled {}", text_at(user, "username")))),
    }
}
