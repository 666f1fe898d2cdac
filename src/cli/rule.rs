//! `gatepass rule`: the hosts that are admitted without a person.

mod dry_run;
mod edit;

use clap::Subcommand;
use serde_json::{Value, json};

use self::dry_run::RuleTest;
use self::edit::{RuleCreate, RuleSet};
use super::consent::Consent;
use super::error::CliError;
use super::listing::Listing;
use super::output::{self, Column, Columns, Format, text_at};
use super::remote::Remote;
use super::short_id::GivenId;
use super::together::{count, of};
use crate::config::Environment;
use crate::id::RuleId;

const RULES: &str = "/api/v1/auto-approve-rules";

const COLUMNS: Columns = Columns {
    id: "id",
    name: "label",
    shown: &[
        Column::ID,
        Column::text("CLUSTER", "cluster_id"),
        Column::text("LABEL", "label"),
        Column::text("ALLOWED ROLES", "allowed_roles?all roles"),
        Column::text("HOSTS", "hosts"),
        Column::text("ADDRESSES", "addresses?any").rank(2),
        Column::text("NAMES", "names?any").rank(3),
        Column::time("CREATED", "created_at").rank(1),
        Column::actor("BY", "created_by", "none").rank(4),
    ],
};

/// The columns of a file. A program for spreadsheets takes `12/50` for a date.
const CSV_COLUMNS: Columns = Columns {
    id: "id",
    name: "label",
    shown: &[
        Column::ID,
        Column::text("CLUSTER", "cluster_id"),
        Column::text("LABEL", "label"),
        Column::text("ALLOWED ROLES", "allowed_roles?all roles"),
        Column::text("HOSTS", "admitted"),
        Column::text("MAX HOSTS", "max_nodes"),
        Column::text("ADDRESSES", "addresses?any"),
        Column::text("NAMES", "names?any"),
        Column::time("CREATED", "created_at"),
        Column::actor("BY", "created_by", "none"),
    ],
};

const ROWS: [(&str, &str); 11] = [
    ("id", "id"),
    ("label", "label"),
    ("cluster", "cluster_id"),
    ("allowed roles", "allowed_roles?all roles"),
    ("hosts", "hosts"),
    ("addresses", "addresses?any"),
    ("names", "names?any"),
    ("policies", "policies?any"),
    ("examples", "examples"),
    ("created", "created_at"),
    ("created by", "created_by"),
];

/// List, create, change, delete and try auto-approve rules
#[derive(Subcommand)]
pub(crate) enum RuleCommand {
    /// List rules, oldest first: the oldest that matches and has room admits a host
    #[command(after_long_help = "Examples:
  gatepass rule list
  gatepass rule list -o json

HOSTS is the number of hosts that the rule admitted and that hold a slot, and its maximum.")]
    List(Listing),
    /// Show a rule
    #[command(after_long_help = "Examples:
  gatepass rule show ID
  gatepass rule show ID -o json")]
    Show {
        #[command(flatten)]
        remote: Remote,
        /// Id of the rule, or its last 8 characters
        #[arg(value_parser = GivenId::<RuleId>::parse)]
        id: GivenId<RuleId>,
    },
    /// Create a rule
    Create(RuleCreate),
    /// Change a rule; the hosts that it admitted stay
    Set(RuleSet),
    /// Delete a rule; the hosts that it admitted stay
    #[command(after_long_help = "Examples:
  gatepass rule delete ID")]
    Delete {
        #[command(flatten)]
        consent: Consent,
        /// Id of the rule, or its last 8 characters
        #[arg(value_parser = GivenId::<RuleId>::parse)]
        id: GivenId<RuleId>,
    },
    /// Show which rule would admit a host, and why the others would not; changes nothing
    Test(RuleTest),
}

