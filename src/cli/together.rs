//! Bulk revocation: counts the selection, asks, then sends the ids in batches.

use std::fmt::Display;

use serde_json::{Value, json};

use super::consent::Consent;
use super::error::CliError;
use super::output::{self, Format, line, note};
use super::progress;
use crate::client::ClientError;
use crate::client::api::{Api, given};
use crate::config::Environment;

/// Revokes `ids` one by one, and continues after an id that is unknown or refused. With several ids JSON is one array. The
/// exit code is 0 if every id was revoked.
pub(crate) async fn each<Id: Copy + Display>(
    what: &str,
    ids: &[Id],
    format: Format,
    ask: impl AsyncFn(Id) -> Result<Value, ClientError>,
    conclude: impl Fn(Id, &Value) -> String,
) -> Result<(), CliError> {
    if let [id] = *ids {
        let answer = ask(id).await?;
        return output::done(format, &answer, conclude(id, &answer));
    }
    let (mut answers, mut ended) = (Vec::new(), Ok(()));
    for &id in ids {
        match ask(id).await {
            Ok(answer) => {
                if format == Format::Table {
                    line(conclude(id, &answer))?;
                }
                answers.push(answer);
            }
            Err(ClientError::Refused(problem)) if matches!(problem.body.status, 404 | 409) => {
                answers.push(json!({ "id": id.to_string(), "error": problem.body.code }));
                note(format!("{what} {id}: {problem}"));
                ended = Err(CliError::Code(1));
            }
            Err(error) => {
                ended = Err(error.into());
                break;
            }
        }
    }
    if format == Format::Json {
        output::json(&Value::Array(answers))?;
    }
    ended
}

/// Ids per request: at most a second of work, so that the progress bar moves.
const AT_ONCE: usize = 200;

/// A bulk revocation.
pub(crate) struct Together {
    /// Path of the list, with its filters.
    pub(crate) list: String,
    /// Path of the revocation.
    pub(crate) revoke: &'static str,
    /// The noun for one item.
    pub(crate) what: &'static str,
    /// Consequence for several items, in the question.
    pub(crate) consequence: &'static str,
    /// Consequence for one item.
    pub(crate) consequence_of_one: &'static str,
    /// Revokes the hosts of the tokens too.
    pub(crate) hosts: bool,
}

impl Together {
    /// Counts, asks, and revokes.
    pub(crate) async fn run(self, consent: &Consent, environment: &Environment) -> Result<(), CliError> {
        let (api, format) = (consent.remote.connect(environment)?, consent.remote.output);
        let (ids, hosts) = self.read(&api).await?;
        if ids.is_empty() {
            return match format {
                Format::Json => output::json(&self.summary(0, 0)),
                Format::Table => {
                    note(format!("no {} matches: nothing was done", self.what));
                    Ok(())
                }
            };
        }
        let admitted = match self.hosts {
            true => format!(" and their {}", count(hosts, "host")),
            false => String::new(),
        };
        let consequence = if ids.len() == 1 { self.consequence_of_one } else { self.consequence };
        consent.ask(&format!("Revoke {}{admitted}? {consequence}", self.count(ids.len() as u64)))?;
        let (revoked, hosts) = self.send(&api, &ids).await?;
        let admitted = match self.hosts {
            true => format!(" and {}", count(hosts, "host")),
            false => String::new(),
        };
        let told = format!("revoked {}{admitted}", self.count(revoked));
        output::done(format, &self.summary(revoked, hosts), told)
    }

    /// The ids, and the number of hosts that the tokens enrolled.
    async fn read(&self, api: &Api) -> Result<(Vec<Value>, u64), CliError> {
        let spinner = progress::spinner(format!("counting {}s", self.what));
        let (mut ids, mut hosts) = (Vec::new(), 0);
        let read = api.pages(&self.list, usize::MAX, |page| {
            // The emergency token is revoked by its id only.
            for mut item in page.into_iter().filter(|item| item["emergency"] != true) {
                hosts += item["hosts"].as_u64().unwrap_or(0);
                ids.push(item["id"].take());
            }
            spinner.set_message(format!("counting {}s: {}", self.what, ids.len()));
        });
        let read = read.await;
        spinner.finish_and_clear();
        read?;
        Ok((ids, hosts))
    }

    async fn send(&self, api: &Api, ids: &[Value]) -> Result<(u64, u64), CliError> {
        let bar = progress::bar(ids.len() as u64, "revoked");
        let (mut revoked, mut hosts) = (0, 0);
        for some in ids.chunks(AT_ONCE) {
            let body = given(json!({ "ids": some, "hosts": self.hosts.then_some("revoke") }));
            let answer = api.post(self.revoke, &body).await.inspect_err(|_| {
                bar.abandon();
                note(format!(
                    "revoked {} before the failure; run the same command again for the rest",
                    self.count(revoked)
                ));
            })?;
            revoked += answer["revoked"].as_u64().unwrap_or(0);
            hosts += answer["hosts_revoked"].as_u64().unwrap_or(0);
            bar.inc(some.len() as u64);
        }
        bar.finish_and_clear();
        Ok((revoked, hosts))
    }

    fn count(&self, number: u64) -> String {
        count(number, self.what)
    }

    fn summary(&self, revoked: u64, hosts: u64) -> Value {
        given(json!({ "revoked": revoked, "hosts_revoked": self.hosts.then_some(hosts) }))
    }
}

/// A number with its noun.
pub(crate) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
