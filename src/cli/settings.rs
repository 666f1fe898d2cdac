//! `gatepass settings`: settings that an admin changes while the server runs.

use clap::Subcommand;
use serde_json::{Map, Value};
use strum::VariantArray as _;

use super::consent::Consent;
use super::error::CliError;
use super::output::{self, Column, Columns, Format, Screen};
use super::remote::Remote;
use crate::config::Environment;
use crate::span::{Setting, parse_span};
use crate::text::printable;

const PATH: &str = "/api/v1/settings";

/// The setting that decides how long records of ended tokens stay.
const RETENTION: &str = "retention";

/// Show and change settings while the server runs
#[derive(Subcommand)]
#[command(after_long_help = "Examples:
  gatepass settings show
  gatepass settings set default_ttl=30m retention=14d
  gatepass settings reset default_ttl

The settings are default_ttl, max_ephemeral_ttl, cluster_ttl, retention, node_limit and approval.

`gatepass settings set node_limit=off` removes the node limit. The values of approval are off, warn and require.")]
pub(crate) enum SettingsCommand {
    /// Show the effective and the configured values
    #[command(after_long_help = "Examples:
  gatepass settings show
  gatepass settings show -o json")]
    Show(Remote),
    /// Change settings, effective immediately and after a restart
    #[command(after_long_help = "Examples:
  gatepass settings set default_ttl=30m retention=14d
  gatepass settings set node_limit=1000 approval=warn")]
    Set {
        #[command(flatten)]
        consent: Consent,
        /// New values, such as default_ttl=30m
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = pair)]
        pairs: Vec<(String, String)>,
    },
    /// Return to the configured values
    #[command(after_long_help = "Examples:
  gatepass settings reset default_ttl")]
    Reset {
        #[command(flatten)]
        consent: Consent,
        /// Names of settings, such as default_ttl
        #[arg(required = true, value_name = "KEY", value_parser = known)]
        keys: Vec<String>,
    },
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty());
    let (key, value) = pair.ok_or("write KEY=VALUE, such as default_ttl=30m")?;
    Ok((known(key)?, value.to_owned()))
}

fn known(key: &str) -> Result<String, String> {
    match key.parse::<Setting>() {
        Ok(_) => Ok(key.to_owned()),
        Err(_) => {
            let names = Setting::VARIANTS.iter().map(Setting::as_str).collect::<Vec<_>>();
            Err(format!("no such setting; the settings are {}", names.join(", ")))
        }
    }
}

/// The changes, each setting once.
fn changes(pairs: impl IntoIterator<Item = (String, Value)>) -> Result<Map<String, Value>, CliError> {
    let mut changes = Map::new();
    for (key, value) in pairs {
        if changes.insert(key.clone(), value).is_some() {
            return Err(CliError::Usage(format!("{key} is given twice: nothing was changed")));
        }
    }
    Ok(changes)
}

impl SettingsCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let (consent, asked) = match self {
            Self::Show(remote) => {
                let settings = remote.connect(environment)?.get(PATH).await?;
                return show(remote.output, &Screen::of(environment), &settings);
            }
            Self::Set { consent, pairs } => {
                let pairs = pairs.into_iter().map(|(key, value)| (key, Value::from(value)));
                (consent, changes(pairs)?)
            }
            Self::Reset { consent, keys } => {
                (consent, changes(keys.into_iter().map(|key| (key, Value::Null)))?)
            }
        };
        let api = consent.remote.connect(environment)?;
        if asked.contains_key(RETENTION)
            && let Some(question) = shortens(&api.get(PATH).await?[RETENTION], &asked[RETENTION])
        {
            consent.ask(&question)?;
        }
        let settings = api.patch(PATH, &Value::Object(asked)).await?;
        show(consent.remote.output, &Screen::of(environment), &settings)
    }
}

/// The question before a shorter retention, by which records of ended tokens go sooner. `None` if it is not shorter.
fn shortens(standing: &Value, asked: &Value) -> Option<String> {
    let text = |value: &Value| value.as_str().map(printable);
    let (before, after) = (text(&standing["value"])?, text(asked).or_else(|| text(&standing["configured"]))?);
    let shorter = parse_span(&after).ok()? < parse_span(&before).ok()?;
    shorter.then(|| {
        format!(
            "Shorten the retention from {before} to {after}? Records of tokens that ended more than {after} ago are deleted."
        )
    })
}

fn show(format: Format, screen: &Screen, settings: &Value) -> Result<(), CliError> {
    let items = settings.as_object().into_iter().flatten().map(|(name, setting)| {
        let mut item = setting.clone();
        item["id"] = Value::from(name.as_str());
        item
    });
    match format {
        Format::Json => output::json(settings),
        _ => output::list(format, screen, &items.collect::<Vec<_>>(), &COLUMNS, "no settings"),
    }
}

const COLUMNS: Columns = Columns {
    id: "id",
    name: "id",
    shown: &[
        Column::text("SETTING", "id"),
        Column::text("EFFECTIVE", "value"),
        Column::text("CONFIGURED", "configured"),
        Column::text("CHANGED", "changed_at"),
    ],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_setting_is_written_as_key_and_value() {
        assert_eq!(pair("default_ttl=30m"), Ok(("default_ttl".to_owned(), "30m".to_owned())));
        assert!(pair("colour=red").unwrap_err().contains("default_ttl, max_ephemeral_ttl"));
        for wrong in ["default_ttl", "=30m", "default_ttl=", ""] {
            assert!(pair(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_a_shorter_retention_asks() {
        let standing = json!({ "value": "7d", "configured": "2d" });
        let question = shortens(&standing, &json!("36h")).unwrap();
        assert!(question.contains("from 7d to 36h"), "{question}");
        assert!(shortens(&standing, &Value::Null).unwrap().contains("to 2d"));
        for (before, after) in
            [("7d", json!("7d")), ("7d", json!("8d")), ("1d", Value::Null), ("7d", json!("x"))]
        {
            assert_eq!(shortens(&json!({ "value": before, "configured": "2d" }), &after), None, "{after}");
        }
    }

    #[test]
    fn a_setting_given_twice_is_refused() {
        let twice = ["retention", "retention"].map(|key| (key.to_owned(), Value::Null));
        assert_eq!(changes(twice.clone()).unwrap_err().exit_code(), 2);
        assert_eq!(changes(twice.into_iter().take(1)).unwrap().len(), 1);
    }
}
