//! The flags for the terms of a policy.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::error::CliError;
use crate::cli::given_name::GivenOutput;
use crate::client::api::Api;

/// Maximum size of a file in bytes: the server takes 32 KiB of JSON, without its spaces.
const MOST_BYTES: u64 = 1 << 20;

/// The terms of a policy.
#[derive(Args)]
pub(crate) struct TermFlags {
    /// Description, at most 1024 characters
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Lifetime of the hosts' certificates, from 1m to 825d. Default: hosts.certificate_lifetime on the server
    #[arg(long, value_name = "SPAN", conflicts_with = "ephemeral_hosts")]
    certificate_lifetime: Option<String>,
    /// Share of its life after which a certificate is renewed, from 0.3 to 0.9. Default: 0.67
    #[arg(long, value_name = "SHARE")]
    renew_at: Option<f64>,
    /// Role that hosts and tokens of the policy may have; repeatable, or separated by commas
    #[arg(long = "role", alias = "roles", value_name = "NAME", value_delimiter = ',')]
    roles: Vec<String>,
    /// Treatment of hosts that no auto-approve rule admits. warn: the ledger records them. require: they wait for an administrator
    #[arg(long, value_name = "MODE", value_parser = ["off", "warn", "require"], hide_possible_values = true)]
    approval: Option<String>,
    /// Label of the hosts, such as site=eu-1; repeatable
    #[arg(long = "label", value_name = "NAME=TEXT", value_parser = label)]
    labels: Vec<(String, String)>,
    /// For machines without a disk: certificates last 24 hours, and a lapsed host is deleted within an hour
    #[arg(long)]
    ephemeral_hosts: bool,
    /// Let hosts have opaque keys, for clients that cannot present a certificate
    #[arg(long)]
    api_key_credential: bool,
    /// File with the settings of the hosts, a JSON object; - reads standard input. Every reader of policies sees them
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// File with a JSON Schema (2020-12) that the settings must fit
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Service that the hosts may get access tokens for, one of tokens.audiences on the server; repeatable
    #[arg(long = "audience", value_name = "URI")]
    audiences: Vec<String>,
    /// Output of the hosts: its name or its id; repeatable, in the order of the hosts. The list replaces the former one
    #[arg(long, value_name = "OUTPUT", value_parser = GivenOutput::parse)]
    outputs: Vec<GivenOutput>,
}

impl TermFlags {
    /// The fields that are given, as requests have them.
    ///
    /// # Errors
    /// A file cannot be read, or is not a JSON object.
    pub(super) fn value(&self) -> Result<Map<String, Value>, CliError> {
        let labels = self.labels.iter().map(|(name, text)| (name.clone(), json!(text))).collect();
        let file = |flag, path: &Option<PathBuf>| path.as_deref().map(|path| object(flag, path)).transpose();
        let fields = [
            ("description", json!(self.description)),
            ("certificate_lifetime", json!(self.certificate_lifetime)),
            ("renew_at", json!(self.renew_at)),
            ("roles", json!(Some(&self.roles).filter(|roles| !roles.is_empty()))),
            ("approval", json!(self.approval)),
            ("labels", json!(Some(Value::Object(labels)).filter(|_| !self.labels.is_empty()))),
            ("ephemeral_hosts", json!(self.ephemeral_hosts.then_some(true))),
            ("api_key_credential", json!(self.api_key_credential.then_some(true))),
            ("settings", json!(file("--settings", &self.settings)?)),
            ("schema", json!(file("--schema", &self.schema)?)),
            ("audiences", json!(Some(&self.audiences).filter(|audiences| !audiences.is_empty()))),
        ];
        let given = fields.into_iter().filter(|(_, value)| !value.is_null());
        Ok(given.map(|(field, value)| (field.to_owned(), value)).collect())
    }

    /// True if outputs are given.
    pub(super) const fn has_outputs(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// Adds the outputs that are given. Names and short ids are looked up.
    ///
    /// # Errors
    /// No output has a name or a short id, or several have the short id.
    pub(super) async fn add_outputs(&self, body: &mut Map<String, Value>, api: &Api) -> Result<(), CliError> {
        let mut ids = Vec::with_capacity(self.outputs.len());
        for output in &self.outputs {
            ids.push(output.whole(api).await?);
        }
        if self.has_outputs() {
            body.insert("outputs".to_owned(), json!(ids));
        }
        Ok(())
    }
}

/// Parser of a label.
fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, text)| (name.to_owned(), text.to_owned()))
        .ok_or_else(|| String::from("write a name and a text, such as site=eu-1"))
}

/// Reads a JSON object from a file.
pub(in crate::cli) fn object(flag: &str, path: &Path) -> Result<Value, CliError> {
    let fault = |why: String| CliError::Usage(format!("{flag} {}: {why}", path.display()));
    let mut text = Vec::new();
    let read = match path.to_str() {
        Some("-") => std::io::stdin().lock().take(MOST_BYTES).read_to_end(&mut text),
        _ => std::fs::File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut text)),
    };
    read.map_err(|error| fault(error.to_string()))?;
    let value: Value = serde_json::from_slice(&text).map_err(|error| {
        fault(format!("not JSON: broken at line {}, column {}", error.line(), error.column()))
    })?;
    if value.is_object() { Ok(value) } else { Err(fault(String::from("write a JSON object"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_name_and_a_text() {
        assert_eq!(label("site=eu=1"), Ok(("site".to_owned(), "eu=1".to_owned())));
        assert_eq!(label("site="), Ok(("site".to_owned(), String::new())));
        for wrong in ["", "site", "=eu-1"] {
            assert!(label(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn settings_are_an_object_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("settings.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            object("--settings", &path).map_err(|error| error.to_string())
        };
        assert_eq!(read(r#"{ "a": 1 }"#), Ok(json!({ "a": 1 })));
        assert!(read("[1]").unwrap_err().contains("write a JSON object"));
        assert!(read("{\n \"a\": hunter2 }").unwrap_err().ends_with("broken at line 2, column 7"));
        assert!(
            object("--schema", Path::new("/none")).unwrap_err().to_string().starts_with("--schema /none: ")
        );
    }
}
