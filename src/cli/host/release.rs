//! `gatepass host release`: ends quarantines.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::cli::consent::Consent;
use crate::cli::error::CliError;
use crate::cli::flags::{HostFlags, one_selection, with_query};
use crate::cli::output::{self, Format, line, note, text_at};
use crate::cli::progress;
use crate::cli::short_id::{GivenId, whole};
use crate::cli::together::{count, of};
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::HostId;

/// Hosts per request.
const AT_ONCE: usize = 200;

/// The machine that stays.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KeptMachine {
    /// The machine with the newest certificate
    Newest,
    /// The machine that renewed with an older certificate
    Older,
}

/// Arguments of `host release`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass host list --state quarantined
  gatepass host show ID                              both addresses, times and serial numbers
  gatepass host release ID --keep newest             the older certificate was a copy
  gatepass host release ID --keep older              the machine was rolled back to a snapshot
  gatepass host release --all --keep older           a whole site was rolled back

The other certificates are revoked, and their keys stay refused. If neither machine can be trusted, \
re-enroll the host with a new key, or revoke it.")]
pub(crate) struct HostReleaseArgs {
    #[command(flatten)]
    consent: Consent,
    /// Ids of the hosts, or their last 8 characters
    #[arg(value_parser = GivenId::<HostId>::parse)]
    ids: Vec<GivenId<HostId>>,
    /// The machine that stays
    #[arg(long, value_enum)]
    keep: KeptMachine,
    #[command(flatten)]
    which: HostFlags,
    /// Select all hosts in quarantine, instead of ids or filters
    #[arg(long)]
    all: bool,
}

impl HostReleaseArgs {
    /// Runs the command.
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        one_selection(self.ids.len(), self.which.query().len(), self.all, &HostFlags::NAMES)?;
        let api = self.consent.remote.connect(environment)?;
        let hosts = self.hosts(&api).await?;
        if hosts.is_empty() {
            return Err(CliError::Unsound("no host in quarantine matches: nothing was done".to_owned()));
        }
        self.consent.ask(&self.question(&hosts))?;
        self.conclude(&self.send(&api, &hosts).await?)
    }

    /// The selected hosts in quarantine.
    async fn hosts(&self, api: &Api) -> Result<Vec<Value>, CliError> {
        if self.ids.is_empty() {
            let mut query = self.which.whole(api).await?.query();
            query.extend((!self.which.has_state()).then(|| String::from("state=quarantined")));
            query.extend(self.which.has_words().then(|| String::from("reported_words=false")));
            let listed = api.list(&with_query("/api/v1/hosts", &query), usize::MAX).await?;
            return Ok(listed.into_iter().filter(is_quarantined).collect());
        }
        let mut hosts = Vec::with_capacity(self.ids.len());
        for id in whole(&self.ids, api).await? {
            let host = api.get(&super::at(id)).await?;
            if !is_quarantined(&host) {
                return Err(CliError::Unsound(format!("host {id} is in no quarantine: nothing was done")));
            }
            hosts.push(host);
        }
        Ok(hosts)
    }

    fn question(&self, hosts: &[Value]) -> String {
        let (number, what) = match hosts {
            [host] => (1, super::named(host)),
            _ => (hosts.len() as u64, count(hosts.len() as u64, "host")),
        };
        let (kept, at, from) = match self.keep {
            KeptMachine::Newest => ("the newest certificate", "last_seen_at", "last_seen_from"),
            KeptMachine::Older => ("the older certificate", "quarantine.at", "quarantine.from"),
        };
        let seen = match hosts {
            [host] => format!(" ({} at {})", text_at(host, from), text_at(host, at)),
            _ => String::new(),
        };
        format!(
            "Release {what}? The {} with {kept}{seen} {}. Other certificates are revoked, and their keys stay refused.",
            of(number, "machine", "machines"),
            of(number, "stays", "stay"),
        )
    }

    async fn send(&self, api: &Api, hosts: &[Value]) -> Result<Vec<Value>, CliError> {
        let bar = progress::bar(hosts.len() as u64, "released");
        let place = match self.keep {
            KeptMachine::Newest => "/certificate/serial",
            KeptMachine::Older => "/quarantine/serial",
        };
        let mut outcomes = Vec::with_capacity(hosts.len());
        for some in hosts.chunks(AT_ONCE) {
            let kept = |host: &Value| json!({ "id": host["id"], "serial": host.pointer(place) });
            let kept = some.iter().map(kept).collect::<Vec<_>>();
            let mut answer = api.post("/api/v1/hosts/release", &json!({ "hosts": kept })).await?;
            if let Value::Array(some) = answer["hosts"].take() {
                bar.inc(some.len() as u64);
                outcomes.extend(some);
            }
        }
        bar.finish_and_clear();
        Ok(outcomes)
    }

    fn conclude(&self, outcomes: &[Value]) -> Result<(), CliError> {
        let left = outcomes.iter().filter(|host| !is_done(host)).collect::<Vec<_>>();
        let released = (outcomes.len() - left.len()) as u64;
        match self.consent.remote.output {
            Format::Json => output::json(&json!({ "released": released, "hosts": outcomes }))?,
            _ => line(format!("released {}", count(released, "host")))?,
        }
        if left.is_empty() {
            return Ok(());
        }
        left.iter().for_each(|host| note(format!("host {}: {}", text_at(host, "id"), advice(host))));
        Err(CliError::Unsound("not every host was released".to_owned()))
    }
}

fn is_quarantined(host: &Value) -> bool {
    host["state"] == "quarantined"
}

fn is_done(host: &Value) -> bool {
    host["outcome"] == "released" || host["outcome"] == "before"
}

/// The reason why a host was not released, and the next step.
fn advice(host: &Value) -> String {
    match host["outcome"].as_str() {
        Some("no_such_certificate") => {
            "the certificate is expired or revoked: keep the other one, or enroll the machine again"
                .to_owned()
        }
        Some("not_quarantined") => "somebody else released it with the other certificate".to_owned(),
        Some("revoked") => "it is revoked".to_owned(),
        _ => text_at(host, "outcome"),
    }
}
