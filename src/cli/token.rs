//! `gatepass token`: mint, list, show, revoke; inspect and verify without a server.

mod create;
mod verify;

use clap::{Args, Subcommand};

use super::ask::{SecretArg, confirm};
use super::error::CliError;
use super::output::{self, line};
use super::remote::Remote;
use crate::config::Environment;
use crate::id::TokenId;

/// Mint, list and revoke enrollment tokens; look into one without a server
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    Create(create::Create),
    /// List tokens, live and lately ended ones; with --ended all that are kept
    List(List),
    /// Show one token's record
    Show(Show),
    /// Take a token back; hosts it admitted stay
    Revoke(Revoke),
    Inspect(verify::Inspect),
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
    /// Also tokens that were used up, expired or revoked longer ago than the retention time
    #[arg(long)]
    ended: bool,
    /// At most so many
    #[arg(long, default_value_t = 1000, value_name = "N")]
    limit: usize,
}

impl List {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let path =
            if self.ended { "/api/v1/enrollment-tokens?ended=true" } else { "/api/v1/enrollment-tokens" };
        let items = self.remote.connect(environment)?.list(path, self.limit).await?;
        let columns = [
            ("ID", "id"),
            ("STATE", "state"),
            ("LABEL", "label"),
            ("ROLES", "roles"),
            ("PERSISTENT", "persistent"),
            ("USES LEFT", "uses_left"),
            ("EXPIRES", "expires_at"),
            ("MINTER", "minter"),
        ];
        output::list(self.remote.output, &items, &columns, "no tokens: `gatepass token create` mints one")
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
        let item = self.remote.connect(environment)?.get(&format!("/api/v1/enrollment-tokens/{id}")).await?;
        let rows = [
            ("id", "id"),
            ("state", "state"),
            ("label", "label"),
            ("roles", "roles"),
            ("persistent", "persistent"),
            ("emergency", "emergency"),
            ("minted by", "minter"),
            ("minted at", "created_at"),
            ("expires at", "expires_at"),
            ("revoked at", "revoked_at"),
            ("used", "used"),
            ("of", "max_uses"),
            ("names", "dns_names"),
            ("only key", "key_thumbprint"),
            ("signed by", "kid"),
        ];
        output::one(self.remote.output, &item, &rows)
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
            &format!("revoke {what}? nobody can enroll with it any more; enrolled hosts stay"),
            self.yes,
        )?;
        let api = self.remote.connect(environment)?;
        let query = if self.emergency { "?confirm=emergency" } else { "" };
        for id in ids {
            let answer = api.delete(&format!("/api/v1/enrollment-tokens/{id}{query}")).await?;
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
