//! `gatepass rule create` and `gatepass rule set`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::{RULES, at, show};
use crate::cli::consent::Consent;
use crate::cli::error::CliError;
use crate::cli::output::text_at;
use crate::cli::remote::Remote;
use crate::cli::short_id::GivenId;
use crate::cli::together::{count, of};
use crate::client::api::given;
use crate::config::Environment;
use crate::id::RuleId;

/// The lists of a rule.
#[derive(Args)]
pub(crate) struct Lists {
    /// Role that a token may have; repeatable, or separated by commas. Default: all roles
    #[arg(long = "role", value_name = "NAME", value_delimiter = ',')]
    roles: Vec<String>,
    /// Address range of hosts, such as 10.1.0.0/16; repeatable, or separated by commas. Default: any address
    #[arg(long = "address", value_name = "CIDR", value_delimiter = ',')]
    addresses: Vec<String>,
    /// DNS name that hosts ask for, or *.DOMAIN for every name directly below it; repeatable, or separated by commas.
    /// Default: any name, and none
    #[arg(long = "name", value_name = "PATTERN", value_delimiter = ',')]
    names: Vec<String>,
    /// An enrollment and the decision about it, which is checked whenever the rule is saved; repeatable
    #[arg(long = "example", value_name = "FACTS", value_parser = example)]
    examples: Vec<Value>,
}

impl Lists {
    /// The lists that are given, as requests have them.
    fn value(&self) -> Map<String, Value> {
        let Self { roles, addresses, names, examples } = self;
        let lists = [
            ("allowed_roles", json!(roles)),
            ("addresses", json!(addresses)),
            ("names", json!(names)),
            ("examples", json!(examples)),
        ];
        let given = lists.into_iter().filter(|(_, list)| *list != json!([]));
        given.map(|(field, list)| (field.to_owned(), list)).collect()
    }
}

/// Arguments of `rule create`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass rule create --cluster eu-1 --label 'proxies of eu-1' --role proxy --max-nodes 50
  gatepass rule create --cluster '*' --label 'the lab' --address 10.1.0.0/16 --name '*.lab.example.org'
  gatepass rule create --cluster eu-1 --label eu-1 --role proxy --example cluster=eu-1,role=proxy,admitted=true --example cluster=eu-1,role=director,admitted=false

A rule for a cluster admits hosts of tokens that are bound to the cluster. The cluster '*' is every token, also an unbound one.

The facts of an example are cluster=, role=, address=, name= and admitted=true or admitted=false. The rule is not saved if it decides differently.")]
pub(crate) struct RuleCreate {
    #[command(flatten)]
    remote: Remote,
    /// Cluster that a token must be bound to, or '*' for every token
    #[arg(long, value_name = "ID")]
    cluster: String,
    /// Label of the rule, 1 to 128 characters
    #[arg(long, value_name = "TEXT")]
    label: String,
    /// Maximum number of hosts that the rule admits. Default: no maximum
    #[arg(long, value_name = "N")]
    max_nodes: Option<u64>,
    #[command(flatten)]
    lists: Lists,
}

impl RuleCreate {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let mut body = Value::Object(self.lists.value());
        body["cluster_id"] = json!(self.cluster);
        body["label"] = json!(self.label);
        body["max_nodes"] = json!(self.max_nodes);
        let rule = self.remote.connect(environment)?.post(RULES, &given(body)).await?;
        show(self.remote.output, &rule)
    }
}

/// Arguments of `rule set`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass rule set ID --max-nodes 100
  gatepass rule set ID --role proxy --role director
  gatepass rule set ID --all-roles --any-address --no-examples

A list replaces the former one. A maximum that leaves no room asks first.")]
pub(crate) struct RuleSet {
    #[command(flatten)]
    consent: Consent,
    /// Id of the rule, or its last 8 characters
    #[arg(value_parser = GivenId::<RuleId>::parse)]
    id: GivenId<RuleId>,
    /// Cluster that a token must be bound to, or '*' for every token
    #[arg(long, value_name = "ID")]
    cluster: Option<String>,
    /// Label of the rule, 1 to 128 characters
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// Maximum number of hosts that the rule admits
    #[arg(long, value_name = "N")]
    max_nodes: Option<u64>,
    /// No maximum
    #[arg(long, conflicts_with = "max_nodes")]
    unlimited: bool,
    #[command(flatten)]
    lists: Lists,
    /// Allow all roles
    #[arg(long, conflicts_with = "roles")]
    all_roles: bool,
    /// Allow any address
    #[arg(long, conflicts_with = "addresses")]
    any_address: bool,
    /// Allow any name, and none
    #[arg(long, conflicts_with = "names")]
    any_name: bool,
    /// Remove all examples
    #[arg(long, conflicts_with = "examples")]
    no_examples: bool,
}

