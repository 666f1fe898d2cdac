//! `gatepass user`: users of the authority.

mod password;
mod reset;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use strum::VariantArray as _;

use self::password::{ChangePassword, NewPassword, UserSetPassword, VARIABLE};
use self::reset::ResetPassword;
use super::current_password::CurrentPassword;
use super::deletion::Deletion;
use super::error::CliError;
use super::limits::{self, LimitFlags};
use super::output::{self, Format};
use super::remote::Remote;
use super::together::count;
use crate::access::UserRole;
use crate::client::api::{encode, given};
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
    List(Remote),
    /// Show a user
    Show(NamedUser),
    /// Change a user's role, effective with the next request
    SetRole {
        #[command(flatten)]
        user: ChangedUser,
        /// admin, operator, analyst or viewer
        #[arg(value_parser = roles())]
        user_role: String,
    },
    /// Change a user's limits, effective with the next request
    #[command(after_long_help = "Examples:
  gatepass user set-limits bob --role proxy --max-ttl 1h --max-uses 10
  gatepass user set-limits bob --any

The new limits replace all previous ones. A limit without a flag gets its minimum.")]
    SetLimits {
        #[command(flatten)]
        user: ChangedUser,
        #[command(flatten)]
        limits: LimitFlags,
    },
    /// Disable a user and their API keys, effective immediately
    Disable(ChangedUser),
    /// Enable a disabled user
    Enable(ChangedUser),
    /// Set a user's password, while the server runs
    SetPassword(UserSetPassword),
    /// Change your own password
    ChangePassword(ChangePassword),
    /// Set a user's password in the database, while the server is stopped
    ResetPassword(ResetPassword),
    /// End every session of a user, effective immediately
    SignOut(NamedUser),
    /// Delete a user with their sessions and API keys
    Delete {
        #[command(flatten)]
        deletion: Deletion,
        /// User name
        name: String,
    },
}

/// A user, by name.
#[derive(Args)]
pub(crate) struct NamedUser {
    #[command(flatten)]
    remote: Remote,
    /// User name
    name: String,
}

/// A user that a command changes.
#[derive(Args)]
pub(crate) struct ChangedUser {
    #[command(flatten)]
    user: NamedUser,
    #[command(flatten)]
    current: CurrentPassword,
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
    #[command(flatten)]
    password: NewPassword,
    #[command(flatten)]
    current: CurrentPassword,
}

impl UserCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(environment).await,
            Self::List(remote) => {
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
            Self::Show(NamedUser { remote, name }) => remote.show(environment, &at(&name), &ROWS).await,
            Self::SetRole { user, user_role } => user.change(environment, json!({ "role": user_role })).await,
            Self::SetLimits { user, limits } => {
                let limits = limits.value()?.ok_or_else(LimitFlags::missing)?;
                user.change(environment, json!({ "limits": limits })).await
            }
            Self::Disable(user) => user.change(environment, json!({ "disabled": true })).await,
            Self::Enable(user) => user.change(environment, json!({ "disabled": false })).await,
            Self::SetPassword(command) => command.run(environment).await,
            Self::ChangePassword(command) => command.run(environment).await,
            Self::ResetPassword(command) => command.run(environment).await,
            Self::SignOut(NamedUser { remote, name }) => {
                let path = format!("{}/sign-out", at(&name));
                remote.connect(environment)?.post(&path, &json!({})).await?;
                let said = json!({ "username": name, "signed_out": "everywhere" });
                output::done(remote.output, &said, format!("signed out {name} everywhere"))
            }
            Self::Delete { deletion, name } => delete(deletion, &name, environment).await,
        }
    }
}

impl UserCreate {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let limits = self.limits.value()?;
        self.remote.announce(environment)?;
        let api = self.remote.connect(environment)?;
        let password = self.password.read(environment, VARIABLE)?;
        let (name, role, password) = (&self.name, &self.user_role, password.expose());
        let body = given(json!({ "username": name, "role": role, "password": password, "limits": limits }));
        let created = self.current.send(&api, Method::POST, USERS, body).await?;
        output::one(self.remote.output, &created, &ROWS)
    }
}

async fn delete(deletion: Deletion, name: &str, environment: &Environment) -> Result<(), CliError> {
    let what = format!("user {name} and their API keys");
    let conclude = |gone: &Value| {
        let keys = gone["api_keys_deleted"].as_u64().unwrap_or(0);
        format!("deleted {name} and {}", count(keys, "API key"))
    };
    deletion.run(environment, &what, &at(name), conclude).await
}

impl ChangedUser {
    async fn change(self, environment: &Environment, body: Value) -> Result<(), CliError> {
        let Self { user: NamedUser { remote, name }, current } = self;
        let api = remote.connect(environment)?;
        let changed = current.send(&api, Method::PATCH, &at(&name), body).await?;
        output::one(remote.output, &changed, &ROWS)
    }
}

fn roles() -> PossibleValuesParser {
    PossibleValuesParser::new(UserRole::VARIANTS.iter().map(UserRole::as_str))
}

/// The path of a user.
fn at(user: &str) -> String {
    format!("{USERS}/{}", encode(user))
}
