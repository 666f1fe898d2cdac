//! Revoking a host and changing its roles.

use serde_json::json;

use super::Execution;
use super::certificate::sorted;
use crate::clock::Timestamp;
use crate::id::HostId;
use crate::ledger::Subjects;
use crate::name::Role;
use crate::store::revocations::Change;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::read::{HOST_BY_ID, host};
use crate::store::sqlite::value::{Json, damaged};
use crate::store::{
    HostRecord, HostRevocation, HostsRevoked, RevocationReason, RevokeHost, RevokeHosts, RolesChange,
    SetRoles,
};

impl Execution<'_> {
    pub(super) fn revoke_host(&mut self, command: RevokeHost) -> driver::Result<HostRevocation> {
        let RevokeHost { host, entry } = command;
        let Some(lineage) = self.lineage(host)? else {
            return self.undo(HostRevocation::Unknown);
        };
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
        self.execute("UPDATE hosts SET revoked_at = ?2 WHERE host = ?1", params![host, at])?;
        // The pairs stay as long as the host: they show the owner of the key after the token is gone.
        self.execute("UPDATE pairs SET keep_until = NULL WHERE host = ?1", [host])?;
        let sql = "INSERT INTO revoked_keys (key, host) SELECT key, host FROM host_keys WHERE host = ?1";
        self.execute(sql, [host])?;
        self.revoke_certificates(host, at, RevocationReason::HostRevoked)?;
        self.change(Change::HostRevoked(host));
        Ok(())
    }

    pub(super) fn set_roles(&mut self, command: SetRoles) -> driver::Result<RolesChange> {
        let SetRoles { host, before, roles, now, entry } = command;
        let Some(lineage) = self.lineage(host)? else {
            return self.undo(RolesChange::Unknown);
        };
        if lineage.revoked {
            return self.undo(RolesChange::HostRevoked);
        }
        if !lineage.has_roles(&before) {
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
        let sql = "UPDATE hosts SET roles = ?2, withdraw = ?3 WHERE host = ?1";
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

    fn host_record(&self, id: HostId) -> driver::Result<HostRecord> {
        self.one(HOST_BY_ID, [id], host)?.ok_or_else(|| damaged("a host's newest certificate is not there"))
    }
}
