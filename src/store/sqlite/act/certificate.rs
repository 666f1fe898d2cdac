//! A host's row as the verbs need it, and the lineage of its certificates.

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{HostId, PolicyId, Serial};
use crate::ledger::Draft;
use crate::name::{DnsName, Role};
use crate::store::revocations::Change;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::read::{OWN_NAME, certificate};
use crate::store::sqlite::value::{Json, damaged};
use crate::store::{NodeLimit, RevocationReason, StoredCertificate};

/// The part of a host's row that the verbs need.
pub(super) struct Lineage {
    pub(super) host: HostId,
    pub(super) name: Option<DnsName>,
    pub(super) roles: Vec<Role>,
    pub(super) policy: Option<PolicyId>,
    /// The last move to another policy.
    pub(super) moved_at: Option<Timestamp>,
    pub(super) revoked: bool,
    pub(super) quarantined: bool,
    pub(super) revision: u64,
    pub(super) newest: Serial,
    pub(super) newest_seen: bool,
    pub(super) previous: Option<Serial>,
    pub(super) withdraw: bool,
    /// The end of the newest certificate.
    pub(super) ends_at: Timestamp,
}

impl Lineage {
    /// Returns whether the caller saw another revision of the host.
    pub(super) fn is_stale(&self, expected: Option<u64>) -> bool {
        expected.is_some_and(|expected| expected != self.revision)
    }

    /// Returns whether the host's roles are `roles`, in any order.
    pub(super) fn has_roles(&self, roles: &[Role]) -> bool {
        sorted(&self.roles) == sorted(roles)
    }
}

