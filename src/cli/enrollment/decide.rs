//! `gatepass enrollment approve` and `gatepass enrollment deny`.

use clap::Args;
use serde_json::{Value, json};

use super::{ENROLLMENTS, at};
use crate::cli::consent::Consent;
use crate::cli::error::CliError;
use crate::cli::output::{self, Format, line, note, text_at};
use crate::cli::progress;
use crate::cli::short_id::{GivenId, whole};
use crate::cli::together::{count, of};
use crate::client::api::{Api, given};
use crate::config::Environment;
use crate::id::EnrollmentId;

/// Enrollments per request: at most a second of work, so that the progress bar moves.
const AT_ONCE: usize = 200;

/// The hosts of a decision.
#[derive(Args)]
struct Decided {
    #[command(flatten)]
    consent: Consent,
    /// Ids of the enrollments, or their last 8 characters
    #[arg(value_parser = GivenId::<EnrollmentId>::parse, required = true)]
    ids: Vec<GivenId<EnrollmentId>>,
}

/// Arguments of `enrollment approve`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass enrollment approve ID
  gatepass enrollment approve ID --role proxy        with other roles than the token's
  gatepass enrollment approve ID ID --yes

Compare the code with the one that `gatepass enroll` shows on the host: another code is another machine's key.

Exit codes: 0 every host is approved; 1 one of them could not be approved.")]
pub(crate) struct EnrollmentApprove {
    #[command(flatten)]
    decided: Decided,
    /// Role of the host, instead of the token's; only for a single host; repeatable, or separated by commas
    #[arg(long = "role", value_name = "NAME", value_delimiter = ',')]
    roles: Vec<String>,
}

/// Arguments of `enrollment deny`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass enrollment deny ID --reason 'not one of ours'
  gatepass enrollment deny ID ID --reason 'wrong rack' --keep-use

Exit codes: 0 every host is denied; 1 one of them could not be denied.")]
pub(crate) struct EnrollmentDeny {
    #[command(flatten)]
    decided: Decided,
    /// Reason for the host and the ledger, at most 256 characters
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    reason: String,
    /// Do not give the token its use back
    #[arg(long)]
    keep_use: bool,
}

impl EnrollmentApprove {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        if !self.roles.is_empty() && self.decided.ids.len() > 1 {
            let why = "--role is for a single host: approve the others without it, or one by one";
            return Err(CliError::Usage(format!("{why}; nothing was done")));
        }
        let roles = Some(self.roles).filter(|roles| !roles.is_empty());
        let decision = Decision {
            verb: "approve",
            done: "approved",
            body: given(json!({ "roles": roles })),
            consequence: |hosts| match hosts {
                1 => String::from("Approve it only if the host shows the same code."),
                _ => String::from("Approve them only if each host shows its code."),
            },
        };
        decision.run(&self.decided, environment).await
    }
}

impl EnrollmentDeny {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let decision = Decision {
            verb: "deny",
            done: "denied",
            body: json!({ "reason": self.reason, "keep_use": self.keep_use }),
            consequence: |hosts| {
                format!("{} refused under every token.", of(hosts, "Its key is", "Their keys are"))
            },
        };
        decision.run(&self.decided, environment).await
    }
}

/// A decision about hosts that wait.
struct Decision {
    /// The verb, as the API has it.
    verb: &'static str,
    /// Its participle, which is the state of a decided enrollment.
    done: &'static str,
    /// The terms.
    body: Value,
    /// The end of the question about so many hosts.
    consequence: fn(u64) -> String,
}

impl Decision {
    async fn run(&self, decided: &Decided, environment: &Environment) -> Result<(), CliError> {
        let consent = &decided.consent;
        let api = consent.remote.connect(environment)?;
        let ids = whole(&decided.ids, &api).await?;
        if !consent.yes {
            let waiting = waiting(&api, &ids).await?;
            if !waiting.is_empty() {
                consent.ask(&self.question(&waiting))?;
            }
        }
        let format = consent.remote.output;
        match *ids.as_slice() {
            [id] => {
                let answer = api.post(&format!("{}/{}", at(id), self.verb), &self.body).await?;
                output::done(format, &answer, self.conclude(&answer))
            }
            _ => self.report(format, self.send(&api, &ids).await?),
        }
    }

    /// The question, with a line for each host.
    fn question(&self, hosts: &[Value]) -> String {
        let number = hosts.len() as u64;
        let roles = self.body.get("roles");
        let lines = hosts.iter().map(|host| {
            let mut host = host.clone();
            if let Some(roles) = roles {
                host["roles"] = roles.clone();
            }
            recognisable(&host)
        });
        let verb = match self.verb {
            "approve" => "Approve",
            _ => "Deny",
        };
        format!(
            "{}\n{verb} {}? {}",
            lines.collect::<Vec<_>>().join("\n"),
            count(number, "host"),
            (self.consequence)(number)
        )
    }

