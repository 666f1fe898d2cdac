//! `gatepass settings`: settings that an admin changes while the server runs.

use clap::Subcommand;
use serde_json::{Map, Value};
use strum::VariantArray as _;

use super::error::CliError;
use super::output::{self, Format};
use super::remote::Remote;
use crate::config::Environment;
use crate::span::Setting;

const PATH: &str = "/api/v1/settings";

/// Show and change settings while the server runs
#[derive(Subcommand)]
#[command(after_long_help = "Examples:
  gatepass settings show
  gatepass settings set default_ttl=30m retention=14d
  gatepass settings reset default_ttl

The settings are default_ttl, max_ephemeral_ttl, cluster_ttl and retention.")]
pub(crate) enum SettingsCommand {
    /// Show the effective and the configured values
    Show(Remote),
    /// Change settings, effective immediately and after a restart
    Set {
        #[command(flatten)]
        remote: Remote,
        /// New values, such as default_ttl=30m
        #[arg(required = true, value_name = "KEY=VALUE", value_parser = pair)]
        pairs: Vec<(String, String)>,
    },
    /// Return to the configured values
    Reset {
        #[command(flatten)]
        remote: Remote,
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
        let (remote, asked) = match self {
            Self::Show(remote) => (remote, None),
            Self::Set { remote, pairs } => {
                let pairs = pairs.into_iter().map(|(key, value)| (key, Value::from(value)));
                (remote, Some(changes(pairs)?))
            }
            Self::Reset { remote, keys } => {
                (remote, Some(changes(keys.into_iter().map(|key| (key, Value::Null)))?))
            }
        };
        let api = remote.connect(environment)?;
        let settings = match asked {
            None => api.get(PATH).await?,
            Some(asked) => api.patch(PATH, &Value::Object(asked)).await?,
        };
        show(remote.output, &settings)
    }
}

fn show(format: Format, settings: &Value) -> Result<(), CliError> {
    let items = settings.as_object().into_iter().flatten().map(|(name, setting)| {
        let mut item = setting.clone();
        item["id"] = Value::from(name.as_str());
        item
    });
    match format {
        Format::Json => output::json(settings),
        Format::Table => output::list(format, &items.collect::<Vec<_>>(), COLUMNS, "no settings"),
    }
}

const COLUMNS: &[(&str, &str)] =
    &[("setting", "id"), ("effective", "value"), ("configured", "configured"), ("changed", "changed_at")];

#[cfg(test)]
mod tests {
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
    fn a_setting_given_twice_is_refused() {
        let twice = ["retention", "retention"].map(|key| (key.to_owned(), Value::Null));
        assert_eq!(changes(twice.clone()).unwrap_err().exit_code(), 2);
        assert_eq!(changes(twice.into_iter().take(1)).unwrap().len(), 1);
    }
}
