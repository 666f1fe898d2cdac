//! `gatepass rule test`.

use clap::Args;
use serde_json::{Value, json};

use super::RULES;
use crate::cli::error::CliError;
use crate::cli::given_name::GivenPolicy;
use crate::cli::output::{self, Format, text_at};
use crate::cli::remote::Remote;
use crate::client::api::given;
use crate::config::Environment;

/// Arguments of `rule test`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass rule test --cluster eu-1 --role proxy --address 10.1.2.3
  gatepass rule test --role proxy --name n1.lab.example.org -o json
  gatepass rule test --role proxy --policy edge

The facts are those of the token and of the host's connection. The cluster is the one that the token is bound to.

Exit codes: 0 a rule admits the host; 1 no rule does.")]
pub(crate) struct RuleTest {
    #[command(flatten)]
    remote: Remote,
    /// Cluster that the token is bound to. Default: an unbound token
    #[arg(long, value_name = "ID")]
    cluster: Option<String>,
    /// Role of the token; repeatable, or separated by commas
    #[arg(long = "role", value_name = "NAME", value_delimiter = ',')]
    roles: Vec<String>,
    /// Address of the host. Default: not known
    #[arg(long, value_name = "IP")]
    address: Option<String>,
    /// DNS name that the host asks for. Default: none
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Name or id of the token's policy. Default: a token without one
    #[arg(long, value_name = "NAME", value_parser = GivenPolicy::parse)]
    policy: Option<GivenPolicy>,
}

impl RuleTest {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let Self { remote, cluster, roles, address, name, policy } = self;
        let api = remote.connect(environment)?;
        let policy = match &policy {
            Some(policy) => Some(policy.whole(&api).await?),
            None => None,
        };
        let facts =
            json!({ "cluster": cluster, "roles": roles, "address": address, "name": name, "policy": policy });
        let decision = api.post(&format!("{RULES}/test"), &given(facts)).await?;
        match remote.output {
            Format::Json => output::json(&decision)?,
            _ => output::text(&lines(&decision))?,
        }
        if decision["rule"].is_null() { Err(CliError::Code(1)) } else { Ok(()) }
    }
}

/// The decision, then a line for each other rule.
fn lines(decision: &Value) -> String {
    let named = |rule: &Value| format!("{} ({})", text_at(rule, "id"), text_at(rule, "label"));
    let decides = match &decision["rule"] {
        Value::Null => String::from("no rule admits this host\n"),
        rule => format!("rule {} admits this host\n", named(rule)),
    };
    let others = decision["others"].as_array().into_iter().flatten();
    let other = |rule: &Value| {
        let reasons = rule["reasons"].as_array().into_iter().flatten().enumerate();
        let reasons = reasons.map(|(place, _)| text_at(rule, &format!("reasons.{place}")));
        format!("rule {} does not: {}\n", named(rule), reasons.collect::<Vec<_>>().join("; "))
    };
    std::iter::once(decides).chain(others.map(other)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_line() {
        let decision = json!({
            "rule": { "id": "a", "label": "rack" },
            "others": [{ "id": "b", "label": "lab", "reasons": ["the rule is full: 2 of 2 hosts", "and so on"] }],
        });
        let text = "rule a (rack) admits this host\nrule b (lab) does not: the rule is full: 2 of 2 hosts; and so on\n";
        assert_eq!(lines(&decision), text);
        assert_eq!(lines(&json!({ "rule": null, "others": [] })), "no rule admits this host\n");
    }
}
