//! `gatepass host release`: ends quarantines.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::flags::{HostFlags, Selection};
use crate::cli::output::{self, Format, line, note, text_at};
use crate::cli::progress;
use crate::cli::short_id::{GivenId, whole};
use crate::cli::together::{AT_ONCE, count, of};
use crate::client::ClientError;
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::HostId;

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
    selection: Selection<HostFlags>,
    /// The machine that stays
    #[arg(long, value_enum, value_name = "MACHINE")]
    keep: KeptMachine,
}

impl HostReleaseArgs {
    /// Runs the command.
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let given = self.selection.judge()?;
        let consent = &self.selection.consent;
        let api = consent.remote.connect(environment)?;
        let hosts = self.hosts(&given, &api).await?;
        if hosts.is_empty() {
            return Err(CliError::Unsound("no host in quarantine matches: nothing was done".to_owned()));
        }
        consent.ask(&self.question(&hosts))?;
        let release = async |kept: Value| api.post("/api/v1/hosts/release", &kept).await;
        let (outcomes, ended) = self.send(&hosts, release).await;
        conclude(consent.remote.output, hosts.len(), &outcomes, ended)
    }

    /// The selected hosts in quarantine.
    async fn hosts(&self, given: &[GivenId<HostId>], api: &Api) -> Result<Vec<Value>, CliError> {
        if given.is_empty() {
            let listed = api.list(&self.selection.list(api, "quarantined").await?, usize::MAX).await?;
            return Ok(listed.into_iter().filter(is_quarantined).collect());
        }
        let mut hosts = Vec::with_capacity(given.len());
        for id in whole(given, api).await? {
            let host = api.get(&super::at(id)).await?;
            if !is_quarantined(&host) {
                return Err(CliError::Unsound(format!("host {id} is not in quarantine: nothing was done")));
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

    /// Releases the hosts, a part at a time. An error ends it, and the outcomes before the error are returned too.
    async fn send(
        &self,
        hosts: &[Value],
        release: impl AsyncFn(Value) -> Result<Value, ClientError>,
    ) -> (Vec<Value>, Result<(), CliError>) {
        let bar = progress::bar(hosts.len() as u64, "released");
        let place = match self.keep {
            KeptMachine::Newest => "/certificate/serial",
            KeptMachine::Older => "/quarantine/serial",
        };
        let mut outcomes = Vec::with_capacity(hosts.len());
        for some in hosts.chunks(AT_ONCE) {
            let kept = |host: &Value| json!({ "id": host["id"], "serial": host.pointer(place) });
            let kept = some.iter().map(kept).collect::<Vec<_>>();
            match release(json!({ "hosts": kept })).await {
                Ok(mut answer) => {
                    outcomes.extend(answer["hosts"].as_array_mut().into_iter().flatten().map(Value::take))
                }
                Err(error) => {
                    bar.abandon();
                    return (outcomes, Err(error.into()));
                }
            }
            bar.inc(some.len() as u64);
        }
        bar.finish_and_clear();
        (outcomes, Ok(()))
    }
}

/// Prints the outcomes. The command fails if a host was not released, or if `ended` has the error that cut it off.
fn conclude(
    format: Format,
    hosts: usize,
    outcomes: &[Value],
    ended: Result<(), CliError>,
) -> Result<(), CliError> {
    if outcomes.is_empty() {
        return ended;
    }
    let released = outcomes.iter().filter(|host| host["outcome"] == "released").count() as u64;
    match format {
        Format::Json => output::json(&json!({ "released": released, "hosts": outcomes }))?,
        _ => line(format!("released {}", count(released, "host")))?,
    }
    let advised = outcomes.iter().filter_map(|host| Some((host, advice(host)?)));
    advised.for_each(|(host, advice)| note(format!("host {}: {advice}", text_at(host, "id"))));
    if let Err(error) = ended {
        let rest = count((hosts - outcomes.len()) as u64, "host");
        note(format!("{rest} not released because of the failure: run the same command again for the rest"));
        return Err(error);
    }
    match outcomes.iter().all(is_done) {
        true => Ok(()),
        false => Err(CliError::Unsound("not every host was released".to_owned())),
    }
}

fn is_quarantined(host: &Value) -> bool {
    host["state"] == "quarantined"
}

fn is_done(host: &Value) -> bool {
    host["outcome"] == "released" || host["outcome"] == "before"
}

/// The reason why this command did not release a host, and the next step. `None` for a released host.
fn advice(host: &Value) -> Option<String> {
    let advice = match host["outcome"].as_str() {
        Some("released") => return None,
        Some("before") => "somebody else released it with the same certificate",
        Some("no_such_certificate") => {
            "the certificate is expired or revoked: keep the other machine, or re-enroll the host"
        }
        Some("not_quarantined") => "somebody else released it with another certificate",
        Some("revoked") => "it is revoked",
        Some("stale") => "it changed in the meantime: run the command again",
        Some("unknown") => "it no longer exists",
        _ => return Some(text_at(host, "outcome")),
    };
    Some(advice.to_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct ReleaseLine {
        #[command(flatten)]
        release: HostReleaseArgs,
    }

    fn release(keep: &str) -> HostReleaseArgs {
        ReleaseLine::try_parse_from(["release", "--all", "--keep", keep]).ok().unwrap().release
    }

    /// Hosts in quarantine, with the serials `0` for the newest and `1` for the older certificate.
    fn quarantined(number: usize) -> Vec<Value> {
        let host =
            |id| json!({ "id": id, "certificate": { "serial": "0" }, "quarantine": { "serial": "1" } });
        (0..number).map(host).collect()
    }

    /// The answer of a server that releases every host of the request.
    fn released(request: &Value) -> Value {
        let hosts = request["hosts"].as_array().unwrap().iter();
        json!({ "hosts": hosts.map(|host| json!({ "id": host["id"], "outcome": "released" })).collect::<Vec<_>>() })
    }

    #[tokio::test]
    async fn a_cut_off_release_keeps_its_outcomes() {
        let calls = Cell::new(0);
        let post = async |request: Value| {
            calls.set(calls.get() + 1);
            match calls.get() {
                1 => Ok(released(&request)),
                _ => Err(ClientError::Pending { seconds: 1 }),
            }
        };
        let (outcomes, ended) = release("older").send(&quarantined(2 * AT_ONCE + 1), post).await;
        assert_eq!((outcomes.len(), calls.get()), (AT_ONCE, 2), "no request follows the failure");
        assert!(ended.is_err());
        let failed = conclude(Format::Table, 2 * AT_ONCE + 1, &outcomes, ended).unwrap_err();
        assert!(matches!(failed, CliError::Client(_)), "{failed}");
    }

    #[tokio::test]
    async fn the_kept_machine_is_named_by_its_serial() {
        for (keep, serial) in [("newest", "0"), ("older", "1")] {
            let post = async |request: Value| {
                assert_eq!(request["hosts"][0]["serial"], serial);
                Ok(released(&request))
            };
            let (outcomes, ended) = release(keep).send(&quarantined(1), post).await;
            assert!(ended.is_ok() && outcomes.len() == 1, "{keep}");
        }
    }

    #[test]
    fn every_other_outcome_has_its_advice() {
        let of = |outcome: &str| json!({ "id": "0190", "outcome": outcome });
        assert_eq!(advice(&of("released")), None);
        for outcome in ["before", "no_such_certificate", "not_quarantined", "revoked", "stale", "unknown"] {
            let advice = advice(&of(outcome)).unwrap();
            assert!(advice.len() > outcome.len() && !advice.contains('_'), "{outcome}: {advice}");
            let ended = conclude(Format::Table, 1, &[of(outcome)], Ok(()));
            assert_eq!(ended.is_ok(), outcome == "before", "{outcome}");
        }
    }
}
