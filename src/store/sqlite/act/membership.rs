//! The policy of a host: the judged one, moves to another one, and the end of ephemeral hosts.

use serde_json::json;

use super::Execution;
use super::certificate::{Lineage, sorted};
use super::collect::count;
use crate::id::{HostId, PolicyId};
use crate::ledger::{Action, Draft, Subjects};
use crate::name::{DnsName, Role};
use crate::store::sqlite::driver::{self, Row, params};
use crate::store::sqlite::value::Json;
use crate::store::{Collect, Collected, HostMove, HostMoved, HostsMoved, JudgedPolicy, MoveHosts};

/// Finds the lapsed hosts of ephemeral policies. A quarantine or a refused key keeps the host, because its keys must stay refused.
/// A former certificate that has not expired keeps it too, so that it can be revoked.
pub(in crate::store::sqlite) const LAPSED_EPHEMERAL: &str = "SELECT h.host, h.roles, h.name, h.policy FROM policies AS p \
     JOIN hosts AS h ON h.policy = p.policy AND h.policy IS NOT NULL \
     WHERE p.ephemeral_hosts = 1 AND h.ends_at <= ?1 AND h.revoked_at IS NULL AND h.quarantined_at IS NULL \
     AND NOT EXISTS (SELECT 1 FROM certificates AS c WHERE c.host = h.host AND c.not_after > ?1) \
     AND NOT EXISTS (SELECT 1 FROM revoked_keys AS k WHERE k.host = h.host) LIMIT ?2";

impl Execution<'_> {
    /// Returns whether a policy has the revision that was judged.
    pub(super) fn is_as_judged(&self, judged: Option<JudgedPolicy>) -> driver::Result<bool> {
        let Some(JudgedPolicy { policy, revision }) = judged else { return Ok(true) };
        self.exists("SELECT 1 FROM policies WHERE policy = ?1 AND revision = ?2", params![policy, revision])
    }

    pub(super) fn move_hosts(&mut self, command: MoveHosts) -> driver::Result<HostsMoved> {
        let MoveHosts { hosts, policy, entry } = command;
        if let Some(policy) = policy
            && !self.exists("SELECT 1 FROM policies WHERE policy = ?1", [policy])?
        {
            return self.undo(HostsMoved::NoPolicy);
        }
        let mut outcomes = Vec::with_capacity(hosts.len());
        for moved in hosts {
            outcomes.push(self.move_host(moved, policy, entry.clone())?);
        }
        match outcomes.contains(&HostMoved::Moved) {
            true => Ok(HostsMoved::Each(outcomes)),
            false => self.undo(HostsMoved::Each(outcomes)),
        }
    }

    fn move_host(
        &mut self,
        moved: HostMove,
        policy: Option<PolicyId>,
        entry: Draft,
    ) -> driver::Result<HostMoved> {
        let HostMove { host, revision, roles } = moved;
        let Some(lineage) = self.lineage(host)? else { return Ok(HostMoved::Unknown) };
        if lineage.is_stale(Some(revision)) {
            return Ok(HostMoved::Stale);
        }
        if lineage.revoked {
            return Ok(HostMoved::Revoked);
        }
        if lineage.policy == policy && lineage.has_roles(&roles) {
            return Ok(HostMoved::Before);
        }
        let entry = self.set_policy(&lineage, policy, entry.about(Subjects::host(host)))?;
        let entry = self.drop_roles(&lineage, &roles, entry)?;
        self.execute("UPDATE hosts SET revision = revision + 1 WHERE host = ?1", [host])?;
        self.enter(entry)?;
        Ok(HostMoved::Moved)
    }

    /// Gives a host another policy. Returns the entry with both policies.
    pub(super) fn set_policy(
        &self,
        lineage: &Lineage,
        policy: Option<PolicyId>,
        entry: Draft,
    ) -> driver::Result<Draft> {
        if lineage.policy == policy {
            return Ok(entry);
        }
        let sql = "UPDATE hosts SET policy = ?2, moved_at = ?3 WHERE host = ?1";
        self.execute(sql, params![lineage.host, policy, entry.at()])?;
        self.withdraw_keys_of(lineage.host, entry.at())?;
        Ok(entry.with("policy", json!(policy)).with("policy_before", json!(lineage.policy)))
    }

    /// Takes all roles but `kept` from a host. Its certificates are revoked with the next one.
    fn drop_roles(&self, lineage: &Lineage, kept: &[Role], entry: Draft) -> driver::Result<Draft> {
        if lineage.has_roles(kept) {
            return Ok(entry);
        }
        let host = lineage.host;
        let withdraw = lineage.withdraw || lineage.roles.iter().any(|role| !sorted(kept).contains(&role));
        let sql = "UPDATE hosts SET roles = ?2, withdraw = ?3 WHERE host = ?1";
        self.execute(sql, params![host, Json(kept), withdraw])?;
        self.delete_host_roles(host, &lineage.roles)?;
        self.insert_host_roles(host, kept)?;
        Ok(entry.with("roles", json!(kept)).with("roles_before", json!(lineage.roles)))
    }

    /// Deletes ephemeral hosts whose certificate has expired. Each has its entry, because its name is free.
    pub(super) fn collect_ephemeral_hosts(
        &mut self,
        command: &Collect,
        done: &mut Collected,
    ) -> driver::Result<()> {
        let read = |row: &Row<'_>| {
            let Json(roles) = row.get::<_, Json<Vec<Role>>>(1)?;
            Ok((
                row.get::<_, HostId>(0)?,
                roles,
                row.get::<_, Option<DnsName>>(2)?,
                row.get::<_, PolicyId>(3)?,
            ))
        };
        self.count_hosts_at(command.now)?;
        let lapsed = self.all(LAPSED_EPHEMERAL, params![command.now, command.most], read)?;
        count(lapsed.len(), command, &mut done.more);
        for (host, roles, name, policy) in lapsed {
            self.delete_host(host, &roles)?;
            let entry = Draft::done(Action::HostCollected, command.now, "system").about(Subjects::host(host));
            let entry = entry.with("policy", policy.to_string());
            self.enter(name.iter().fold(entry, |entry, name| entry.with("name", name.as_str())))?;
        }
        Ok(())
    }
}
