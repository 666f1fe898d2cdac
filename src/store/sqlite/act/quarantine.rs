//! Quarantine: two machines renewed with the certificates of one host. Both are refused until an administrator decides.

use std::net::IpAddr;

use super::Execution;
use super::certificate::Lineage;
use crate::clock::Timestamp;
use crate::id::{HostId, Serial, SpkiHash};
use crate::ledger::{Draft, Subjects};
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::IpText;
use crate::store::{
    HostRelease, KeptCertificate, QUARANTINES_WITHIN, QuarantineHost, Quarantining, ReleaseHosts,
    RenewRefusal, RevocationReason,
};

impl Execution<'_> {
    pub(super) fn quarantine_host(&mut self, command: QuarantineHost) -> driver::Result<Quarantining> {
        let QuarantineHost { host, presented, most, entry } = command;
        let at = entry.at();
        let Some(lineage) = self.lineage(host)?.filter(|lineage| !lineage.revoked) else {
            return self.undo(Quarantining::Harmless);
        };
        if lineage.quarantined {
            return self.undo(Quarantining::Before);
        }
        if !self.is_conflict(&lineage, presented, at)? {
            return self.undo(Quarantining::Harmless);
        }
        if self.quarantined_lately(at)? >= most {
            return self.undo(Quarantining::TooMany);
        }
        let sql = "UPDATE hosts SET quarantined_at = ?2, last_quarantined_at = ?2, conflict_serial = ?3, conflict_from = ?4, \
                   revision = revision + 1 WHERE host = ?1";
        let from = entry.origin.address.map(|from| from.to_string());
        self.execute(sql, params![host, at, presented, from])?;
        self.refuse_keys(host)?;
        self.withdraw_keys_of(host, at)?;
        let entry = self.with_newest(entry, &lineage)?;
        self.enter(entry)?;
        Ok(Quarantining::Quarantined)
    }

    /// Returns whether a good certificate of the host renewed after the first use of its successor.
    fn is_conflict(&self, lineage: &Lineage, presented: Serial, at: Timestamp) -> driver::Result<bool> {
        Ok(self.good_certificate(lineage.host, presented, at)?.is_some()
            && self.judge_presented(lineage, presented)? == Some(RenewRefusal::LineageConflict))
    }

    /// Returns key and expiry of a certificate of the host that is neither expired nor revoked.
    fn good_certificate(
        &self,
        host: HostId,
        serial: Serial,
        at: Timestamp,
    ) -> driver::Result<Option<(SpkiHash, Timestamp)>> {
        let sql = "SELECT c.key, c.not_after FROM certificates AS c WHERE c.host = ?1 AND c.serial = ?2 AND c.not_after > ?3 \
                   AND NOT EXISTS (SELECT 1 FROM revoked_certificates AS r WHERE r.serial = c.serial)";
        self.one(sql, params![host, serial, at], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Returns the number of hosts that were quarantined within [`QUARANTINES_WITHIN`], released ones included.
    fn quarantined_lately(&self, at: Timestamp) -> driver::Result<u32> {
        let sql = "SELECT count(*) FROM hosts WHERE last_quarantined_at > ?1";
        Ok(self.one(sql, [at.minus(QUARANTINES_WITHIN)], |row| row.get(0))?.unwrap_or(0))
    }

    /// Adds the other side of the conflict: the newest certificate and the last contact of its holder.
    fn with_newest(&self, entry: Draft, lineage: &Lineage) -> driver::Result<Draft> {
        let sql = "SELECT coalesce(seen_at, enrolled_at), seen_from FROM hosts WHERE host = ?1";
        let read = self.one(sql, [lineage.host], |row| {
            Ok((row.get::<_, Timestamp>(0)?, row.get::<_, Option<IpText>>(1)?))
        })?;
        let entry = entry.with("newest_serial", lineage.newest.to_string());
        let Some((seen_at, seen_from)) = read else { return Ok(entry) };
        let entry = entry.with("newest_seen_at", seen_at.to_rfc3339());
        let seen_from: Option<IpAddr> = seen_from.map(|from| from.0);
        Ok(seen_from.into_iter().fold(entry, |entry, from| entry.with("newest_seen_from", from.to_string())))
    }

    /// Releases many hosts, each with the certificate that stays. Each changed host has its entry.
    pub(super) fn release_hosts(&mut self, command: ReleaseHosts) -> driver::Result<Vec<HostRelease>> {
        let ReleaseHosts { hosts, entry } = command;
        let mut outcomes = Vec::with_capacity(hosts.len());
        for kept in hosts {
            outcomes.push(self.release(kept, entry.clone())?);
        }
        match outcomes.contains(&HostRelease::Released) {
            true => Ok(outcomes),
            false => self.undo(outcomes),
        }
    }

    fn release(&mut self, kept: KeptCertificate, entry: Draft) -> driver::Result<HostRelease> {
        let KeptCertificate { host, serial: kept, revision } = kept;
        let at = entry.at();
        let Some(lineage) = self.lineage(host)? else { return Ok(HostRelease::Unknown) };
        if lineage.is_stale(revision) {
            return Ok(HostRelease::Stale);
        }
        if lineage.revoked {
            return Ok(HostRelease::Revoked);
        }
        if !lineage.quarantined {
            return Ok(if lineage.newest == kept {
                HostRelease::Before
            } else {
                HostRelease::NotQuarantined
            });
        }
        let Some((key, not_after)) = self.good_certificate(host, kept, at)? else {
            return Ok(HostRelease::NoSuchCertificate);
        };
        self.count_hosts_at(at)?;
        self.keep_one_certificate(&lineage, kept, not_after)?;
        self.revoke_other_certificates(host, Some(kept), at, RevocationReason::Replaced)?;
        self.end_quarantine(host)?;
        // The other machine's keys stay refused: it also has the tokens that the disk held.
        self.execute("DELETE FROM revoked_keys WHERE host = ?1 AND key = ?2", params![host, key])?;
        self.enter(entry.about(Subjects::host(host).with_serial(kept)))?;
        Ok(HostRelease::Released)
    }

    /// Makes `kept` the newest certificate of the lineage.
    fn keep_one_certificate(
        &mut self,
        lineage: &Lineage,
        kept: Serial,
        not_after: Timestamp,
    ) -> driver::Result<()> {
        self.move_end(lineage.ends_at, not_after);
        let seen = kept != lineage.newest || lineage.newest_seen;
        let sql =
            "UPDATE hosts SET newest = ?2, newest_seen = ?3, previous = NULL, ends_at = ?4 WHERE host = ?1";
        self.execute(sql, params![lineage.host, kept, seen, not_after])?;
        let sql = "UPDATE certificates SET collect_at = CASE WHEN serial = ?2 THEN NULL ELSE not_after END, \
                   superseded_at = CASE WHEN serial = ?2 THEN NULL ELSE superseded_at END WHERE host = ?1";
        self.execute(sql, params![lineage.host, kept]).map(drop)
    }

    /// Ends the quarantine of a host, if it is in one. Its refused keys stay refused.
    pub(super) fn end_quarantine(&self, host: HostId) -> driver::Result<()> {
        let sql = "UPDATE hosts SET quarantined_at = NULL, conflict_serial = NULL, conflict_from = NULL, \
                   revision = revision + 1 WHERE host = ?1";
        self.execute(sql, [host]).map(drop)
    }
}
