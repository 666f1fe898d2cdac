//! `gatepass keys`: the keys that sign tokens.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::consent::Consent;
use super::error::CliError;
use super::listing::Listing;
use super::output::{self, Column, Columns, Format, Screen, line, text_at};
use super::short_id::GivenId;
use super::together::count;
use crate::config::Environment;
use crate::id::ListedKey;

const KEYS: &str = "/api/v1/signing-keys";

/// The use of the keys of Elastic Fleet's API.
const FLEET: &str = "fleet";

/// The use of the key that seals the secrets of outputs.
const SEAL: &str = "seal";

const COLUMNS: Columns = Columns {
    id: "id",
    name: "id",
    shown: &[
        Column::ID,
        Column::text("SIGNS", "use"),
        Column::STATE,
        Column::text("PERSISTENT ONLY", "persistent_only").rank(3),
        Column::time("CREATED", "created_at").rank(2),
        Column::text("LIVE PERSISTENT TOKENS", "live_persistent_tokens").rank(1),
    ],
};

/// List, rotate and retire the keys that sign tokens
#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// List signing keys
    #[command(after_long_help = "Examples:
  gatepass keys list
  gatepass keys list -o json")]
    List(Listing),
    Rotate(KeyRotate),
    /// Retire a key: every token it signed stops working
    Retire(KeyRetire),
}

impl KeysCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(list) => list.list(environment, KEYS, &COLUMNS, usize::MAX, "no keys").await,
            Self::Rotate(command) => command.run(environment).await,
            Self::Retire(command) => command.run(environment).await,
        }
    }
}

/// Sign with the prepared key; tokens of the previous key stay valid
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass keys rotate
  gatepass keys rotate --use service --yes
  gatepass keys rotate --use fleet
  gatepass keys rotate --use seal")]
pub(crate) struct KeyRotate {
    #[command(flatten)]
    consent: Consent,
    /// Use of the key: tokens for enrollment, services or access, status lists, the api_key of tokens (Elastic Fleet), or the seal of outputs' secrets
    #[arg(long = "use", value_name = "USE", default_value = "enrollment", value_parser = ["enrollment", "service", "access", "status_list", FLEET, SEAL])]
    usage: String,
}

impl KeyRotate {
    async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let (api, format) = (self.consent.remote.connect(environment)?, self.consent.remote.output);
        let before = api.list(KEYS, usize::MAX).await?;
        self.consent.ask(&self.question(&before))?;
        let answer = api.post(&format!("{KEYS}/rotate"), &json!({ "use": self.usage })).await?;
        let keys = answer["items"].as_array().map_or(&[][..], Vec::as_slice);
        if format == Format::Table && self.usage == SEAL {
            line(format!(
                "key {} seals every secret of outputs now, and the former one is destroyed\nnext: back up the keys directory \
                 together with the database\n",
                self.id_of(keys, "current")
            ))?;
        } else if format == Format::Table {
            let (new, old) = (self.id_of(keys, "current"), self.id_of(&before, "current"));
            let does = if self.usage == FLEET { "gives" } else { "signs" };
            line(format!(
                "key {new} {does} {} now\nnext: back up the keys directory; run `gatepass keys retire {old}` once its tokens have \
                 ended\n",
                self.what()
            ))?;
        }
        output::list(format, &Screen::of(environment), keys, &COLUMNS, "no keys")
    }

    /// The question, with the keys before the rotation.
    fn question(&self, keys: &[Value]) -> String {
        let (new, old) = (self.id_of(keys, "prepared"), self.id_of(keys, "current"));
        if self.usage == FLEET {
            return format!(
                "Make a new key for the api_key of new tokens? Tokens of the current key {old} keep theirs."
            );
        }
        if self.usage == SEAL {
            return format!(
                "Seal the secrets of outputs again with a new key? The current key {old} is destroyed."
            );
        }
        let key = keys.iter().find(|key| key["id"] == old.as_str());
        let live = key.and_then(|key| key["live_persistent_tokens"].as_u64()).unwrap_or(0);
        let kept = match (self.usage.as_str(), live) {
            ("enrollment", 0) => String::from("it has no live persistent tokens"),
            ("enrollment", _) => format!("its {} will stay valid", count(live, "live persistent token")),
            _ => String::from("all that it signed will stay valid"),
        };
        format!(
            "Sign {} with the prepared key {new}? The current key {old} becomes a previous one: {kept}.",
            self.what()
        )
    }

    fn id_of(&self, keys: &[Value], state: &str) -> String {
        let key = keys.iter().find(|key| key["use"] == self.usage.as_str() && key["state"] == state);
        key.map_or_else(|| String::from("-"), |key| text_at(key, "id"))
    }

    fn what(&self) -> &'static str {
        match self.usage.as_str() {
            "service" => "service tokens",
            "access" => "access tokens",
            "status_list" => "status lists",
            FLEET => "new tokens their api_key",
            _ => "enrollment tokens",
        }
    }
}

/// Arguments of `keys retire`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass keys retire KID
  gatepass keys retire KID --compromised       the private key may have leaked
  gatepass keys retire fleet-1 --compromised   the file keys/fleet-1.key may have leaked")]
pub(crate) struct KeyRetire {
    #[command(flatten)]
    consent: Consent,
    /// Id of the key, or its last 8 characters
    #[arg(value_parser = parse_id, allow_hyphen_values = true)]
    id: GivenId<ListedKey>,
    /// The private key may have leaked: replaces all current keys immediately, revokes the key's tokens, ends every
    /// ephemeral token, creates a new emergency token. A key of the use fleet: revokes the tokens whose api_key it gave,
    /// and makes a new key if it is the current one
    #[arg(long)]
    compromised: bool,
}

