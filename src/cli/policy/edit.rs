//! `gatepass policy create` and `gatepass policy set`.

use std::path::Path;

use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::flags::TermFlags;
use super::read::ReadPolicy;
use super::{POLICIES, ROWS, show};
use crate::cli::consent::Consent;
use crate::cli::error::CliError;
use crate::cli::given_name::GivenPolicy;
use crate::cli::once::{FIRST_TOKEN, Once};
use crate::cli::output;
use crate::cli::remote::Remote;
use crate::config::Environment;

/// Arguments of `policy create`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass policy create --name 'edge proxies' --role proxy
  gatepass policy create --name edge --role proxy --settings edge.json --schema edge.schema.json
  gatepass policy create --name runners --ephemeral-hosts --no-first-token
  gatepass policy create --name edge --role proxy --out edge.token

The first token is persistent, and admits any number of hosts. It gives the roles of the policy. It is shown once.")]
pub(crate) struct PolicyCreate {
    #[command(flatten)]
    remote: Remote,
    /// Name of the policy, 1 to 128 characters
    #[arg(long, value_name = "TEXT")]
    name: String,
    #[command(flatten)]
    terms: TermFlags,
    /// Create no first token
    #[arg(long, conflicts_with_all = ["quiet", "out"])]
    no_first_token: bool,
    #[command(flatten)]
    once: Once,
}

impl PolicyCreate {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let mut body = self.body()?;
        let api = self.remote.connect(environment)?;
        self.terms.add_outputs(&mut body, &api).await?;
        let body = Value::Object(body);
        if self.no_first_token {
            return show(self.remote.output, &api.post(POLICIES, &body).await?);
        }
        let post = async { Ok(api.post(POLICIES, &body).await?) };
        self.once.post(self.remote.output, post, &FIRST_TOKEN, shown).await
    }

    fn body(&self) -> Result<Map<String, Value>, CliError> {
        let mut body = self.terms.value()?;
        body.insert("name".to_owned(), json!(self.name));
        if self.no_first_token {
            body.insert("first_token".to_owned(), json!(false));
        }
        Ok(body)
    }
}

/// The policy and its first token, for people.
fn shown(answer: &Value, file: Option<&Path>) -> String {
    let rows = ROWS
        .iter()
        .copied()
        .chain([("first token", "first_token.token"), ("token id", "first_token.token_id")]);
    let command = answer["first_token"]["install_command"].as_str().map(crate::text::printable);
    let next = match (file, command) {
        (Some(_), _) => String::from("\nThe token is only in the file.\n"),
        (None, Some(command)) => {
            format!(
                "\nThe token is shown once. On each new host, paste this line, then the token:\n  {command}\n"
            )
        }
        (None, None) => String::new(),
    };
    output::lines(answer, &rows.collect::<Vec<_>>()) + &next
}

/// Arguments of `policy set`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass policy set edge --certificate-lifetime 7d
  gatepass policy set edge --settings edge.json
  gatepass policy set ID --role proxy --role director --no-labels

A term without a flag stays as it is. Lists, labels, settings and schema replace the former ones. \
Hosts follow settings, labels and audiences at their next check-in, and certificates at their next renewal. \
A host keeps a role that is taken out. \
A change of a policy that hosts have asks first.")]
pub(crate) struct PolicySet {
    #[command(flatten)]
    consent: Consent,
    /// Name or id of the policy
    #[arg(value_name = "POLICY", value_parser = GivenPolicy::parse)]
    policy: GivenPolicy,
    /// Name of the policy, 1 to 128 characters
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    terms: TermFlags,
    /// Certificates last hosts.certificate_lifetime
    #[arg(long, conflicts_with = "certificate_lifetime")]
    default_lifetime: bool,
    /// The hosts are not ephemeral
    #[arg(long, conflicts_with = "ephemeral_hosts")]
    no_ephemeral_hosts: bool,
    /// Allow no opaque keys: those of the hosts stop working
    #[arg(long, conflicts_with = "api_key_credential")]
    no_api_key_credential: bool,
    /// Allow no role
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,
    /// Remove all labels
    #[arg(long, conflicts_with = "labels")]
    no_labels: bool,
    /// Remove all settings
    #[arg(long, conflicts_with = "settings")]
    no_settings: bool,
    /// Remove the schema
    #[arg(long, conflicts_with = "schema")]
    no_schema: bool,
    /// Remove all audiences
    #[arg(long, conflicts_with = "audiences")]
    no_audiences: bool,
    /// Remove all outputs
    #[arg(long, conflicts_with = "outputs")]
    no_outputs: bool,
}

