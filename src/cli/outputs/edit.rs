//! `gatepass output create` and `gatepass output set`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::flags::FieldFlags;
use super::{OUTPUTS, at, question, show};
use crate::cli::consent::Consent;
use crate::cli::error::CliError;
use crate::cli::given_name::GivenOutput;
use crate::cli::remote::Remote;
use crate::config::Environment;

/// Arguments of `output create`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass output create --name events --type kafka --host kafka:9092 --auth user_pass --username agent --password-file kafka.password
  gatepass output create --name pipeline --type logstash --host ls:5044 --hosts-ca ca.pem --certificate agent.pem --key-file agent.key
  gatepass output create --name logs --type elasticsearch --host https://es:9200 --service-token-file es.token

Secrets are never arguments: give a file, or - for standard input. No command shows them again.")]
pub(crate) struct OutputCreate {
    #[command(flatten)]
    remote: Remote,
    /// Name of the output, 1 to 128 characters
    #[arg(long, value_name = "TEXT")]
    name: String,
    /// Type of the output, which never changes
    #[arg(long = "type", value_name = "TYPE", value_parser = ["elasticsearch", "remote_elasticsearch", "kafka", "logstash"])]
    kind: String,
    #[command(flatten)]
    fields: FieldFlags,
}

impl OutputCreate {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let body = self.body()?;
        let api = self.remote.connect(environment)?;
        show(self.remote.output, &api.post(OUTPUTS, &body).await?)
    }

    fn body(&self) -> Result<Value, CliError> {
        let mut body = Value::Object(self.fields.value()?);
        body["name"] = json!(self.name);
        body["type"] = json!(self.kind);
        Ok(body)
    }
}

/// Arguments of `output set`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass output set events --password-file kafka.password
  gatepass output set events --host kafka-2.example.org:9092 --password-file kafka.password
  gatepass output set ID --name events-eu

A change of addresses, CAs or authentication needs every secret again. A change of an output that policies have asks first.")]
pub(crate) struct OutputSet {
    #[command(flatten)]
    consent: Consent,
    /// Name or id of the output
    #[arg(value_name = "OUTPUT", value_parser = GivenOutput::parse)]
    given: GivenOutput,
    /// Name of the output, 1 to 128 characters
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    #[command(flatten)]
    fields: FieldFlags,
    /// Use the CAs of the system
    #[arg(long, conflicts_with = "hosts_ca")]
    system_ca: bool,
    /// Use the default role descriptors
    #[arg(long, conflicts_with = "role_descriptors")]
    default_roles: bool,
}

impl OutputSet {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let body = self.body()?;
        if body.is_empty() {
            return Err(CliError::Usage(String::from(
                "nothing to change: give a flag such as --name, --host or --password-file",
            )));
        }
        let api = self.consent.remote.connect(environment)?;
        let path = at(self.given.whole(&api).await?);
        if !self.consent.yes
            && let Some(question) = question(&api.get(&path).await?)
        {
            self.consent.ask(&question)?;
        }
        show(self.consent.remote.output, &api.patch(&path, &Value::Object(body)).await?)
    }

    /// The fields that are given.
    fn body(&self) -> Result<Map<String, Value>, CliError> {
        let mut body = self.fields.value()?;
        body.extend(self.name.iter().map(|name| ("name".to_owned(), json!(name))));
        let emptied = [(self.system_ca, "ca"), (self.default_roles, "role_descriptors")];
        let emptied = emptied.into_iter().filter(|(emptied, _)| *emptied);
        body.extend(emptied.map(|(_, field)| (field.to_owned(), Value::Null)));
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
        set: OutputSet,
    }

    #[derive(Parser)]
    struct CreateLine {
        #[command(flatten)]
        create: OutputCreate,
    }

    fn set(flags: &[&str]) -> Result<Value, String> {
        let line = SetLine::try_parse_from([&["x", "456789ab"], flags].concat());
        let body = line.map_err(|error| error.to_string())?.set.body();
        body.map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn only_given_fields_are_sent() {
        assert_eq!(set(&[]), Ok(json!({})));
        let expected = json!({ "name": "x", "hosts": ["a:1", "b:2"], "auth": "none", "ca": null, "role_descriptors": null });
        let flags = ["--name=x", "--host=a:1,b:2", "--auth=none", "--system-ca", "--default-roles"];
        assert_eq!(set(&flags), Ok(expected));
        let line = CreateLine::try_parse_from(["x", "--name=logs", "--type=kafka", "--host=a:1"]);
        let body = line.ok().unwrap().create.body().ok().unwrap();
        assert_eq!(body, json!({ "name": "logs", "type": "kafka", "hosts": ["a:1"] }));
    }

    #[test]
    fn a_secret_comes_from_a_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "hunter2\n").unwrap();
        let path = path.to_str().unwrap();
        let flag = |flag: &str| format!("{flag}={path}");
        let body = set(&[&flag("--password-file"), &flag("--key-file")]).unwrap();
        assert_eq!(body, json!({ "password": "hunter2", "key": "hunter2\n" }));
        assert!(set(&["--password-file=-", "--key-file=-"]).unwrap_err().contains("one secret"));
        assert!(set(&["--password=hunter2"]).is_err());
        let missing = set(&["--service-token-file=/none"]).unwrap_err();
        assert!(missing.starts_with("--service-token-file /none: No such file"), "{missing}");
    }
}