impl RuleSet {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let body = self.body();
        if body == json!({}) {
            return Err(CliError::Usage(String::from(
                "nothing to change: give a flag such as --label, --max-nodes, --role or --address",
            )));
        }
        let api = self.consent.remote.connect(environment)?;
        let path = at(self.id.whole(&api).await?);
        if !self.consent.yes
            && let Some(most) = self.max_nodes
            && let Some(question) = question(most, &api.get(&path).await?)
        {
            self.consent.ask(&question)?;
        }
        show(self.consent.remote.output, &api.patch(&path, &body).await?)
    }

    /// The fields that are given.
    fn body(&self) -> Value {
        let mut body = self.lists.value();
        body.extend(self.cluster.iter().map(|cluster| ("cluster_id".to_owned(), json!(cluster))));
        body.extend(self.label.iter().map(|label| ("label".to_owned(), json!(label))));
        body.extend(self.max_nodes.iter().map(|most| ("max_nodes".to_owned(), json!(most))));
        body.extend(self.unlimited.then(|| ("max_nodes".to_owned(), Value::Null)));
        let emptied = [
            (self.all_roles, "allowed_roles"),
            (self.any_address, "addresses"),
            (self.any_name, "names"),
            (self.no_examples, "examples"),
        ];
        let emptied = emptied.into_iter().filter(|(emptied, _)| *emptied);
        body.extend(emptied.map(|(_, field)| (field.to_owned(), json!([]))));
        Value::Object(body)
    }
}

/// The question before a maximum that leaves no room. `None` if it leaves some.
fn question(most: u64, rule: &Value) -> Option<String> {
    let admitted = rule["admitted"].as_u64()?;
    let (id, hosts, they) =
        (text_at(rule, "id"), count(admitted, "host"), of(admitted, "it stays", "they stay"));
    // The server refuses a maximum of 0.
    (1..=admitted).contains(&most).then(|| {
        format!(
            "Set the maximum of rule {id} to {most}? It admitted {hosts}: {they}, and it admits no other."
        )
    })
}

/// Parser of an example: facts separated by commas.
pub(super) fn example(text: &str) -> Result<Value, String> {
    const FORM: &str =
        "write facts such as cluster=eu-1,role=proxy,address=10.1.2.3,name=n1.example.org,admitted=true";
    let mut example = json!({ "roles": [] });
    for fact in text.split(',') {
        let (name, value) = fact.trim().split_once('=').ok_or(FORM)?;
        match (name, value) {
            ("role", role) => example["roles"].as_array_mut().ok_or(FORM)?.push(json!(role)),
            ("admitted", "true" | "false") => example[name] = json!(value == "true"),
            ("admitted", _) => return Err(String::from("admitted is true or false")),
            ("cluster" | "address" | "name", value) => example[name] = json!(value),
            _ => return Err(format!("no such fact: {FORM}")),
        }
    }
    if example["admitted"].is_null() {
        Err(String::from("give admitted=true or admitted=false"))
    } else {
        Ok(example)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct SetLine {
        #[command(flatten)]
        set: RuleSet,
    }

    fn body(flags: &[&str]) -> Value {
        SetLine::try_parse_from([&["x", "456789ab"], flags].concat()).ok().unwrap().set.body()
    }

    #[test]
    fn only_given_fields_are_changed() {
        assert_eq!(body(&[]), json!({}));
        assert_eq!(body(&["--max-nodes", "7", "--label", "x"]), json!({ "max_nodes": 7, "label": "x" }));
        assert_eq!(body(&["--unlimited"]), json!({ "max_nodes": null }));
        let emptied = ["--all-roles", "--any-address", "--any-name", "--no-examples"];
        let lists = json!({ "allowed_roles": [], "addresses": [], "names": [], "examples": [] });
        assert_eq!(body(&emptied), lists);
        let some = ["--role", "proxy,director", "--address", "10.0.0.0/8", "--cluster", "*"];
        let expected =
            json!({ "allowed_roles": ["proxy", "director"], "addresses": ["10.0.0.0/8"], "cluster_id": "*" });
        assert_eq!(body(&some), expected);
    }

    #[test]
    fn a_list_is_given_or_emptied() {
        for pair in
            [["--role=x", "--all-roles"], ["--max-nodes=1", "--unlimited"], ["--name=x", "--any-name"]]
        {
            assert!(SetLine::try_parse_from([&["x", "456789ab"], &pair[..]].concat()).is_err(), "{pair:?}");
        }
    }

    #[test]
    fn only_a_maximum_without_room_asks() {
        let rule = json!({ "id": "x", "admitted": 2 });
        assert_eq!(question(3, &rule), None);
        assert_eq!(question(0, &rule), None);
        let text = "Set the maximum of rule x to 2? It admitted 2 hosts: they stay, and it admits no other.";
        assert_eq!(question(2, &rule).unwrap(), text);
    }

    #[test]
    fn an_example_says_whether_it_is_admitted() {
        let whole = example("cluster=eu-1,role=a,role=b,admitted=false").unwrap();
        assert_eq!(whole, json!({ "cluster": "eu-1", "roles": ["a", "b"], "admitted": false }));
        for wrong in ["", "cluster=eu-1", "admitted=yes", "admitted", "colour=red,admitted=true"] {
            assert!(example(wrong).is_err(), "{wrong}");
        }
    }
}
