//! `gatepass user`: users of the authority.

mod enable;
mod password;
mod reset;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use strum::VariantArray as _;

use self::password::{ChangePassword, NewPassword, UserSetPassword, VARIABLE};
use self::reset::ResetPassword;
use super::consent::Consent;
use super::current_password::CurrentPassword;
use super::deletion::{Deletion, Doomed};
use super::error::CliError;
use super::limits::{self, LimitFlags};
use super::listing::Listing;
use super::output::{self, Column, Columns, Format, text_at};
use super::remote::Remote;
use super::together::{count, of};
use crate::access::UserRole;
use crate::client::ClientError;
use crate::client::api::{Api, given};
use crate::config::Environment;
use crate::text::percent_encoded;

const USERS: &str = "/api/v1/users";
const COLUMNS: Columns = Columns {
    id: "username",
    name: "username",
    shown: &[
        Column::text("NAME", "username"),
        Column::text("ROLE", "role"),
        Column::text("LIMITS", "limits").rank(1),
        Column::text("DISABLED", "disabled"),
        Column::time("CREATED", "created_at").rank(2),
    ],
};
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
    #[command(after_long_help = "Examples:
  gatepass user list
  gatepass user list -o json")]
    List(Listing),
    /// Show a user
    #[command(after_long_help = "Examples:
  gatepass user show anna")]
    Show(NamedUser),
    /// Change a user's role, effective with the next request
    #[command(after_long_help = "Examples:
  gatepass user set-role anna analyst")]
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
    #[command(after_long_help = "Examples:
  gatepass user disable anna")]
    Disable(UserDisable),
    Enable(enable::UserEnable),
    /// Set a user's password, while the server runs
    SetPassword(UserSetPassword),
    /// Change your own password
    ChangePassword(ChangePassword),
    /// Set a user's password in the database, while the server is stopped
    ResetPassword(ResetPassword),
    /// End every session of a user, effective immediately
    #[command(after_long_help = "Examples:
  gatepass user sign-out anna")]
    SignOut {
        #[command(flatten)]
        consent: Consent,
        /// User name
        name: String,
    },
    /// Delete a user with their sessions and API keys
    #[command(after_long_help = "Examples:
  gatepass user delete anna
  gatepass user delete anna --tokens      also revokes the tokens that anna minted")]
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

/// Arguments of `user disable`.
#[derive(Args)]
pub(crate) struct UserDisable {
    #[command(flatten)]
    consent: Consent,
    /// User name
    name: String,
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
            Self::List(list) => {
                let mut users = list.remote.connect(environment)?.list(USERS, usize::MAX).await?;
                if list.remote.output != Format::Json {
                    users.iter_mut().for_each(|user| *user = limits::listed(user));
                }
                list.print(environment, &users, &COLUMNS, "no users")
            }
            Self::Show(NamedUser { remote, name }) => remote.show(environment, &at(&name), &ROWS).await,
            Self::SetRole { user, user_role } => user.change(environment, json!({ "role": user_role })).await,
            Self::SetLimits { user, limits } => {
                limits.value()?.ok_or_else(LimitFlags::missing)?;
                let limits = limits.whole(&user.user.remote.connect(environment)?).await?;
                user.change(environment, json!({ "limits": limits })).await
            }
            Self::Disable(command) => command.run(environment).await,
            Self::Enable(command) => command.run(environment).await,
            Self::SetPassword(command) => command.run(environment).await,
            Self::ChangePassword(command) => command.run(environment).await,
            Self::ResetPassword(command) => command.run(environment).await,
            Self::SignOut { consent, name } => sign_out(&consent, &name, environment).await,
            Self::Delete { deletion, name } => delete(deletion, &name, environment).await,
        }
    }
}

impl UserCreate {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        self.limits.value()?;
        self.remote.announce(environment)?;
        let api = self.remote.connect(environment)?;
        let password = self.password.read(environment, VARIABLE, &self.name)?;
        let limits = self.limits.whole(&api).await?;
        let (name, role, password) = (&self.name, &self.user_role, password.expose());
        let body = given(json!({ "username": name, "role": role, "password": password, "limits": limits }));
        let created = self.current.send(&api, Method::POST, USERS, body).await?;
        output::one(self.remote.output, &created, &ROWS)
    }
}

async fn sign_out(consent: &Consent, name: &str, environment: &Environment) -> Result<(), CliError> {
    let api = consent.remote.connect(environment)?;
    if !consent.yes {
        api.get(&at(name)).await?;
        consent.ask(&format!("End every session of user {name}? They must sign in again."))?;
    }
    api.post(&format!("{}/sign-out", at(name)), &json!({})).await?;
    let said = json!({ "username": name, "signed_out": "everywhere" });
    output::done(consent.remote.output, &said, format!("signed out {name} everywhere"))
}

async fn delete(deletion: Deletion, name: &str, environment: &Environment) -> Result<(), CliError> {
    let doomed = async |api: &Api| {
        api.get(&at(name)).await?;
        let keys = keys_of(api, name).await?;
        let what = format!("user {name} and {}", count(keys.len() as u64, "API key"));
        Ok(Doomed { what, minters: [vec![name.to_owned()], keys].concat() })
    };
    let conclude = |gone: &Value| {
        let keys = gone["api_keys_deleted"].as_u64().unwrap_or(0);
        format!("deleted {name} and {}", count(keys, "API key"))
    };
    deletion.run(environment, &at(name), doomed, conclude).await
}

/// The ids of a user's API keys.
async fn keys_of(api: &Api, user: &str) -> Result<Vec<String>, ClientError> {
    let keys = api.list("/api/v1/api-keys", usize::MAX).await?;
    Ok(keys.iter().filter(|key| key["owner"] == user).map(|key| text_at(key, "id")).collect())
}

impl UserDisable {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Self { consent, name, current } = self;
        let api = consent.remote.connect(environment)?;
        if !consent.yes && api.get(&at(&name)).await?["disabled"] != true {
            let keys = keys_of(&api, &name).await?.len() as u64;
            let (keys, stop) = (count(keys, "API key"), of(keys, "stops", "stop"));
            consent.ask(&format!("Disable user {name}? Their sessions end, and {keys} {stop} working."))?;
        }
        let changed = current.send(&api, Method::PATCH, &at(&name), json!({ "disabled": true })).await?;
        output::one(consent.remote.output, &changed, &ROWS)
    }
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
    format!("{USERS}/{}", percent_encoded(user))
}