impl PolicySet {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let mut body = self.body()?;
        if body.is_empty() && !self.terms.has_outputs() {
            return Err(CliError::Usage(String::from(
                "nothing to change: give a flag such as --name, --role or --settings",
            )));
        }
        let api = self.consent.remote.connect(environment)?;
        self.terms.add_outputs(&mut body, &api).await?;
        let policy = ReadPolicy::of(&self.policy, &api).await?;
        if let Some(question) = policy.question("Change") {
            self.consent.ask(&question)?;
        }
        let changed = policy.change(&api, Method::PATCH, "", &Value::Object(body)).await?;
        show(self.consent.remote.output, &changed)
    }

    /// The fields that are given.
    fn body(&self) -> Result<Map<String, Value>, CliError> {
        let mut body = self.terms.value()?;
        body.extend(self.name.iter().map(|name| ("name".to_owned(), json!(name))));
        let emptied = [
            (self.default_lifetime, "certificate_lifetime", Value::Null),
            (self.no_ephemeral_hosts, "ephemeral_hosts", json!(false)),
            (self.no_api_key_credential, "api_key_credential", json!(false)),
            (self.no_roles, "roles", json!([])),
            (self.no_labels, "labels", json!({})),
            (self.no_settings, "settings", json!({})),
            (self.no_schema, "schema", Value::Null),
            (self.no_audiences, "audiences", json!([])),
            (self.no_outputs, "outputs", json!([])),
        ];
        let emptied = emptied.into_iter().filter(|(emptied, ..)| *emptied);
        body.extend(emptied.map(|(_, field, value)| (field.to_owned(), value)));
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct SetLine {
        #[command(flatten)]
        set: PolicySet,
    }

    #[derive(Parser)]
    struct CreateLine {
        #[command(flatten)]
        create: PolicyCreate,
    }

    fn set(flags: &[&str]) -> Value {
        let line = SetLine::try_parse_from([&["x", "456789ab"], flags].concat()).ok().unwrap();
        Value::Object(line.set.body().ok().unwrap())
    }

    fn create(flags: &[&str]) -> Value {
        let line = CreateLine::try_parse_from([&["x", "--name", "edge"], flags].concat()).ok().unwrap();
        Value::Object(line.create.body().ok().unwrap())
    }

    #[test]
    fn only_given_fields_are_sent() {
        assert_eq!(set(&[]), json!({}));
        assert_eq!(create(&[]), json!({ "name": "edge" }));
        assert_eq!(create(&["--no-first-token"]), json!({ "name": "edge", "first_token": false }));
        let terms = [
            "--role",
            "proxy,director",
            "--label",
            "site=eu-1",
            "--renew-at",
            "0.5",
            "--approval",
            "warn",
            "--certificate-lifetime",
            "7d",
            "--audience",
            "urn:jobs",
            "--description",
            "x",
        ];
        let expected = json!({
            "roles": ["proxy", "director"], "labels": { "site": "eu-1" }, "renew_at": 0.5, "approval": "warn",
            "certificate_lifetime": "7d", "audiences": ["urn:jobs"], "description": "x",
        });
        assert_eq!(set(&terms), expected);
    }

    #[test]
    fn each_field_is_given_or_emptied() {
        let flags = [
            "--default-lifetime",
            "--no-ephemeral-hosts",
            "--no-api-key-credential",
            "--no-roles",
            "--no-labels",
            "--no-settings",
            "--no-schema",
            "--no-audiences",
            "--no-outputs",
        ];
        let expected = json!({
            "certificate_lifetime": null, "ephemeral_hosts": false, "api_key_credential": false, "roles": [], "labels": {},
            "settings": {}, "schema": null, "audiences": [], "outputs": [],
        });
        assert_eq!(set(&flags), expected);
        for pair in [
            ["--role=x", "--no-roles"],
            ["--certificate-lifetime=1d", "--default-lifetime"],
            ["--certificate-lifetime=1d", "--ephemeral-hosts"],
            ["--schema=f", "--no-schema"],
            ["--api-key-credential", "--no-api-key-credential"],
        ] {
            assert!(SetLine::try_parse_from([&["x", "456789ab"], &pair[..]].concat()).is_err(), "{pair:?}");
        }
        assert!(CreateLine::try_parse_from(["x", "--name=edge", "--no-first-token", "--quiet"]).is_err());
    }
}
