//! `gatepass user`: users of the authority.

mod password;
mod reset;

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use self::password::{ChangePassword, UserSetPassword, VARIABLE, new_password};
use self::reset::ResetPassword;
use super::deletion::Deletion;
use super::error::CliError;
use super::limits::{self, LimitFlags};
use super::output::{self, Format};
use super::remote::Remote;
use super::together::count;
use crate::access::UserRole;
use crate::client::api::encode;
use crate::config::Environment;

const USERS: &str = "/api/v1/users";
const ROWS: [(&str, &str); 7] = [
    ("name", "username"),
    ("role", "role"),
    ("limits", "limits"),
    ("disabled", "disabled"),
    ("created", "created_at"),
    ("password set", "password_set_at"),
    ("disabled since", "disabled_at"),
];

/// Create, list, change and delete users
#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user
    Create(UserCreate),
    /// List users
    List(UserList),
    /// Show a user
    Show(NamedUser),
    /// Change a user's role, effective with the next request
    SetRole(UserSetRole),
    /// Change a user's limits, effective with the next request
    SetLimits(UserSetLimits),
    /// Disable a user and their API keys, effective immediately
    Disable(NamedUser),
    /// Enable a disabled user
    Enable(NamedUser),
    /// Set a user's password, while the server runs
    SetPassword(UserSetPassword),
    /// Change your own password
    ChangePassword(ChangePassword),
    /// Set a user's password in the database, while the server is stopped
    ResetPassword(ResetPassword),
    /// End every session of a user, effective immediately
    SignOut(NamedUser),
    /// Delete a user with their sessions and API keys
    Delete(UserDelete),
}

/// A user, by name.
#[derive(Args)]
pub(crate) struct NamedUser {
    #[command(flatten)]
    remote: Remote,
    /// User name
    name: String,
}

/// Arguments of `user list`.
#[derive(Args)]
pub(crate) struct UserList {
    #[command(flatten)]
    remote: Remote,
}

/// Arguments of `user create`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass user create alice operator
  gatepass user create bob operator --role proxy --role allocator --max-ttl 1h --max-uses 10
  gatepass user create carol viewer --password-file password

Roles: admin: everything. operator: mints, revokes, manages hosts, reads the ledger. analyst: reads everything, \
including the ledger. viewer: reads all but the ledger. Without limit flags the user has no limits.")]
pub(crate) struct UserCreate {
    #[command(flatten)]
    remote: Remote,
    /// User name: lower-case letters, digits, '.', '_', '-', '@'
    name: String,
    /// admin, operator, analyst or viewer
    #[arg(value_parser = roles())]
    user_role: String,
    #[command(flatten)]
    limits: LimitFlags,
    /// File with the password, or - for standard input; default: GATEPASS_NEW_PASSWORD, else a prompt
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

/// Arguments of `user set-role`.
#[derive(Args)]
pub(crate) struct UserSetRole {
    #[command(flatten)]
    remote: Remote,
    /// User name
    name: String,
    /// admin, operator, analyst or viewer
    #[arg(value_parser = roles())]
    user_role: String,
}

/// Arguments of `user set-limits`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass user set-limits bob --role proxy --max-ttl 1h --max-uses 10
  gatepass user set-limits bob --any

The new limits replace all previous ones. A limit without a flag gets its minimum.")]
pub(crate) struct UserSetLimits {
    #[command(flatten)]
    remote: Remote,
    /// User name
    name: String,
    #[command(flatten)]
    limits: LimitFlags,
}

/// Arguments of `user delete`.
#[derive(Args)]
pub(crate) struct UserDelete {
    #[command(flatten)]
    deletion: Deletion,
    /// User name
    name: String,
}

impl UserCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(environment).await,
            Self::List(UserList { remote }) => {
                let mut users = remote.connect(environment)?.list(USERS, usize::MAX).await?;
                if remote.output == Format::Table {
                    users.iter_mut().for_each(|user| *user = limits::listed(user));
                }
                let columns = [
                    ("NAME", "username"),
                    ("ROLE", "role"),
                    ("LIMITS", "limits"),
                    ("DISABLED", "disabled"),
                    ("CREATED", "created_at"),
                ];
                output::list(remote.output, &users, &columns, "no users")
            }
            Self::Show(NamedUser { remote, name }) => {
                output::one(remote.output, &remote.connect(environment)?.get(&at(&name)).await?, &ROWS)
            }
            Self::SetRole(UserSetRole { remote, name, user_role }) => {
                change(&remote, environment, &name, &json!({ "role": user_role })).await
            }
            Self::SetLimits(UserSetLimits { remote, name, limits }) => {
                let limits = limits.value()?.ok_or_else(LimitFlags::missing)?;
                change(&remote, environment, &name, &json!({ "limits": limits })).await
            }
            Self::Disable(NamedUser { remote, name }) => {
                change(&remote, environment, &name, &json!({ "disabled": true })).await
            }
            Self::Enable(NamedUser { remote, name }) => {
                change(&remote, environment, &name, &json!({ "disabled": false })).await
            }
            Self::SetPassword(command) => command.run(environment).await,
            Self::ChangePassword(command) => command.run(environment).await,
            Self::ResetPassword(command) => command.run(environment).await,
            Self::SignOut(NamedUser { remote, name }) => {
                let path = format!("{}/sign-out", at(&name));
                remote.connect(environment)?.post(&path, &json!({})).await?;
                let said = json!({ "username": name, "signed_out": "everywhere" });
                output::done(remote.output, &said, format!("signed out {name} everywhere"))
            }
            Self::Delete(command) => command.run(environment).await,
        }
    }
}

impl UserCreate {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let limits = self.limits.value()?;
        let api = self.remote.connect(environment)?;
        let password = new_password(self.password_file.as_deref(), environment, VARIABLE)?;
        let mut body =
            json!({ "username": self.name, "role": self.user_role, "password": password.expose() });
        if let Some(limits) = limits {
            body["limits"] = limits;
        }
        output::one(self.remote.output, &api.post(USERS, &body).await?, &ROWS)
    }
}

impl UserDelete {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Self { deletion, name } = self;
        let what = format!("user {name} and their API keys");
        let conclude = |gone: &Value| {
            let keys = gone["api_keys_deleted"].as_u64().unwrap_or(0);
            format!("deleted {name} and {}", count(keys, "API key"))
        };
        deletion.run(environment, &what, &at(&name), conclude).await
    }
}

async fn change(
    remote: &Remote,
    environment: &Environment,
    user: &str,
    body: &Value,
) -> Result<(), CliError> {
    output::one(remote.output, &remote.connect(environment)?.patch(&at(user), body).await?, &ROWS)
}

fn roles() -> PossibleValuesParser {
    PossibleValuesParser::new(UserRole::ALL.map(UserRole::as_str))
}

/// The path of a user.
fn at(user: &str) -> String {
    format!("{USERS}/{}", encode(user))
}
