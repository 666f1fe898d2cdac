//! Revoking a host and changing its roles.

use rusqlite::params;
use serde_json::Value;

use super::Act;
use super::certificate::sorted;
use crate::id::HostId;
use crate::store::revocations::Change;
use crate::store::sqlite::read::{HOST_BY_ID, host};
use crate::store::sqlite::value::{Json, damaged};
use crate::store::{HostRecord, HostRevocation, RevocationReason, RevokeHost, RolesChange, SetRoles};

impl Act<'_> {
    pub(super) fn revoke_host(&mut self, command: RevokeHost) -> rusqlite::Result<HostRevocation> {
        let RevokeHost { host, at, entry } = command;
        let Some(lineage) = self.lineage(host)? else {
            return self.undo(HostRevocation::Unknown);
        };
        if lineage.revoked {
            return self.undo(HostRevocation::Before);
        }
        self.execute("UPDATE hosts SET revoked_at = ?2 WHERE host = ?1", params![host, at])?;
        // Its pairs stay as long as it does: they say whose the key is, whatever becomes of the token.
        self.execute("UPDATE pairs SET keep_until = NULL WHERE host = ?1", [host])?;
        let sql = "INSERT INTO revoked_keys (key, host) SELECT key, host FROM host_keys WHERE host = ?1";
        self.execute(sql, [host])?;
        self.revoke_certificates(host, at, RevocationReason::HostRevoked)?;
        self.change(Change::HostRevoked(host));
        self.enter(entry);
        Ok(HostRevocation::Revoked)
    }

    pub(super) fn set_roles(&mut self, command: SetRoles) -> rusqlite::Result<RolesChange> {
        let SetRoles { host, roles, now, at, entry } = command;
        let Some(lineage) = self.lineage(host)? else {
            return self.undo(RolesChange::Unknown);
        };
        if lineage.revoked {
            return self.undo(RolesChange::HostRevoked);
        }
        let pending = now && lineage.withdraw;
        if lineage.has_roles(&roles) && !pending {
            let unchanged = self.host_record(host)?;
            return self.undo(RolesChange::Unchanged(Box::new(unchanged)));
        }
        let kept = sorted(&roles);
        let withdraw = lineage.withdraw || lineage.roles.iter().any(|role| !kept.contains(&role));
        if withdraw && now {
            self.revoke_certificates(host, at, RevocationReason::RolesChanged)?;
        }
        let sql = "UPDATE hosts SET roles = ?2, withdraw = ?3 WHERE host = ?1";
        self.execute(sql, params![host, Json(&roles), withdraw && !now])?;
        let before: Vec<Value> = lineage.roles.iter().map(|role| Value::from(role.as_str())).collect();
        self.enter(entry.with("roles_before", before));
        Ok(RolesChange::Changed(Box::new(self.host_record(host)?)))
    }

    fn host_record(&self, id: HostId) -> rusqlite::Result<HostRecord> {
        self.one(HOST_BY_ID, [id], host)?.ok_or_else(|| damaged("a host's newest certificate is not there"))
    }
}
