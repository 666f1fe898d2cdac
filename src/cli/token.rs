//! `gatepass token`: mint, list, show, revoke, rotate; inspect and verify without a server.

mod bulk;
mod create;
mod list;
mod look;
mod release;
mod resource;
mod revoke;
mod rotate;
mod verify;

use clap::Subcommand;

pub(super) use create::show_enrollment;

use super::ask::SecretArg;
use super::error::CliError;
use super::short_id::GivenId;
use crate::config::Environment;
use crate::id::TokenId;

/// Mint, list, rotate, revoke and release tokens; inspect and verify a token without a server
#[derive(Subcommand)]
pub(crate) enum TokenCommand {
    Create(Box<create::TokenCreate>),
    List(list::TokenList),
    Show(list::TokenShow),
    Revoke(revoke::TokenRevoke),
    Rotate(rotate::TokenRotate),
    Release(release::TokenRelease),
    /// Show a token's claims, without any check
    #[command(after_long_help = "Examples:
  gatepass token inspect --token-file first-host.token
  pass show token | gatepass token inspect -")]
    Inspect(look::TokenSource),
    Verify(verify::TokenVerify),
}

impl TokenCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::Create(command) => command.run(environment).await,
            Self::List(command) => command.run(environment).await,
            Self::Show(command) => command.run(environment).await,
            Self::Revoke(command) => command.run(environment).await,
            Self::Rotate(command) => command.run(environment).await,
            Self::Release(command) => command.run(environment).await,
            Self::Inspect(source) => look::inspect(&source, environment),
            Self::Verify(command) => command.run(environment),
        }
    }
}

/// Parses an id. The error does not repeat the text, which may be a whole token.
fn token_id(text: &SecretArg) -> Result<GivenId<TokenId>, CliError> {
    GivenId::parse(text.expose()).map_err(|wrong| {
        let hint =
            "`gatepass token list` shows the ids, and `gatepass token inspect` prints the id of a token";
        CliError::Usage(format!("{wrong}; {hint}"))
    })
}
