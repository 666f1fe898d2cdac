//! `gatepass settings`: what an admin may change while the server runs.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::error::CliError;
use super::output::{self, Format};
use super::remote::Remote;
use crate::config::Environment;

const PATH: &str = "/api/v1/settings";

/// Show and change what may be changed while the server runs
#[derive(Subcommand)]
#[command(after_long_help = "Examples:
  gatepass settings show
  gatepass settings set default_ttl=30m retention=14d
  gatepass settings reset default_ttl

The settings are default_ttl, max_ephemeral_ttl, cluster_ttl and retention.")]
pub(crate) enum SettingsCommand {
    /// Show what is in force and what the configuration says
    Show(Show),
    /// Change settings: in force at once, also after a restart
    Set(Set),
    /// Let the configuration be in force again
    Reset(Reset),
}

/// `settings show`.
#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    remote: Remote,
}

/// `settings set`.
#[derive(Args)]
pub(crate) struct Set {
    #[command(flatten)]
    remote: Remote,
    /// The settings, such as default_ttl=30m
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = pair)]
    pairs: Vec<(String, String)>,
}

/// `settings reset`.
#[derive(Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    remote: Remote,
    /// The settings, such as default_ttl
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(key, value)| !key.is_empty() && !value.is_empty());
    let (key, value) = pair.ok_or("a setting and its value are joined by =, such as default_ttl=30m")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl SettingsCommand {
    /// Does it.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let (remote, changes) = match self {
            Self::Show(Show { remote }) => (remote, None),
            Self::Set(Set { remote, pairs }) => {
                let pairs = pairs.into_iter().map(|(key, value)| (key, Value::from(value)));
                (remote, Some(pairs.collect::<Map<_, _>>()))
            }
            Self::Reset(Reset { remote, keys }) => {
                (remote, Some(keys.into_iter().map(|key| (key, Value::Null)).collect()))
            }
        };
        let api = remote.connect(environment)?;
        let settings = match changes {
            None => api.get(PATH).await?,
            Some(changes) => api.patch(PATH, &Value::Object(changes)).await?,
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
        Format::Table => output::list(format, &items.collect::<Vec<_>>(), COLUMNS, "there are no settings"),
    }
}

const COLUMNS: &[(&str, &str)] =
    &[("setting", "id"), ("in force", "value"), ("configured", "configured"), ("changed", "changed_at")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_and_its_value_are_joined_by_an_equals_sign() {
        assert_eq!(pair("default_ttl=30m"), Ok(("default_ttl".to_owned(), "30m".to_owned())));
        for wrong in ["default_ttl", "=30m", "default_ttl=", ""] {
            assert!(pair(wrong).is_err(), "{wrong}");
        }
    }
}
