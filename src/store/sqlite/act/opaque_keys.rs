//! Opaque keys of hosts: the first one, its replacement while it was never used, and the first use.

use super::Execution;
use crate::id::{HostId, OpaqueKeyId};
use crate::store::sqlite::driver::{self, params};
use crate::store::{CertificateRecord, MOST_OPAQUE_KEYS, ReplaceOpaqueKey, StoredCertificate, UseOpaqueKey};

impl Execution<'_> {
    /// Gives a host its first opaque key for a certificate.
    pub(super) fn give_opaque_key(
        &self,
        certificate: &StoredCertificate,
        key: Option<OpaqueKeyId>,
    ) -> driver::Result<()> {
        let Some(key) = key else { return Ok(()) };
        let CertificateRecord { serial, issued_at, .. } = certificate.record;
        let sql =
            "INSERT INTO opaque_keys (host, serial, digest, issued_at, made) VALUES (?1, ?2, ?3, ?4, 1)";
        self.execute(sql, params![certificate.host, serial, key, issued_at]).map(drop)
    }

    /// Deletes the opaque key of a host.
    pub(super) fn end_opaque_key(&self, host: HostId) -> driver::Result<()> {
        self.execute("DELETE FROM opaque_keys WHERE host = ?1", [host]).map(drop)
    }

    pub(super) fn replace_opaque_key(&mut self, command: ReplaceOpaqueKey) -> driver::Result<bool> {
        let ReplaceOpaqueKey { host, serial, token, key, entry } = command;
        if self.has_ended(token)? {
            return self.undo(false);
        }
        let sql = "UPDATE opaque_keys SET digest = ?3, issued_at = ?4, made = made + 1 \
                   WHERE host = ?1 AND serial = ?2 AND used_at IS NULL AND made < ?5 \
                   AND EXISTS (SELECT 1 FROM hosts AS h JOIN policies AS p ON p.policy = h.policy \
                   WHERE h.host = ?1 AND p.api_key_credential = 1)";
        if self.execute(sql, params![host, serial, key, entry.at(), MOST_OPAQUE_KEYS])? == 0 {
            return self.undo(false);
        }
        self.enter(entry)?;
        Ok(true)
    }

    pub(super) fn use_opaque_key(&mut self, command: UseOpaqueKey) -> driver::Result<bool> {
        let UseOpaqueKey { key, at } = command;
        let sql = "UPDATE opaque_keys SET used_at = ?2 WHERE digest = ?1 AND used_at IS NULL";
        if self.execute(sql, params![key, at])? > 0 {
            return Ok(true);
        }
        let is_known = self.exists("SELECT 1 FROM opaque_keys WHERE digest = ?1", [key])?;
        self.undo(is_known)
    }
}