impl RuleCommand {
    /// Runs the command.
    pub(crate) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        match self {
            Self::List(list) => {
                let mut rules = list.remote.connect(environment)?.list(RULES, usize::MAX).await?;
                let columns = if list.remote.output == Format::Csv { &CSV_COLUMNS } else { &COLUMNS };
                if list.remote.output != Format::Json {
                    rules.iter_mut().for_each(|rule| *rule = listed(rule));
                }
                list.print(environment, &rules, columns, "no rules yet: `gatepass rule create` makes one")
            }
            Self::Show { remote, id } => {
                let api = remote.connect(environment)?;
                let rule = api.get(&at(id.whole(&api).await?)).await?;
                show(remote.output, &rule)
            }
            Self::Create(command) => command.run(environment).await,
            Self::Set(command) => command.run(environment).await,
            Self::Delete { consent, id } => delete(&consent, &id, environment).await,
            Self::Test(command) => command.run(environment).await,
        }
    }
}

async fn delete(consent: &Consent, id: &GivenId<RuleId>, environment: &Environment) -> Result<(), CliError> {
    let api = consent.remote.connect(environment)?;
    let id = id.whole(&api).await?;
    if !consent.yes {
        consent.ask(&question(&api.get(&at(id)).await?))?;
    }
    let gone = api.delete(&at(id)).await?;
    output::done(consent.remote.output, &gone, format!("deleted rule {id}"))
}

/// The question before a rule is deleted.
fn question(rule: &Value) -> String {
    let admitted = rule["admitted"].as_u64().unwrap_or(0);
    let hosts = match admitted {
        0 => String::from("It admitted no host that holds a slot"),
        _ => format!("{} that it admitted {}", count(admitted, "host"), of(admitted, "stays", "stay")),
    };
    let (id, label) = (text_at(rule, "id"), text_at(rule, "label"));
    format!("Delete rule {id} ({label})? {hosts}, and it admits no other from now on.")
}

/// Prints one rule.
fn show(format: Format, rule: &Value) -> Result<(), CliError> {
    match format {
        Format::Json => output::json(rule),
        _ => output::one(format, &listed(rule), &ROWS),
    }
}

/// The rule for people: its hosts and their maximum as `12/50`, and its examples in words.
fn listed(rule: &Value) -> Value {
    let mut listed = rule.clone();
    let admitted = rule["admitted"].as_u64().unwrap_or(0);
    listed["hosts"] = match rule["max_nodes"].as_u64() {
        Some(most) => json!(format!("{admitted}/{most}")),
        None => json!(admitted),
    };
    let examples = rule["examples"].as_array().map(|examples| examples.iter().map(in_words).collect());
    listed["examples"] = Value::Array(examples.unwrap_or_default());
    listed
}

/// An example as `--example` takes it.
fn in_words(example: &Value) -> Value {
    let mut facts = Vec::new();
    facts.extend(example["cluster"].as_str().map(|cluster| format!("cluster={cluster}")));
    let roles = example["roles"].as_array().into_iter().flatten().filter_map(Value::as_str);
    facts.extend(roles.map(|role| format!("role={role}")));
    facts.extend(example["address"].as_str().map(|address| format!("address={address}")));
    facts.extend(example["name"].as_str().map(|name| format!("name={name}")));
    facts.push(format!("admitted={}", example["admitted"]));
    json!(facts.join(","))
}

/// The path of a rule.
fn at(id: RuleId) -> String {
    format!("{RULES}/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_listed_with_its_room() {
        let hosts = |rule: Value| listed(&rule)["hosts"].clone();
        assert_eq!(hosts(json!({ "admitted": 12, "max_nodes": 50 })), "12/50");
        assert_eq!(hosts(json!({ "admitted": 12, "max_nodes": null })), 12);
    }

    #[test]
    fn an_example_is_shown_as_it_is_given() {
        let given = "cluster=eu-1,role=proxy,role=director,address=10.1.2.3,name=a.example.org,admitted=true";
        let example = edit::example(given).unwrap();
        assert_eq!(in_words(&example), given);
        assert_eq!(in_words(&json!({ "roles": [], "admitted": false })), "admitted=false");
    }

    #[test]
    fn the_question_has_the_number_of_hosts() {
        let rule = |admitted: u64| json!({ "id": "x", "label": "rack", "admitted": admitted });
        assert_eq!(
            question(&rule(2)),
            "Delete rule x (rack)? 2 hosts that it admitted stay, and it admits no other from now on."
        );
        assert!(question(&rule(0)).contains("no host"));
    }
}
