//! `gatepass output`: the destinations to which hosts send their data.

mod edit;
mod flags;
pub(super) mod key_states;

use clap::Subcommand;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

use self::edit::{OutputCreate, OutputSet};
use super::consent::Consent;
use super::error::CliError;
use super::given_name::GivenOutput;
use super::listing::Listing;
use super::output::{self, Column, Columns, Format, text_at};
use super::remote::Remote;
use super::together::of;
use crate::config::Environment;
use crate::id::{Fingerprint, OutputId};

const OUTPUTS: &str = "/api/v1/outputs";

const COLUMNS: Columns = Columns {
    id: "id",
    name: "name",
    shown: &[
        Column::ID,
        Column::text("NAME", "name"),
        Column::text("TYPE", "type"),
        Column::text("HOSTS", "hosts").rank(1),
        Column::text("POLICIES", "policies"),
        Column::text("READY", "keys.ready").rank(1),
        Column::text("UNREACHABLE", "keys.unreachable").rank(2),
        Column::text("REFUSED", "keys.refused").rank(2),
        Column::text("REVISION", "revision").rank(3),
        Column::time("UPDATED", "updated_at").rank(4),
        Column::actor("BY", "updated_by", "none").rank(5),
    ],
};

const ROWS: &[(&str, &str)] = &[
    ("id", "id"),
    ("name", "name"),
    ("type", "type"),
    ("revision", "revision"),
    ("policies", "policies"),
    ("keys of hosts", "keys"),
    ("keys to invalidate", "to_invalidate"),
    ("hosts", "hosts"),
    ("CAs", "ca"),
    ("authentication", "auth"),
    ("SASL mechanism", "sasl_mechanism"),
    ("user", "username"),
    ("certificate", "certificate"),
    ("role descriptors", "role_descriptors"),
    ("service token", "service_token"),
    ("password", "password"),
    ("key", "key"),
    ("API key", "api_key"),
    ("created", "created_at"),
    ("created by", "created_by"),
    ("updated", "updated_at"),
    ("updated by", "updated_by"),
];

/// List, create, change and delete outputs
#[derive(Subcommand)]
pub(crate) enum OutputCommand {
    /// List outputs, oldest first
    #[command(after_long_help = "Examples:
  gatepass output list
  gatepass output list -o json

POLICIES is the number of policies that have the output. READY, UNREACHABLE and REFUSED are numbers of hosts' keys at \
Elasticsearch.")]
    List(Listing),
    /// Show an output, without its secrets
    #[command(after_long_help = "Examples:
  gatepass output show logs
  gatepass output show ID -o json")]
    Show {
        #[command(flatten)]
        remote: Remote,
        /// Name or id of the output
        #[arg(value_name = "OUTPUT", value_parser = GivenOutput::parse)]
        given: GivenOutput,
    },
    /// Create an output
    Create(OutputCreate),
    /// Change an output; its hosts follow at their next check-in
    Set(OutputSet),
    /// Delete an output that no policy has, with its secrets
    #[command(after_long_help = "Examples:
  gatepass output delete logs
  gatepass output delete ID --yes")]
    Delete {
        #[command(flatten)]
        consent: Consent,
        /// Name or id of the output
        #[arg(value_name = "OUTPUT", value_parser = GivenOutput::parse)]
        given: GivenOutput,
    },
}

impl OutputCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(list) => {
                let nothing = "no outputs yet: `gatepass output create` makes one";
                list.list(environment, OUTPUTS, &COLUMNS, usize::MAX, nothing).await
            }
            Self::Show { remote, given } => {
                let api = remote.connect(environment)?;
                show(remote.output, &api.get(&at(given.whole(&api).await?)).await?)
            }
            Self::Create(command) => command.run(environment).await,
            Self::Set(command) => command.run(environment).await,
            Self::Delete { consent, given } => delete(&consent, &given, environment).await,
        }
    }
}

async fn delete(consent: &Consent, given: &GivenOutput, environment: &Environment) -> Result<(), CliError> {
    let api = consent.remote.connect(environment)?;
    let id = given.whole(&api).await?;
    if !consent.yes {
        let shown = api.get(&at(id)).await?;
        consent.ask(&deletion(&shown))?;
    }
    let gone = api.delete(&at(id)).await?;
    output::done(consent.remote.output, &gone, format!("deleted output {id}"))
}

/// The question before an output is changed. `None` if no policy has it.
fn question(shown: &Value) -> Option<String> {
    let policies = shown["policies"].as_u64().filter(|policies| *policies > 0)?;
    let (id, name) = (text_at(shown, "id"), text_at(shown, "name"));
    let (policies, have) = (of_policies(policies), of(policies, "has", "have"));
    Some(format!("Change output {id} ({name})? {policies} {have} it; the hosts follow at the next check-in."))
}

