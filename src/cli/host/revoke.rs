//! `gatepass host revoke`.

use serde_json::Value;

use super::{at, named};
use crate::cli::error::CliError;
use crate::cli::flags::{HostFlags, Selection};
use crate::cli::short_id::whole;
use crate::cli::together::{ById, Together, count, each, of};
use crate::client::ClientError;
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::HostId;

/// Revokes the selected hosts.
pub(super) async fn revoke(
    selection: &Selection<HostFlags>,
    environment: &Environment,
) -> Result<(), CliError> {
    let given = selection.judge()?;
    let api = selection.consent.remote.connect(environment)?;
    if !given.is_empty() {
        return each(&Hosts(&api), &whole(&given, &api).await?, &selection.consent).await;
    }
    let together = Together {
        list: selection.list(&api, "live,expired,quarantined").await?,
        revoke: "/api/v1/hosts/revoke",
        what: "host",
        question: |hosts, _| question(&count(hosts, "host"), hosts),
        hosts: false,
    };
    together.run(&api, &selection.consent).await
}

/// Hosts, revoked by their ids.
struct Hosts<'a>(&'a Api);

impl ById for Hosts<'_> {
    type Id = HostId;
    const WHAT: &'static str = "host";

    async fn look(&self, id: HostId) -> Result<Value, ClientError> {
        self.0.get(&at(id)).await
    }

    fn changes(&self, item: &Value) -> bool {
        item["state"] != "revoked"
    }

    fn question(&self, items: &[&Value]) -> String {
        match items {
            [one] => question(&named(one), 1),
            _ => question(&count(items.len() as u64, "host"), items.len() as u64),
        }
    }

    async fn revoke(&self, id: HostId) -> Result<Value, ClientError> {
        self.0.delete(&at(id)).await
    }

    fn conclude(id: HostId, answer: &Value) -> String {
        match answer["changed"].as_bool() {
            Some(false) => format!("host {id} was revoked before"),
            _ => format!("revoked host {id}"),
        }
    }
}

/// The question before hosts are revoked.
fn question(what: &str, hosts: u64) -> String {
    format!(
        "Revoke {what}? {} refused immediately, and {} can never enroll again.",
        of(hosts, "It is", "They are"),
        of(hosts, "its key", "their keys")
    )
}
