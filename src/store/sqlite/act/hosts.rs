//! Revoking a host and changing its roles.

use serde_json::json;

use super::Execution;
use super::certificate::sorted;
use crate::clock::Timestamp;
use crate::id::HostId;
use crate::ledger::Subjects;
use crate::name::{Label, Role};
use crate::store::revocations::Change;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::read::{HOST_BY_ID, host};
use crate::store::sqlite::value::{Json, damaged};
use crate::store::{
    CheckIn, HostContact, HostRecord, HostRevocation, HostsRevoked, LabelChange, RecordCheckIns,
    RecordContacts, RecordReport, RevocationReason, RevokeHost, RevokeHosts, RolesChange, SetLabel, SetRoles,
};
use crate::wire::HostReport;

impl Execution<'_> {
    pub(super) fn revoke_host(&mut self, command: RevokeHost) -> driver::Result<HostRevocation> {
        let RevokeHost { host, revision, entry } = command;
        let Some(lineage) = self.lineage(host)? else {
            return self.undo(HostRevocation::Unknown);
        };
        if lineage.is_stale(revision) {
            return self.undo(HostRevocation::Stale);
        }
        if lineage.revoked {
            return self.undo(HostRevocation::Before);
        }
        self.shut_out(host, entry.at())?;
        self.enter(entry)?;
        Ok(HostRevocation::Revoked)
    }

    /// Revokes many hosts. Each changed host has its entry.
    pub(super) fn revoke_hosts(&mut self, command: RevokeHosts) -> driver::Result<HostsRevoked> {
        let RevokeHosts { hosts, entry } = command;
        let mut done = HostsRevoked::default();
        for host in hosts {
            let sql = "SELECT revoked_at IS NOT NULL, token FROM hosts WHERE host = ?1";
            match self.one(sql, [host], |row| Ok((row.get(0)?, row.get(1)?)))? {
                None => done.unknown += 1,
                Some((true, _)) => {}
                Some((false, token)) => {
                    self.shut_out(host, entry.at())?;
                    let subjects = Subjects::host(host).with_token(token);
                    self.enter(entry.clone().about(subjects))?;
                    done.hosts += 1;
                }
            }
        }
        if done.hosts == 0 {
            return self.undo(done);
        }
        Ok(done)
    }

    /// Revokes a live host with its certificates and keys.
    pub(super) fn shut_out(&mut self, host: HostId, at: Timestamp) -> driver::Result<()> {
        self.count_hosts_at(at)?;
        let sql =
            "UPDATE hosts SET revoked_at = ?2, revision = revision + 1 WHERE host = ?1 RETURNING ends_at";
        if let Some(end) = self.one(sql, params![host, at], |row| row.get(0))? {
            self.effects.hosts.remove(end);
        }
        // The pairs stay as long as the host: they show the owner of the key after the token is gone.
        self.execute("UPDATE pairs SET keep_until = NULL WHERE host = ?1", [host])?;
        self.refuse_keys(host)?;
        self.withdraw_keys_of(host, at)?;
        self.revoke_certificates(host, at, RevocationReason::HostRevoked)?;
        self.change(Change::HostRevoked(host));
        Ok(())
    }

    pub(super) fn set_roles(&mut self, command: SetRoles) -> driver::Result<RolesChange> {
        let SetRoles { host, revision, before, policy, roles, now, entry } = command;
        let Some(lineage) = self.lineage(host)? else {
            return self.undo(RolesChange::Unknown);
        };
        if lineage.is_stale(revision) {
            return self.undo(RolesChange::Stale);
        }
        if lineage.revoked {
            return self.undo(RolesChange::HostRevoked);
        }
        if lineage.policy != policy || !lineage.has_roles(&before) {
            return self.undo(RolesChange::Moved);
        }
        let pending = now && lineage.withdraw;
        if lineage.has_roles(&roles) && !pending {
            let unchanged = self.host_record(host)?;
            return self.undo(RolesChange::Unchanged(Box::new(unchanged)));
        }
        let kept = sorted(&roles);
        let withdraw = lineage.withdraw || lineage.roles.iter().any(|role| !kept.contains(&role));
        if withdraw && now {
            self.revoke_certificates(host, entry.at(), RevocationReason::RolesChanged)?;
        }
        let sql = "UPDATE hosts SET roles = ?2, withdraw = ?3, revision = revision + 1 WHERE host = ?1";
        self.execute(sql, params![host, Json(&roles), withdraw && !now])?;
        self.delete_host_roles(host, &lineage.roles)?;
        self.insert_host_roles(host, &roles)?;
        self.enter(entry.with("roles_before", json!(lineage.roles)))?;
        Ok(RolesChange::Changed(Box::new(self.host_record(host)?)))
    }

    /// Writes the roles by which lists find the host.
    pub(super) fn insert_host_roles(&self, host: HostId, roles: &[Role]) -> driver::Result<()> {
        let sql = "INSERT INTO host_roles (role, host) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        roles.iter().try_for_each(|role| self.execute(sql, params![role, host]).map(drop))
    }

    pub(super) fn delete_host_roles(&self, host: HostId, roles: &[Role]) -> driver::Result<()> {
        let sql = "DELETE FROM host_roles WHERE role = ?1 AND host = ?2";
        roles.iter().try_for_each(|role| self.execute(sql, params![role, host]).map(drop))
    }

    pub(super) fn set_label(&mut self, command: SetLabel) -> driver::Result<LabelChange> {
        let SetLabel { host, revision, label, entry } = command;
        let Some(lineage) = self.lineage(host)? else {
            return self.undo(LabelChange::Unknown);
        };
        if lineage.is_stale(revision) {
            return self.undo(LabelChange::Stale);
        }
        let sql = "SELECT label FROM hosts WHERE host = ?1";
        let before = self.one(sql, [host], |row| row.get::<_, Option<Label>>(0))?.flatten();
        if before == label {
            let unchanged = self.host_record(host)?;
            return self.undo(LabelChange::Set(Box::new(unchanged)));
        }
        self.execute(
            "UPDATE hosts SET label = ?2, revision = revision + 1 WHERE host = ?1",
            params![host, label],
        )?;
        self.enter(entry.with("label", json!(label)).with("label_before", json!(before)))?;
        Ok(LabelChange::Set(Box::new(self.host_record(host)?)))
    }

    pub(super) fn record_report(&self, command: RecordReport) -> driver::Result<()> {
        let RecordReport { host, report, at, replaces_until } = command;
        let HostReport { hostname, os, arch, version, label } = report;
        let sql = "UPDATE hosts SET reported_hostname = ?2, reported_os = ?3, reported_arch = ?4, reported_version = ?5, \
                   reported_label = coalesce(reported_label, ?6), reported_at = ?7 \
                   WHERE host = ?1 AND coalesce(reported_at, ?8) <= ?8";
        self.execute(sql, params![host, hostname, os, arch, version, label, at, replaces_until]).map(drop)
    }

    pub(super) fn record_contacts(&self, command: RecordContacts) -> driver::Result<()> {
        let sql = "UPDATE hosts SET seen_at = ?2, seen_from = ?3, reached_url = coalesce(?4, reached_url) \
                   WHERE host = ?1 AND coalesce(seen_at, ?2) <= ?2";
        command.contacts.into_iter().try_for_each(|(host, HostContact { contact, reached_url })| {
            let from = contact.from.map(|from| from.to_string());
            self.execute(sql, params![host, contact.at, from, reached_url]).map(drop)
        })
    }

    pub(super) fn record_checkins(&self, command: RecordCheckIns) -> driver::Result<()> {
        let sql = "INSERT INTO checkins (host, at, version, status, message, labels, policy, policy_revision) \
                   SELECT host, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM hosts WHERE host = ?1 \
                   ON CONFLICT (host) DO UPDATE SET at = excluded.at, version = excluded.version, status = excluded.status, \
                   message = excluded.message, labels = excluded.labels, policy = excluded.policy, \
                   policy_revision = excluded.policy_revision WHERE checkins.at <= excluded.at";
        command.checkins.into_iter().try_for_each(|(host, checkin)| {
            let CheckIn { at, version, status, message, labels, policy, policy_revision } = checkin;
            let facts = params![host, at, version, status, message, Json(&labels), policy, policy_revision];
            self.execute(sql, facts).map(drop)
        })
    }

    fn host_record(&self, id: HostId) -> driver::Result<HostRecord> {
        self.one(HOST_BY_ID, [id], host)?.ok_or_else(|| damaged("a host's newest certificate is not there"))
    }
}
