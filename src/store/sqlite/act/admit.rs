//! Admitting a host: the one way to a row in `hosts`.

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{HostId, TokenId};
use crate::ledger::{Action, Draft, Subjects};
use crate::name::DnsName;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::Json;
use crate::store::{Admission, CertificateRecord, RedeemRefusal, RevocationReason};

/// Finds a name that the authority has or had, or that a host holds: one in quarantine, or one that did not lapse before `?2`.
pub(in crate::store::sqlite) const NAME_TAKEN: &str = "SELECT 1 FROM authority_names WHERE name = ?1 UNION ALL \
     SELECT 1 FROM hosts WHERE name = ?1 AND name IS NOT NULL AND revoked_at IS NULL \
     AND (ends_at > ?2 OR quarantined_at IS NOT NULL)";

impl Execution<'_> {
    /// Writes the host, its certificate, its pair and the entry, unless there is no slot or its name is taken. Returns the refusal.
    pub(super) fn admit(
        &mut self,
        token: TokenId,
        keep_pair_until: Option<Timestamp>,
        admission: Admission,
    ) -> driver::Result<Option<RedeemRefusal>> {
        self.count_hosts_at(admission.certificate.record.issued_at)?;
        if !self.has_slot(admission.node_limit)? {
            return Ok(Some(RedeemRefusal::NodeLimit));
        }
        if let Some(name) = &admission.host.name
            && !self.take_name(name, &admission)?
        {
            return Ok(Some(RedeemRefusal::NameTaken));
        }
        let label = self.insert_host(token, &admission)?;
        self.effects.hosts.add(admission.certificate.record.not_after);
        let Admission { host, certificate, opaque_key, entry, .. } = admission;
        self.insert_host_roles(certificate.host, &host.roles)?;
        self.insert_certificate(&certificate)?;
        self.give_opaque_key(&certificate, opaque_key)?;
        self.insert_pair(token, certificate.host, certificate.record, keep_pair_until)?;
        self.enter(if let Some(label) = label { entry.with("label", label) } else { entry })?;
        Ok(None)
    }

    /// Frees the name, if a host has it that lapsed too long ago to hold it. Returns false if the name is taken.
    fn take_name(&mut self, name: &DnsName, admission: &Admission) -> driver::Result<bool> {
        let new = admission.certificate.record;
        if self.exists(NAME_TAKEN, params![name, new.issued_at.minus(admission.name_hold)])? {
            return Ok(false);
        }
        let sql = "SELECT host FROM hosts WHERE name = ?1 AND name IS NOT NULL AND revoked_at IS NULL";
        let Some(lapsed) = self.one(sql, [name], |row| row.get(0))? else { return Ok(true) };
        let Draft { origin, basis, .. } = admission.entry.clone();
        let entry = Draft::done(Action::NameWithdrawn, new.issued_at, origin.actor.clone());
        let entry = Draft { origin, basis, ..entry }.about(Subjects::host(lapsed));
        // An older certificate may outlive the newest one.
        self.revoke_certificates(lapsed, new.issued_at, RevocationReason::NameWithdrawn)?;
        let taken_by = admission.certificate.host.to_string();
        self.withdraw_name(lapsed, entry.with("name", name.as_str()).with("taken_by", taken_by))?;
        Ok(true)
    }

    /// Returns the label of the token.
    fn insert_host(&self, token: TokenId, admission: &Admission) -> driver::Result<Option<String>> {
        // The mint record is collected before the host.
        let sql = "INSERT INTO hosts (host, name, cluster, roles, token, enrolled_at, newest, newest_seen, ends_at, reached_url, \
                   seen_at, seen_from, rule, policy, token_label) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?6, ?10, ?11, ?12, \
                   (SELECT nullif(m.label, '') FROM mints AS m WHERE m.token = ?5)) RETURNING token_label";
        let Admission { host, certificate, reached_url, address, .. } = admission;
        let record = certificate.record;
        let params = params![
            certificate.host,
            host.name,
            host.cluster,
            Json(&host.roles),
            token,
            record.issued_at,
            record.serial,
            record.not_after,
            reached_url,
            address.map(|from| from.to_string()),
            admission.rule,
            host.policy,
        ];
        Ok(self.one(sql, params, |row| row.get(0))?.flatten())
    }

    pub(super) fn insert_pair(
        &self,
        token: TokenId,
        host: HostId,
        new: CertificateRecord,
        keep_until: Option<Timestamp>,
    ) -> driver::Result<()> {
        let sql = "INSERT INTO pairs (token, key, host, redeemed_at, keep_until) VALUES (?1, ?2, ?3, ?4, ?5)";
        let params = params![token, new.host_key, host, new.issued_at, keep_until];
        self.execute(sql, params).map(drop)
    }
}