impl KeyRetire {
    async fn run(mut self, environment: &Environment) -> Result<(), CliError> {
        let api = self.consent.remote.connect(environment)?;
        self.id = GivenId::Whole(self.id.whole(&api).await?);
        if !self.consent.yes {
            self.consent.ask(&self.question(&api.list(KEYS, usize::MAX).await?)?)?;
        }
        let body = json!({ "compromised": self.compromised, "confirm": true });
        let answer = api.post(&format!("{KEYS}/{}/retire", self.id), &body).await?;
        output::retired(self.consent.remote.output, &answer, &format!("key {}", self.id))?;
        match (self.consent.remote.output, self.compromised) {
            (Format::Json, _) => Ok(()),
            _ if self.is_fleet() => {
                line("next: mint new tokens for hosts that wait for one; back up the keys directory")
            }
            (_, true) => line(
                "next: mint new tokens for hosts that wait for one; back up the keys directory; see `gatepass keys list` for other \
                 keys of that time",
            ),
            (_, false) => line("next: nothing; verifiers drop the key when they fetch the JWKS"),
        }
    }

    const fn is_fleet(&self) -> bool {
        matches!(self.id, GivenId::Whole(ListedKey::Fleet(_)))
    }

    /// The question, with the number of live persistent tokens in the list of `keys`. A key that cannot be retired is an error
    /// instead: its state can change before the answer.
    fn question(&self, keys: &[Value]) -> Result<String, CliError> {
        let id = self.id.to_string();
        let key = keys.iter().find(|key| key["id"] == id.as_str()).ok_or_else(|| {
            CliError::Unsound(format!("there is no signing key {id}: `gatepass keys list` shows them"))
        })?;
        let live = key["live_persistent_tokens"].as_u64().unwrap_or(0);
        let live = count(live, "live persistent token");
        match (self.compromised, key["state"].as_str()) {
            (true, _) if self.is_fleet() => {
                Ok(format!("Retire key {id} as compromised? {live} will stop working."))
            }
            (true, _) => Ok(format!(
                "Retire key {id} as compromised? {live} and every ephemeral token will stop working."
            )),
            (false, Some(state @ ("current" | "prepared"))) => Err(CliError::Unsound(format!(
                "key {id} is {state}: run `gatepass keys rotate` first, or give --compromised if it leaked; nothing was done"
            ))),
            (false, _) => Ok(format!("Retire key {id}? {live} will stop working.")),
        }
    }
}

/// Reads an id, which can begin like a flag.
fn parse_id(text: &str) -> Result<GivenId<ListedKey>, String> {
    GivenId::parse(text)
        .map_err(|wrong| format!("no such flag, and no id: {wrong}; `gatepass keys list` shows them"))
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

    #[derive(clap::Parser)]
    struct RotateLine {
        #[command(flatten)]
        rotate: KeyRotate,
    }

    #[test]
    fn a_rotation_names_both_keys_and_the_tokens() {
        let keys = [
            json!({ "id": "new", "use": "enrollment", "state": "prepared", "live_persistent_tokens": 0 }),
            json!({ "id": "old", "use": "enrollment", "state": "current", "live_persistent_tokens": 2 }),
            json!({ "id": "other", "use": "service", "state": "current", "live_persistent_tokens": 0 }),
        ];
        let of = |keys: &[Value], flags: &[&str]| {
            let line = RotateLine::try_parse_from([&["x"], flags].concat());
            line.map_err(|error| error.to_string()).unwrap().rotate.question(keys)
        };
        let question = |flags: &[&str]| of(&keys, flags);
        let none = of(&[json!({ "id": "old", "use": "enrollment", "state": "current" })], &[]);
        assert!(none.ends_with("previous one: it has no live persistent tokens."), "{none}");
        let asked = question(&[]);
        assert!(asked.contains("prepared key new") && asked.contains("current key old"), "{asked}");
        assert!(asked.contains("its 2 live persistent tokens will stay valid"), "{asked}");
        assert!(question(&["--use", "service"]).contains("current key other"));
    }

    #[test]
    fn the_question_has_the_number_of_live_tokens() {
        let id = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
        let question = |flags: &[&str], id: &str, state: &str| {
            let keys = [json!({ "id": id, "live_persistent_tokens": 2, "state": state })];
            retire([&["x", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"], flags].concat()).question(&keys)
        };
        let asked = question(&[], id, "previous").unwrap();
        assert_eq!(asked, format!("Retire key {id}? 2 live persistent tokens will stop working."));
        let asked = question(&["--compromised"], id, "current").unwrap();
        assert!(asked.contains("2 live persistent tokens and every ephemeral token"), "{asked}");
        for (id, state, why) in
            [("other", "previous", "no signing key"), (id, "current", "rotate"), (id, "prepared", "rotate")]
        {
            let refused = question(&[], id, state).unwrap_err();
            assert!(refused.exit_code() == 1 && refused.to_string().contains(why), "{refused}");
        }
    }

    fn retire(line: Vec<&str>) -> KeyRetire {
        RetireLine::try_parse_from(line).map_err(|error| error.to_string()).unwrap().retire
    }

    #[test]
    fn an_id_can_begin_like_a_flag() {
        for id in [
            "-PrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "--rK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            "-yqo_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        ] {
            for line in [vec!["x", id, "--yes"], vec!["x", "-y", id], vec!["x", "--compromised", id, "-y"]] {
                let parsed = retire(line.clone());
                assert!(parsed.id.to_string() == id && parsed.consent.yes, "{line:?}");
            }
        }
        for wrong in ["--nonsense", "-z"] {
            let refused = RetireLine::try_parse_from(["x", wrong]).err().unwrap().to_string();
            assert!(refused.contains("no such flag"), "{refused}");
        }
    }
}