pub(super) fn sorted(roles: &[Role]) -> Vec<&Role> {
    let mut roles: Vec<&Role> = roles.iter().collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

impl Execution<'_> {
    pub(super) fn lineage(&self, host: HostId) -> driver::Result<Option<Lineage>> {
        let sql = "SELECT roles, revoked_at IS NOT NULL, newest, newest_seen, previous, withdraw, name, \
                   quarantined_at IS NOT NULL, revision, ends_at, policy, moved_at \
                   FROM hosts WHERE host = ?1";
        self.one(sql, [host], |row| {
            Ok(Lineage {
                host,
                roles: row.get::<_, Json<Vec<Role>>>(0)?.0,
                revoked: row.get(1)?,
                newest: row.get(2)?,
                newest_seen: row.get(3)?,
                previous: row.get(4)?,
                withdraw: row.get(5)?,
                name: row.get(6)?,
                quarantined: row.get(7)?,
                revision: row.get(8)?,
                ends_at: row.get(9)?,
                policy: row.get(10)?,
                moved_at: row.get(11)?,
            })
        })
    }

    /// Refuses every key of the host from now on, under every token.
    pub(super) fn refuse_keys(&self, host: HostId) -> driver::Result<()> {
        let sql = "INSERT INTO revoked_keys (key, host) SELECT key, host FROM host_keys WHERE host = ?1 \
                   ON CONFLICT DO NOTHING";
        self.execute(sql, [host]).map(drop)
    }

    pub(super) fn certificate_is_revoked(&self, serial: Serial) -> driver::Result<bool> {
        self.exists("SELECT 1 FROM revoked_certificates WHERE serial = ?1", [serial])
    }

    /// Returns whether the host may use the certificate for nothing, not even for renewing.
    pub(super) fn certificate_is_void(&self, serial: Serial) -> driver::Result<bool> {
        let sql = "SELECT 1 FROM revoked_certificates WHERE serial = ?1 AND reason <> 'name_withdrawn'";
        self.exists(sql, [serial])
    }

    /// Returns whether a certificate with this lineage's name would have a name of the authority.
    pub(super) fn has_own_name(&self, lineage: &Lineage) -> driver::Result<bool> {
        match &lineage.name {
            Some(name) => self.exists(OWN_NAME, [name]),
            None => Ok(false),
        }
    }

    /// Takes the name from the host.
    pub(super) fn withdraw_name(&mut self, host: HostId, entry: Draft) -> driver::Result<()> {
        self.execute("UPDATE hosts SET name = NULL, revision = revision + 1 WHERE host = ?1", [host])?;
        self.enter(entry)
    }

    /// Returns a certificate of a host.
    pub(super) fn certificate(&self, host: HostId, serial: Serial) -> driver::Result<StoredCertificate> {
        let sql = "SELECT host, serial, key, issued_at, not_after, renew_after, der FROM certificates \
                   WHERE host = ?1 AND serial = ?2";
        let found = self.one(sql, params![host, serial], certificate)?;
        found.ok_or_else(|| damaged("a host's newest certificate is not there"))
    }

    pub(super) fn insert_certificate(&self, certificate: &StoredCertificate) -> driver::Result<()> {
        let StoredCertificate { host, record: new, der } = certificate;
        let sql = "INSERT INTO certificates (host, serial, key, issued_at, not_after, renew_after, der) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.execute(
            sql,
            params![host, new.serial, new.host_key, new.issued_at, new.not_after, new.due_at, der],
        )?;
        // The same key may be certified again.
        let sql = "INSERT INTO host_keys (host, key) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.execute(sql, params![host, new.host_key]).map(drop)
    }

    /// Makes `certificate` the newest of the lineage. `previous` stays valid until the newest is seen, as the host is known
    /// to hold it; `None` if it is revoked. Returns false if the host has lapsed and `limit` leaves no slot.
    pub(super) fn succeed(
        &mut self,
        lineage: &Lineage,
        previous: Option<Serial>,
        certificate: &StoredCertificate,
        limit: NodeLimit,
    ) -> driver::Result<bool> {
        let new = certificate.record;
        self.count_hosts_at(new.issued_at)?;
        if !self.effects.hosts.holds(lineage.ends_at) && !self.has_slot(limit)? {
            return Ok(false);
        }
        self.move_end(lineage.ends_at, new.not_after);
        if lineage.withdraw {
            self.revoke_certificates(lineage.host, new.issued_at, RevocationReason::RolesChanged)?;
        }
        let sql = "UPDATE certificates SET collect_at = not_after WHERE host = ?1 AND collect_at IS NULL";
        self.execute(sql, [lineage.host])?;
        self.insert_certificate(certificate)?;
        let sql = "UPDATE hosts SET newest = ?2, newest_seen = 0, previous = ?3, ends_at = ?4, withdraw = 0 \
                   WHERE host = ?1";
        self.execute(sql, params![lineage.host, new.serial, previous, new.not_after])?;
        Ok(true)
    }

    /// Revokes every certificate of the host that has not expired and is not revoked yet.
    pub(super) fn revoke_certificates(
        &mut self,
        host: HostId,
        at: Timestamp,
        reason: RevocationReason,
    ) -> driver::Result<()> {
        self.revoke_other_certificates(host, None, at, reason)
    }

    /// Revokes every certificate of the host but `kept`.
    pub(super) fn revoke_other_certificates(
        &mut self,
        host: HostId,
        kept: Option<Serial>,
        at: Timestamp,
        reason: RevocationReason,
    ) -> driver::Result<()> {
        let sql = "INSERT INTO revoked_certificates (serial, host, revoked_at, not_after, reason) \
                   SELECT serial, host, CAST(?2 AS BIGINT), not_after, CAST(?3 AS TEXT) FROM certificates WHERE host = ?1 AND not_after > ?2 \
                   AND coalesce(serial <> ?4, TRUE) ON CONFLICT DO NOTHING RETURNING serial";
        let serials = self.all(sql, params![host, at, reason, kept], |row| row.get(0))?;
        serials.into_iter().for_each(|serial| self.change(Change::CertificateRevoked(serial)));
        Ok(())
    }
}