    /// Decides about many, and returns the outcome of each.
    async fn send(&self, api: &Api, ids: &[EnrollmentId]) -> Result<Vec<Value>, CliError> {
        let bar = progress::bar(ids.len() as u64, self.done);
        let mut outcomes = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            let mut body = self.body.clone();
            body["ids"] = json!(some);
            body["decision"] = json!(self.verb);
            let mut answer = api.post(&format!("{ENROLLMENTS}/decide"), &body).await?;
            bar.inc(some.len() as u64);
            if let Value::Array(some) = answer["enrollments"].take() {
                outcomes.extend(some);
            }
        }
        bar.finish_and_clear();
        Ok(outcomes)
    }

    fn report(&self, format: Format, outcomes: Vec<Value>) -> Result<(), CliError> {
        let (failed, decided): (Vec<_>, Vec<_>) =
            outcomes.iter().partition(|outcome| !outcome["code"].is_null());
        match format {
            Format::Json => {
                let changed = decided.iter().filter(|outcome| outcome["changed"] == true).count();
                output::json(&json!({ "changed": changed, "enrollments": outcomes }))?;
            }
            _ => decided.iter().try_for_each(|outcome| line(self.conclude(outcome)))?,
        }
        for outcome in &failed {
            let [id, code, detail] = ["id", "code", "detail"].map(|place| text_at(outcome, place));
            note(format!("enrollment {id}: {detail} ({code})"));
        }
        match failed.is_empty() {
            true => Ok(()),
            false => Err(CliError::Unsound(format!("not every host was {}", self.done))),
        }
    }

    /// The line about a decided host.
    fn conclude(&self, outcome: &Value) -> String {
        let (id, done) = (text_at(outcome, "id"), self.done);
        match (outcome["changed"].as_bool(), outcome["host_id"].as_str()) {
            (Some(false), _) => format!("enrollment {id} was {done} before"),
            (_, Some(host)) => format!("{done} enrollment {id}: host {host}"),
            (_, None) => format!("{done} enrollment {id}"),
        }
    }
}

/// The hosts among `ids` that wait. An unknown id is reported by the decision.
async fn waiting(api: &Api, ids: &[EnrollmentId]) -> Result<Vec<Value>, CliError> {
    let mut waiting = Vec::with_capacity(ids.len());
    for &id in ids {
        match api.get(&at(id)).await {
            Ok(item) if item["state"] == "waiting" => waiting.push(item),
            Ok(_) => {}
            Err(error) if ids.len() > 1 && error.code() == Some("not_found") => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(waiting)
}

/// The line by which an approver recognises a host. The code is first: it is compared with the host's.
fn recognisable(host: &Value) -> String {
    let [code, id, name, cluster, roles, address] =
        ["code", "id", "name?none", "cluster?none", "roles?none", "address?unknown"]
            .map(|place| text_at(host, place));
    format!(
        "  code {code}, name {name}, cluster {cluster}, roles {roles}, address {address} (enrollment {id})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(code: &str) -> Value {
        json!({ "id": "i", "state": "waiting", "code": code, "name": "n1", "cluster": null, "roles": ["proxy"],
            "address": "10.1.2.3" })
    }

    fn decision(verb: &'static str, body: Value) -> Decision {
        Decision { verb, done: "approved", body, consequence: |hosts| format!("{hosts} come in.") }
    }

    #[test]
    fn the_question_has_the_facts_of_every_host() {
        let question = decision("approve", json!({})).question(&[host("aaaaaaaa"), host("bbbbbbbb")]);
        let line = |code| {
            format!("  code {code}, name n1, cluster none, roles proxy, address 10.1.2.3 (enrollment i)\n")
        };
        let lines = [line("aaaaaaaa"), line("bbbbbbbb")].concat();
        assert_eq!(question, format!("{lines}Approve 2 hosts? 2 come in."));
        let question = decision("approve", json!({ "roles": ["director"] })).question(&[host("aaaaaaaa")]);
        assert!(question.contains("roles director") && question.contains("Approve 1 host?"), "{question}");
    }

    #[test]
    fn an_outcome_is_one_line() {
        let decision = decision("approve", json!({}));
        let line = |outcome: Value| decision.conclude(&outcome);
        assert_eq!(line(json!({ "id": "i", "changed": true })), "approved enrollment i");
        assert_eq!(
            line(json!({ "id": "i", "changed": true, "host_id": "h" })),
            "approved enrollment i: host h"
        );
        assert_eq!(line(json!({ "id": "i", "changed": false })), "enrollment i was approved before");
    }
}
