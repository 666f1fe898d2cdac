//! `gatepass token`: mint, list, show, revoke; inspect and verify without a server.

mod create;
mod kind;
mod look;
mod verify;

use clap::{Args, Subcommand};

use self::kind::Kind;
use super::ask::{SecretArg, confirm};
use super::error::CliError;
use super::output::{self, line};
use super::remote::Remote;
use crate::config::Environment;
use crate::id::TokenId;

/// Mint, list and revoke tokens, for hosts to enroll with or for a service's door; look into one without a server
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    Create(create::Create),
    /// List tokens, live and lately ended ones; with --ended all that are kept
    List(List),
    /// Show one token's record
    Show(Show),
    /// Take a token back; hosts it admitted stay
    Revoke(Revoke),
    Inspect(look::Inspect),
    Verify(verify::Verify),
}

impl TokenCommand {
    /// Does it.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(environment).await,
            Self::List(command) => command.run(environment).await,
            Self::Show(command) => command.run(environment).await,
            Self::Revoke(command) => command.run(environment).await,
            Self::Inspect(command) => command.run(environment),
            Self::Verify(command) => command.run(environment),
        }
    }
}

/// `token list`.
#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    remote: Remote,
    /// Service tokens, in the place of enrollment tokens
    #[arg(long)]
    service: bool,
    /// Also tokens that were used up, expired or revoked longer ago than the retention time
    #[arg(long)]
    ended: bool,
    /// At most so many
    #[arg(long, default_value_t = 1000, value_name = "N")]
    limit: usize,
}

impl List {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let kind = if self.service { Kind::Service } else { Kind::Enrollment };
        let query = if self.ended { "?ended=true" } else { "" };
        let path = format!("{}{query}", kind.path());
        let items = self.remote.connect(environment)?.list(&path, self.limit).await?;
        let (columns, nothing) = (kind.columns(), kind.nothing());
        output::list(self.remote.output, &items, columns, nothing)
    }
}

/// `token show`.
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    remote: Remote,
    /// Id of the token, not the token itself
    #[arg(value_parser = SecretArg::accept)]
    id: SecretArg,
}

impl Show {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let id = token_id(&self.id)?;
        let api = self.remote.connect(environment)?;
        let (kind, item) = kind::either(async |kind| api.get(&format!("{}/{id}", kind.path())).await).await?;
        output::one(self.remote.output, &item, kind.rows())
    }
}

/// `token revoke`.
#[derive(Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    remote: Remote,
    /// Ids of the tokens, not the tokens themselves
    #[arg(required = true, value_parser = SecretArg::accept)]
    ids: Vec<SecretArg>,
    /// Revoke the emergency token too
    #[arg(long)]
    emergency: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl Revoke {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let ids = self.ids.iter().map(token_id).collect::<Result<Vec<_>, _>>()?;
        let what = if ids.len() == 1 { format!("token {}", ids[0]) } else { format!("{} tokens", ids.len()) };
        confirm(
            &format!(
                "revoke {what}? no host enrolls and no service admits with it any more; enrolled hosts stay"
            ),
            self.yes,
        )?;
        let api = self.remote.connect(environment)?;
        let query = if self.emergency { "?confirm=emergency" } else { "" };
        for id in ids {
            let revoke =
                async |kind: Kind| api.delete(&format!("{}/{id}{}", kind.path(), kind.query(query))).await;
            let (_, answer) = kind::either(revoke).await?;
            match (self.remote.output, answer["changed"].as_bool()) {
                (output::Format::Json, _) => output::json(&answer)?,
                (output::Format::Table, Some(false)) => line(format!("token {id} had been revoked before"))?,
                (output::Format::Table, _) => line(format!("token {id} is revoked"))?,
            }
        }
        Ok(())
    }
}

/// An id; a whole token in its place is refused without being shown.
fn token_id(text: &SecretArg) -> Result<TokenId, CliError> {
    TokenId::parse(text.expose()).ok_or_else(|| {
        let hint = "a token's id looks like 0190a0b0-0000-7000-8000-000000000000; `gatepass token list` shows them, and \
                    `gatepass token inspect` finds the id of a token";
        CliError::Usage(hint.to_owned())
    })
}
