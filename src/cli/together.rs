//! Bulk revocation: counts the selection, asks, then sends the ids in batches.

use std::fmt::Display;

use serde_json::{Value, json};

use super::consent::Consent;
use super::error::CliError;
use super::output::{self, Format, line, note};
use super::progress;
use crate::client::ClientError;
use crate::client::api::{Api, given};

/// Things that a command revokes by their ids.
pub(crate) trait ById {
    /// The type of an id.
    type Id: Copy + Display;
    /// The noun for one item.
    const WHAT: &'static str;

    /// Reads one item.
    async fn look(&self, id: Self::Id) -> Result<Value, ClientError>;

    /// Returns true if the revocation would change this item.
    fn changes(&self, item: &Value) -> bool;

    /// The question about these items, of which there is at least one.
    fn question(&self, items: &[&Value]) -> String;

    /// Revokes one item.
    async fn revoke(&self, id: Self::Id) -> Result<Value, ClientError>;

    /// The line about a revoked item.
    fn conclude(id: Self::Id, answer: &Value) -> String;
}

/// Asks about the items that exist and would change, then revokes each. It continues after an id that is unknown or refused.
/// With several ids JSON is one array. The exit code is 0 if every id was revoked.
pub(crate) async fn each<All: ById>(all: &All, ids: &[All::Id], consent: &Consent) -> Result<(), CliError> {
    let looked = look(all, ids, consent.yes).await?;
    let items = looked.iter().filter_map(|(_, item)| item.as_ref().ok()).filter(|item| all.changes(item));
    let items = items.collect::<Vec<_>>();
    if !items.is_empty() {
        consent.ask(&all.question(&items))?;
    }
    let format = consent.remote.output;
    if let [id] = *ids {
        let answer = all.revoke(id).await?;
        return output::done(format, &answer, All::conclude(id, &answer));
    }
    let (mut answers, mut ended) = (Vec::new(), Ok(()));
    for (id, item) in looked {
        let answer = match item {
            Ok(_) => all.revoke(id).await,
            Err(missing) => Err(missing),
        };
        match answer {
            Ok(answer) => {
                if format == Format::Table {
                    line(All::conclude(id, &answer))?;
                }
                answers.push(answer);
            }
            Err(ClientError::Refused(problem)) if matches!(problem.body.status, 404 | 409) => {
                answers.push(json!({ "id": id.to_string(), "error": problem.body.code }));
                note(format!("{} {id}: {problem}", All::WHAT));
                ended = Err(CliError::Unsound(format!("not every {} was revoked", All::WHAT)));
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

/// An id with its item, or the error of an unknown id.
type Looked<Id> = (Id, Result<Value, ClientError>);

/// Reads every item for the question. Without a question nothing is read, so that a key which may only revoke can do so.
async fn look<All: ById>(all: &All, ids: &[All::Id], yes: bool) -> Result<Vec<Looked<All::Id>>, CliError> {
    let mut looked = Vec::with_capacity(ids.len());
    for &id in ids {
        let item = if yes { Ok(Value::Null) } else { all.look(id).await };
        match item {
            Err(error) if ids.len() == 1 || error.code() != Some("not_found") => return Err(error.into()),
            item => looked.push((id, item)),
        }
    }
    Ok(looked)
}

/// Ids per request: at most a second of work, so that the progress bar moves.
pub(crate) const AT_ONCE: usize = 200;

/// A bulk revocation.
pub(crate) struct Together {
    /// Path of the list, with its filters.
    pub(crate) list: String,
    /// Path of the revocation.
    pub(crate) revoke: &'static str,
    /// The noun for one item.
    pub(crate) what: &'static str,
    /// The question, of the number of items and of the hosts that enrolled with them.
    pub(crate) question: fn(u64, u64) -> String,
    /// Revokes the hosts of the tokens too.
    pub(crate) hosts: bool,
}

impl Together {
    /// Counts, asks, and revokes.
    pub(crate) async fn run(self, api: &Api, consent: &Consent) -> Result<(), CliError> {
        let format = consent.remote.output;
        let (ids, hosts) = self.read(api).await?;
        if ids.is_empty() {
            return Err(CliError::Unsound(format!("no {} matches: nothing was done", self.what)));
        }
        consent.ask(&(self.question)(ids.len() as u64, hosts))?;
        let (revoked, hosts) = self.send(api, &ids).await?;
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

/// `one` for a single item, else `many`.
pub(crate) const fn of(number: u64, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}

/// The end of a line about hosts, if some have ended in the meantime.
pub(crate) fn skipped(ended: u64) -> String {
    let have = of(ended, "has", "have");
    if ended == 0 { String::new() } else { format!("; skipped {} that {have} ended", count(ended, "host")) }
}

/// A number with its noun.
pub(crate) fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
