//! `gatepass api-key release`.

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use super::{KEYS, at};
use crate::cli::consent::Consent;
use crate::cli::current_password::CurrentPassword;
use crate::cli::error::CliError;
use crate::cli::output::text_at;
use crate::cli::release::release;
use crate::cli::short_id::{GivenId, whole};
use crate::cli::together::{count, of};
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::ApiKeyId;

const RELEASE: &str = "/api/v1/api-keys/release";

/// Release API keys that a restore suspended
///
/// They work again with the next request. A key that was deleted after the backup works again too: check the keys before.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass api-key list
  gatepass api-key release ID
  gatepass api-key release --all                  shows the number and asks first

Release a key only if you know that it was not deleted after the backup. A key works within the rights of its owner, \
who may have to be enabled first (`gatepass user enable`).")]
pub(crate) struct ApiKeyRelease {
    #[command(flatten)]
    consent: Consent,
    /// Ids of the keys, or their last 8 characters
    #[arg(value_parser = GivenId::<ApiKeyId>::parse, required_unless_present = "all")]
    ids: Vec<GivenId<ApiKeyId>>,
    /// Select all suspended keys, instead of ids
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    #[command(flatten)]
    current: CurrentPassword,
}

impl ApiKeyRelease {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let api = self.consent.remote.connect(environment)?;
        let keys = self.keys(&api).await?;
        if keys.is_empty() {
            return Err(CliError::Unsound("no API key is suspended: nothing was done".to_owned()));
        }
        self.consent.ask(&question(&keys))?;
        let ids: Vec<Value> = keys.iter().map(|key| key["id"].clone()).collect();
        let post =
            async |ids: Value| self.current.send(&api, Method::POST, RELEASE, json!({ "ids": ids })).await;
        release("API key", &ids, self.consent.remote.output, post).await
    }

    /// The selected suspended keys.
    async fn keys(&self, api: &Api) -> Result<Vec<Value>, CliError> {
        if self.all {
            let listed = api.list(KEYS, usize::MAX).await?;
            return Ok(listed.into_iter().filter(is_suspended).collect());
        }
        let mut keys = Vec::with_capacity(self.ids.len());
        for id in whole(&self.ids, api).await? {
            let key = api.get(&at(&id.to_string())).await?;
            if !is_suspended(&key) {
                return Err(CliError::Unsound(format!("API key {id} is not suspended: nothing was done")));
            }
            keys.push(key);
        }
        Ok(keys)
    }
}

pub(super) fn is_suspended(key: &Value) -> bool {
    !key["suspended_at"].is_null()
}

fn question(keys: &[Value]) -> String {
    let what = match keys {
        [key] => match text_at(key, "label").as_str() {
            "-" => format!("API key {}", text_at(key, "id")),
            label => format!("API key {} ({label})", text_at(key, "id")),
        },
        _ => count(keys.len() as u64, "API key"),
    };
    let works = of(keys.len() as u64, "It works", "They work");
    format!("Release {what}? {works} again. A key that was deleted after the backup works again too.")
}

#[cfg(test)]
mod tests {
    use std::slice;

    use super::*;

    #[test]
    fn the_question_names_the_key_or_the_number() {
        let key = json!({ "id": "0190", "label": "pipeline" });
        let deleted = "A key that was deleted after the backup works again too.";
        let one = format!("Release API key 0190 (pipeline)? It works again. {deleted}");
        assert_eq!(question(slice::from_ref(&key)), one);
        assert_eq!(question(&[key.clone(), key]), format!("Release 2 API keys? They work again. {deleted}"));
    }
}
