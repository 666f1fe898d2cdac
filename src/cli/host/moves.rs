//! `gatepass host move`.

use clap::Args;
use serde_json::{Value, json};

use super::named;
use crate::cli::error::CliError;
use crate::cli::flags::{HostFlags, Selection};
use crate::cli::given_name::GivenPolicy;
use crate::cli::output::{self, note};
use crate::cli::progress;
use crate::cli::short_id::{GivenId, whole};
use crate::cli::together::{AT_ONCE, count, of, skipped};
use crate::client::api::Api;
use crate::config::Environment;
use crate::id::{HostId, PolicyId};

/// Arguments of `host move`.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass host move ID --policy edge
  gatepass host move --cluster eu-1 --policy edge    shows the number and asks first
  gatepass host move --from-policy old --policy new --drop-roles
  gatepass host move ID --no-policy

The policy is effective with the next certificate of each host. If a host has a role that the policy does not have, \
nothing is done unless --drop-roles takes the role away.")]
pub(crate) struct HostMoveArgs {
    #[command(flatten)]
    selection: Selection<HostFlags>,
    /// Name or id of the policy that the hosts get
    #[arg(long, value_name = "NAME", value_parser = GivenPolicy::parse, required_unless_present = "no_policy")]
    policy: Option<GivenPolicy>,
    /// Leave the hosts without a policy
    #[arg(long, conflicts_with_all = ["policy", "drop_roles"])]
    no_policy: bool,
    /// Take the roles that the policy does not have from the hosts
    #[arg(long)]
    drop_roles: bool,
}

impl HostMoveArgs {
    /// Runs the command.
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let given = self.selection.judge()?;
        let consent = &self.selection.consent;
        let api = consent.remote.connect(environment)?;
        let policy = match &self.policy {
            Some(policy) => Some(policy.whole(&api).await?),
            None => None,
        };
        let hosts = self.hosts(&given, &api).await?;
        if hosts.is_empty() {
            return Err(CliError::Unsound("no host matches: nothing was done".to_owned()));
        }
        let ids: Vec<&Value> = hosts.iter().map(|host| &host["id"]).collect();
        for some in ids.chunks(AT_ONCE) {
            api.post(MOVE, &self.body(policy, some, true)).await?;
        }
        consent.ask(&self.question(&hosts))?;
        let (moved, ended) = self.send(&api, policy, &ids).await?;
        let done = format!("moved {} to {}{}", count(moved, "host"), self.target(), skipped(ended));
        output::done(consent.remote.output, &json!({ "moved": moved, "ended": ended }), done)
    }

    /// The selected hosts.
    async fn hosts(&self, given: &[GivenId<HostId>], api: &Api) -> Result<Vec<Value>, CliError> {
        if given.is_empty() {
            let path = self.selection.list(api, "live,expired,quarantined").await?;
            return Ok(api.list(&path, usize::MAX).await?);
        }
        let mut hosts = Vec::with_capacity(given.len());
        for id in whole(given, api).await? {
            hosts.push(api.get(&super::at(id)).await?);
        }
        Ok(hosts)
    }

    fn body(&self, policy: Option<PolicyId>, ids: &[&Value], dry_run: bool) -> Value {
        json!({ "policy": policy, "drop_roles": self.drop_roles, "ids": ids, "dry_run": dry_run })
    }

    fn target(&self) -> String {
        match &self.policy {
            Some(policy) => format!("policy {}", policy.as_str()),
            None => String::from("no policy"),
        }
    }

    fn question(&self, hosts: &[Value]) -> String {
        let (number, what) = match hosts {
            [host] => (1, named(host)),
            _ => (hosts.len() as u64, count(hosts.len() as u64, "host")),
        };
        let roles = match self.drop_roles {
            true => {
                of(number, " It loses", " They lose").to_owned() + " the roles that the policy does not have."
            }
            false => String::new(),
        };
        let certificates = of(number, "its next certificate", "their next certificates");
        format!("Move {what} to {}? The move is effective with {certificates}.{roles}", self.target())
    }

    /// Moves the hosts, a part at a time. Returns the number of hosts that changed, and of those that have ended.
    async fn send(
        &self,
        api: &Api,
        policy: Option<PolicyId>,
        ids: &[&Value],
    ) -> Result<(u64, u64), CliError> {
        let bar = progress::bar(ids.len() as u64, "moved");
        let (mut moved, mut ended) = (0, 0);
        for some in ids.chunks(AT_ONCE) {
            let answer = api.post(MOVE, &self.body(policy, some, false)).await.inspect_err(|_| {
                bar.abandon();
                note(format!(
                    "moved {} before the failure; run the same command again for the rest",
                    count(moved, "host")
                ));
            })?;
            moved += answer["moved"].as_u64().unwrap_or(0);
            ended += answer["ended"].as_u64().unwrap_or(0);
            bar.inc(some.len() as u64);
        }
        bar.finish_and_clear();
        Ok((moved, ended))
    }
}

/// The path of a move.
const MOVE: &str = "/api/v1/hosts/move";
