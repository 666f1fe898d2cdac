//! `gatepass keys`: the keys that sign tokens.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::consent::Consent;
use super::error::CliError;
use super::output;
use super::remote::Remote;
use super::together::count;
use crate::config::Environment;
use crate::id::KeyId;

const KEYS: &str = "/api/v1/signing-keys";

const COLUMNS: [(&str, &str); 6] = [
    ("ID", "id"),
    ("SIGNS", "use"),
    ("STATE", "state"),
    ("PERSISTENT ONLY", "persistent_only"),
    ("CREATED", "created_at"),
    ("LIVE PERSISTENT TOKENS", "live_persistent_tokens"),
];

/// List, rotate and retire the keys that sign tokens
#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// List signing keys
    List(Remote),
    /// Sign with the prepared key; tokens of the previous key stay valid
    Rotate {
        #[command(flatten)]
        remote: Remote,
        /// Use of the key: enrollment tokens, service tokens, or status lists
        #[arg(long = "use", value_name = "USE", default_value = "enrollment", value_parser = ["enrollment", "service", "status_list"])]
        usage: String,
    },
    /// Retire a key: every token it signed stops working
    Retire(KeyRetire),
}

impl KeysCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(remote) => remote.list(environment, KEYS, &COLUMNS, usize::MAX, "no keys").await,
            Self::Rotate { remote, usage } => {
                let body = json!({ "use": usage });
                let answer = remote.connect(environment)?.post(&format!("{KEYS}/rotate"), &body).await?;
                let keys = answer["items"].as_array().map_or(&[][..], Vec::as_slice);
                output::list(remote.output, keys, &COLUMNS, "no keys")
            }
            Self::Retire(command) => command.run(environment).await,
        }
    }
}

/// Arguments of `keys retire`.
#[derive(Args)]
pub(crate) struct KeyRetire {
    #[command(flatten)]
    consent: Consent,
    /// Id of the key
    #[arg(value_parser = parse_id)]
    id: KeyId,
    /// The private key may have leaked: replaces all current keys immediately, revokes the key's tokens, ends every
    /// ephemeral token, creates a new emergency token
    #[arg(long)]
    compromised: bool,
}

impl KeyRetire {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let api = self.consent.remote.connect(environment)?;
        if !self.consent.yes {
            self.consent.ask(&self.question(&api.list(KEYS, usize::MAX).await?))?;
        }
        let body = json!({ "compromised": self.compromised, "confirm": true });
        let answer = api.post(&format!("{KEYS}/{}/retire", self.id), &body).await?;
        output::retired(self.consent.remote.output, &answer, &format!("key {}", self.id))
    }

    /// The question, with the number of live persistent tokens in the list of `keys`.
    fn question(&self, keys: &[Value]) -> String {
        let id = self.id.to_string();
        let key = keys.iter().find(|key| key["id"] == id.as_str());
        let live = key.and_then(|key| key["live_persistent_tokens"].as_u64()).unwrap_or(0);
        let live = count(live, "live persistent token");
        match self.compromised {
            true => {
                format!("Retire key {id} as compromised? {live} and every ephemeral token will stop working.")
            }
            false => format!("Retire key {id}? {live} will stop working."),
        }
    }
}

fn parse_id(text: &str) -> Result<KeyId, String> {
    KeyId::parse(text)
        .ok_or_else(|| String::from("the id of a key has 43 characters; `gatepass keys list` shows them"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct RetireLine {
        #[command(flatten)]
        retire: KeyRetire,
    }

    #[test]
    fn the_question_has_the_number_of_live_tokens() {
        let id = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        let keys = [json!({ "id": id, "live_persistent_tokens": 2 })];
        let question = |flags: &[&str]| {
            let line = RetireLine::try_parse_from([&["x", id], flags].concat());
            line.map_err(|error| error.to_string()).unwrap().retire.question(&keys)
        };
        assert_eq!(question(&[]), format!("Retire key {id}? 2 live persistent tokens will stop working."));
        assert!(question(&["--compromised"]).contains("2 live persistent tokens and every ephemeral token"));
    }
}
