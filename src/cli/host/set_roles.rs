//! `gatepass host set-roles`.

use clap::Args;
use serde_json::{Value, json};

use super::{ROWS, at, named};
use crate::cli::error::CliError;
use crate::cli::flags::{HostFlags, Selection};
use crate::cli::output::{self, note};
use crate::cli::progress;
use crate::cli::short_id::{GivenId, whole};
use crate::cli::together::{AT_ONCE, count, of, skipped};
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::HostId;
use crate::text::printable;

/// Arguments of `host set-roles`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass host set-roles ID --role proxy --role director
  gatepass host set-roles ID --none --now      no roles, and the current certificate is revoked immediately
  gatepass host set-roles --cluster eu-1 --with-role director --role proxy

With --now the command asks before it revokes a certificate. For several hosts it always asks.")]
pub(crate) struct HostSetRoles {
    #[command(flatten)]
    selection: Selection<HostFlags>,
    /// Role of the hosts; repeatable, or separated by commas
    #[arg(long = "role", value_name = "NAME", value_delimiter = ',', required_unless_present = "none")]
    roles: Vec<String>,
    /// Remove all roles
    #[arg(long, conflicts_with = "roles")]
    none: bool,
    /// Revoke current certificates immediately if they have a role that is removed
    #[arg(long)]
    now: bool,
}

impl HostSetRoles {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let given = self.selection.judge()?;
        let api = self.selection.consent.remote.connect(environment)?;
        match &given[..] {
            [id] => self.one(id.whole(&api).await?, &api).await,
            _ => self.many(&given, &api).await,
        }
    }

    async fn one(&self, id: HostId, api: &Api) -> Result<(), CliError> {
        let (path, consent) = (at(id), &self.selection.consent);
        if self.now && !consent.yes {
            let before = api.get(&path).await?;
            if let Some(question) = self.question(&before) {
                consent.ask(&question)?;
            }
        }
        let item = api.patch(&path, &json!({ "roles": self.roles, "now": self.now })).await?;
        output::one(consent.remote.output, &item, ROWS)
    }

    /// The question before a certificate is revoked, with the roles that it would lose. `None` if it loses none.
    fn question(&self, before: &Value) -> Option<String> {
        let roles = before["roles"].as_array().map_or(&[][..], Vec::as_slice);
        let roles =
            roles.iter().filter_map(Value::as_str).filter(|role| self.roles.iter().all(|kept| kept != role));
        let lost = roles.map(printable).collect::<Vec<_>>();
        (before["state"] != "revoked" && !lost.is_empty()).then(|| {
            format!(
                "Take {} {} from {}? Its certificate is revoked immediately: it must enroll again with a token of `gatepass host reenroll`.",
                of(lost.len() as u64, "the role", "the roles"),
                lost.join(", "),
                named(before)
            )
        })
    }

    async fn many(&self, given: &[GivenId<HostId>], api: &Api) -> Result<(), CliError> {
        let ids = match given.is_empty() {
            true => {
                let path = self.selection.list(api, "live,expired,quarantined").await?;
                let listed = api.list(&path, usize::MAX).await?;
                listed.into_iter().map(|mut host| host["id"].take()).collect::<Vec<_>>()
            }
            false => whole(given, api).await?.into_iter().map(|id| json!(id)).collect(),
        };
        if ids.is_empty() {
            return Err(CliError::Unsound("no host matches: nothing was done".to_owned()));
        }
        for some in ids.chunks(AT_ONCE) {
            api.post(SET_ROLES, &self.body(some, true)).await?;
        }
        let consent = &self.selection.consent;
        consent.ask(&self.question_of(ids.len() as u64))?;
        let (changed, ended) = self.send(api, &ids).await?;
        output::done(
            consent.remote.output,
            &json!({ "changed": changed, "ended": ended }),
            format!("changed {}{}", count(changed, "host"), skipped(ended)),
        )
    }

    fn question_of(&self, hosts: u64) -> String {
        let roles = if self.roles.is_empty() { String::from("no roles") } else { self.roles.join(", ") };
        let effect = match self.now {
            true => "Certificates with another role are revoked immediately: these hosts must enroll again.",
            false => of(hosts, "Its next certificate has them.", "Their next certificates have them."),
        };
        format!("Set the roles of {} to {roles}? {effect}", count(hosts, "host"))
    }

    fn body(&self, ids: &[Value], dry_run: bool) -> Value {
        json!({ "roles": self.roles, "now": self.now, "ids": ids, "dry_run": dry_run })
    }

    /// Changes the hosts, a part at a time. Returns the number of hosts that changed, and of those that have ended.
    async fn send(&self, api: &Api, ids: &[Value]) -> Result<(u64, u64), CliError> {
        let bar = progress::bar(ids.len() as u64, "changed");
        let (mut changed, mut ended) = (0, 0);
        for some in ids.chunks(AT_ONCE) {
            let answer = api.post(SET_ROLES, &self.body(some, false)).await.inspect_err(|_| {
                bar.abandon();
                note(format!(
                    "changed {} before the failure; run the same command again for the rest",
                    count(changed, "host")
                ));
            })?;
            changed += answer["changed"].as_u64().unwrap_or(0);
            ended += answer["ended"].as_u64().unwrap_or(0);
            bar.inc(some.len() as u64);
        }
        bar.finish_and_clear();
        Ok((changed, ended))
    }
}

/// The path of a change of many hosts.
const SET_ROLES: &str = "/api/v1/hosts/set-roles";