/// The question before an output is deleted.
fn deletion(shown: &Value) -> String {
    let (id, name) = (text_at(shown, "id"), text_at(shown, "name"));
    let numbers = shown["keys"].as_object().into_iter().flatten();
    let numbers = numbers.filter(|(member, _)| *member != "oldest_to_invalidate");
    let keys = numbers.filter_map(|(_, number)| number.as_u64()).sum::<u64>();
    let question = format!("Delete output {id} ({name}) with its secrets?");
    match keys {
        0 => question,
        1 => format!(
            "{question} 1 key of a host is not invalidated yet; gatepass calls the cluster until it is."
        ),
        _ => format!(
            "{question} {keys} keys of hosts are not invalidated yet; gatepass calls the cluster until they are."
        ),
    }
}

fn of_policies(number: u64) -> String {
    if number == 1 { "1 policy".to_owned() } else { format!("{number} policies") }
}

/// Prints one output.
fn show(format: Format, shown: &Value) -> Result<(), CliError> {
    match format {
        Format::Json => output::one(format, shown, ROWS),
        // A field that the type does not have is no row.
        _ => {
            let shown = readable(shown);
            let has = |(_, path): &&(&str, &str)| !shown[*path].is_null();
            output::one(format, &shown, &ROWS.iter().filter(has).copied().collect::<Vec<_>>())
        }
    }
}

/// The SHA-256 of each certificate: PEM is too long for a row.
fn fingerprints(pem: &str) -> String {
    let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).flatten();
    let fingerprints = certificates.map(|der| Fingerprint::of(&der).to_string()).collect::<Vec<_>>();
    format!("SHA-256 {}", fingerprints.join(", "))
}

/// The output with its secrets, its certificates and its keys in words.
fn readable(shown: &Value) -> Value {
    let mut shown = shown.clone();
    shown["to_invalidate"] = key_states::to_invalidate(&shown["keys"]);
    shown["keys"] = key_states::by_state(&shown["keys"]);
    for field in ["service_token", "password", "key", "api_key"] {
        if shown.pointer(&format!("/{field}/set")) == Some(&Value::Bool(true)) {
            shown[field] = Value::from("set");
        }
    }
    for field in ["ca", "certificate"] {
        if let Some(pem) = shown[field].as_str() {
            shown[field] = Value::from(fingerprints(pem));
        }
    }
    if shown["role_descriptors"].is_object() {
        shown["role_descriptors"] = Value::from(shown["role_descriptors"].to_string());
    }
    shown
}

/// The path of an output.
fn at(id: OutputId) -> String {
    format!("{OUTPUTS}/{id}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_an_output_of_policies_asks() {
        let shown = |policies: u64| json!({ "id": "x", "name": "logs", "policies": policies });
        assert_eq!(question(&shown(0)), None);
        let text = "Change output x (logs)? 2 policies have it; the hosts follow at the next check-in.";
        assert_eq!(question(&shown(2)).unwrap(), text);
        let text = "Change output x (logs)? 1 policy has it; the hosts follow at the next check-in.";
        assert_eq!(question(&shown(1)).unwrap(), text);
    }

    #[test]
    fn a_deletion_names_the_keys_that_are_left() {
        let shown = |ready: u64, left: u64| {
            let keys = json!({ "ready": ready, "to_invalidate": left, "oldest_to_invalidate": "2027-01-01T00:00:00Z" });
            json!({ "id": "x", "name": "logs", "keys": keys })
        };
        let asked = "Delete output x (logs) with its secrets?";
        assert_eq!(deletion(&json!({ "id": "x", "name": "logs" })), asked);
        assert_eq!(deletion(&shown(0, 0)), asked);
        let text = format!(
            "{asked} 3 keys of hosts are not invalidated yet; gatepass calls the cluster until they are."
        );
        assert_eq!(deletion(&shown(1, 2)), text);
    }

    #[test]
    fn a_set_secret_is_a_word() {
        let shown = readable(&json!({ "name": "logs", "password": { "set": true } }));
        assert_eq!(shown["password"], "set");
        let shown = readable(&json!({ "ca": "", "role_descriptors": { "a": { "cluster": [] } } }));
        assert_eq!(
            (&shown["ca"], &shown["role_descriptors"]),
            (&json!("SHA-256 "), &json!(r#"{"a":{"cluster":[]}}"#))
        );
        assert_eq!(shown.get("key"), None);
    }
}
