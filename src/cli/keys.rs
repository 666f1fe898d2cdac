//! `gatepass keys`: the keys that sign tokens.

use clap::{Args, Subcommand};
use serde_json::json;

use super::ask::confirm;
use super::error::CliError;
use super::output::{self, Format, line};
use super::remote::Remote;
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::KeyId;

/// List, rotate and retire the keys that sign tokens
#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// List signing keys
    List(KeyList),
    /// Sign with the prepared key; tokens of the previous key stay valid
    Rotate(KeyRotate),
    /// Retire a key: every token it signed stops working
    Retire(KeyRetire),
}

impl KeysCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(KeyList { remote }) => {
                let items = remote.connect(environment)?.list("/api/v1/signing-keys", usize::MAX).await?;
                show(remote.output, &items)
            }
            Self::Rotate(KeyRotate { remote, usage }) => {
                let body = json!({ "use": usage });
                let answer = remote.connect(environment)?.post("/api/v1/signing-keys/rotate", &body).await?;
                show(remote.output, answer["items"].as_array().map_or(&[], Vec::as_slice))
            }
            Self::Retire(command) => command.run(environment).await,
        }
    }
}

fn show(format: Format, items: &[serde_json::Value]) -> Result<(), CliError> {
    let columns = [
        ("ID", "id"),
        ("SIGNS", "use"),
        ("STATE", "state"),
        ("PERSISTENT ONLY", "persistent_only"),
        ("CREATED", "created_at"),
        ("LIVE PERSISTENT TOKENS", "live_persistent_tokens"),
    ];
    output::list(format, items, &columns, "no keys")
}

/// Arguments of `keys list`.
#[derive(Args)]
pub(crate) struct KeyList {
    #[command(flatten)]
    remote: Remote,
}

/// Arguments of `keys rotate`.
#[derive(Args)]
pub(crate) struct KeyRotate {
    #[command(flatten)]
    remote: Remote,
    /// Use of the key: enrollment tokens, service tokens, or status lists
    #[arg(long = "use", value_name = "USE", default_value = "enrollment", value_parser = ["enrollment", "service", "status_list"])]
    usage: String,
}

/// Arguments of `keys retire`.
#[derive(Args)]
pub(crate) struct KeyRetire {
    #[command(flatten)]
    remote: Remote,
    /// Id of the key
    #[arg(value_parser = parse_id)]
    id: KeyId,
    /// The private key may have leaked: replaces all current keys immediately, revokes the key's tokens, ends every
    /// ephemeral token, creates a new emergency token
    #[arg(long)]
    compromised: bool,
    /// Skip the confirmation
    #[arg(short, long)]
    yes: bool,
}

impl KeyRetire {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let ends = match self.compromised {
            true => " as compromised? Every token it signed and every ephemeral token stops working.",
            false => "? Every token it signed stops working.",
        };
        confirm(&format!("Retire key {}{ends}", self.id), self.yes)?;
        let api = self.remote.connect(environment)?;
        let answer = match self.retire(&api, self.yes).await {
            // The server reports the number of live tokens: the second question shows it.
            Err(error) if error.code() == Some("key_needed") && !self.yes => {
                confirm(&format!("{error}\nRetire it anyway?"), false)?;
                self.retire(&api, true).await?
            }
            other => other?,
        };
        if self.remote.output == Format::Json {
            return output::json(&answer);
        }
        line(format!("retired key {}; {} tokens revoked", self.id, answer["tokens_revoked"]))?;
        output::reminted(&answer)
    }

    async fn retire(
        &self,
        api: &Api,
        confirm: bool,
    ) -> Result<serde_json::Value, crate::client::ClientError> {
        let body = json!({ "compromised": self.compromised, "confirm": confirm });
        api.post(&format!("/api/v1/signing-keys/{}/retire", self.id), &body).await
    }
}

fn parse_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text)
        .ok_or_else(|| String::from("the id of a key has 43 characters; `gatepass keys list` shows them"))
}
