//! Renewing a host's certificate, and certifying the key of an old redemption again.

use super::Execution;
use super::certificate::Lineage;
use crate::id::{HostId, Serial, SpkiHash, TokenId};
use crate::store::sqlite::driver::{self, params};
use crate::store::{
    CertificateRecord, KeyRefusal, MarkSeen, NextCertificate, RENEWALS_WITHIN, REPEAT_WINDOW, Recertify,
    RedeemRefusal, Renew, RenewRefusal, Renewed, RevocationReason,
};

impl Execution<'_> {
    pub(super) fn renew(&mut self, command: Renew) -> driver::Result<Renewed> {
        let Renew { most, presented, mut next } = command;
        let (host, new) = (next.certificate.host, next.certificate.record);
        let Some(lineage) = self.lineage(host)? else {
            return self.undo(Renewed::Refused(RenewRefusal::Unknown));
        };
        if let Some(refusal) = self.refused_host(&lineage, new.host_key)? {
            return self.undo(Renewed::Refused(RenewRefusal::Key(refusal)));
        }
        if let Some(refusal) = self.judge_presented(&lineage, presented)? {
            return self.undo(Renewed::Refused(refusal));
        }
        // A host that presents the newest certificate has it, and wants another even for the same key. A host that presents the one before,
        // with the newest one's key, has lost the answer.
        if presented != lineage.newest {
            let newest = self.certificate(host, lineage.newest)?;
            let good = newest.record.not_after > new.issued_at;
            if newest.record.host_key == new.host_key
                && good
                && !self.certificate_is_revoked(lineage.newest)?
            {
                return self.undo(Renewed::Again(newest));
            }
        }
        if self.certified_lately(&lineage, new)? >= most {
            return self.undo(Renewed::Refused(RenewRefusal::TooOften));
        }
        let replaced = presented != lineage.newest;
        if replaced {
            next.entry = next.entry.with("superseded_unseen", lineage.newest.to_string());
        }
        match self.certify(&lineage, presented, next)? {
            Some(outcome) => self.undo(outcome),
            None if replaced => Ok(Renewed::Replaced(lineage.newest)),
            None => Ok(Renewed::First),
        }
    }

    /// Returns the refusal of a host that is revoked or in quarantine, or of its new key.
    fn refused_host(&self, lineage: &Lineage, new_key: SpkiHash) -> driver::Result<Option<KeyRefusal>> {
        match lineage {
            Lineage { revoked: true, .. } => Ok(Some(KeyRefusal::Revoked)),
            Lineage { quarantined: true, .. } => Ok(Some(KeyRefusal::Quarantined)),
            _ => self.refused_key(new_key),
        }
    }

    /// Makes `next` the newest certificate of a host that holds `held`. Returns the outcome if it does not: the host has other
    /// roles, another name or another policy, or has lapsed and finds no slot.
    fn certify(
        &mut self,
        lineage: &Lineage,
        held: Serial,
        next: NextCertificate,
    ) -> driver::Result<Option<Renewed>> {
        let NextCertificate { roles, name, policy, withdrawal, certificate, reached_url, node_limit, entry } =
            next;
        // Another host may have taken the name of a lapsed one.
        let is_renamed = withdrawal.is_none() && name != lineage.name;
        let is_moved = policy.map(|judged| judged.policy) != lineage.policy || !self.is_as_judged(policy)?;
        if is_renamed
            || is_moved
            || !lineage.has_roles(&roles)
            || withdrawal.is_some() != self.has_own_name(lineage)?
        {
            return Ok(Some(Renewed::FactsChanged));
        }
        if withdrawal.is_some() {
            let at = certificate.record.issued_at;
            self.revoke_certificates(lineage.host, at, RevocationReason::NameWithdrawn)?;
        }
        if !self.succeed(lineage, Some(held), &certificate, node_limit)? {
            return Ok(Some(Renewed::Refused(RenewRefusal::NodeLimit)));
        }
        self.set_reached_url(lineage.host, reached_url.as_deref())?;
        self.enter(entry)?;
        withdrawal.map_or(Ok(()), |entry| self.withdraw_name(lineage.host, entry))?;
        Ok(None)
    }

    fn certified_lately(&self, lineage: &Lineage, next: CertificateRecord) -> driver::Result<u32> {
        let sql = "SELECT count(*) FROM certificates WHERE host = ?1 AND issued_at > ?2";
        let since = next.issued_at.minus(RENEWALS_WITHIN);
        Ok(self.one(sql, params![lineage.host, since], |row| row.get(0))?.unwrap_or(0))
    }

    /// Refuses a certificate that is neither the newest, nor the one before while the newest was never seen.
    pub(super) fn judge_presented(
        &self,
        lineage: &Lineage,
        presented: Serial,
    ) -> driver::Result<Option<RenewRefusal>> {
        if self.certificate_is_void(presented)? {
            return Ok(Some(RenewRefusal::CertificateRevoked));
        }
        if presented == lineage.newest || (lineage.previous == Some(presented) && !lineage.newest_seen) {
            return Ok(None);
        }
        let sql = "SELECT 1 FROM certificates WHERE host = ?1 AND serial = ?2";
        let superseded =
            lineage.previous == Some(presented) || self.exists(sql, params![lineage.host, presented])?;
        Ok(Some(if superseded { RenewRefusal::LineageConflict } else { RenewRefusal::Unknown }))
    }

    pub(super) fn recertify(&mut self, command: Recertify) -> driver::Result<Renewed> {
        let Recertify { grant, next } = command;
        let (host, new) = (next.certificate.host, next.certificate.record);
        if self.has_ended(grant.token.id)? {
            return self.undo(Renewed::Refused(RenewRefusal::TokenRevoked));
        }
        match self.judge_token(&grant, new.issued_at)? {
            None => {}
            Some(RedeemRefusal::TokenSuspended) => {
                return self.undo(Renewed::Refused(RenewRefusal::TokenSuspended));
            }
            Some(_) => return self.undo(Renewed::Refused(RenewRefusal::TokenRevoked)),
        }
        let is_own = self.pair(grant.token.id, new.host_key)? == Some(host)
            || self.holds_newest(host, grant.token.id, new.host_key)?;
        let lineage = if is_own { self.lineage(host)? } else { None };
        let Some(lineage) = lineage else {
            return self.undo(Renewed::Refused(RenewRefusal::Unknown));
        };
        if let Some(refusal) = self.refused_host(&lineage, new.host_key)? {
            return self.undo(Renewed::Refused(RenewRefusal::Key(refusal)));
        }
        if self.answered_lately(&lineage, new)? {
            let newest = self.certificate(host, lineage.newest)?;
            return self.undo(Renewed::Again(newest));
        }
        // The host asked with its token, and has not shown that it got the newest certificate.
        let held = if lineage.newest_seen { None } else { lineage.previous };
        match self.certify(&lineage, held.unwrap_or(lineage.newest), next)? {
            None => Ok(Renewed::First),
            Some(outcome) => self.undo(outcome),
        }
    }

    /// Returns true if the token admitted the host, and the host renewed with this key last.
    fn holds_newest(&self, host: HostId, token: TokenId, key: SpkiHash) -> driver::Result<bool> {
        let sql = "SELECT 1 FROM hosts AS h JOIN certificates AS c ON c.host = h.host AND c.serial = h.newest \
                   WHERE h.host = ?1 AND h.token = ?2 AND c.key = ?3";
        self.exists(sql, params![host, token, key])
    }

    /// Returns whether the newest certificate is valid, for the same key, and younger than [`REPEAT_WINDOW`].
    fn answered_lately(&self, lineage: &Lineage, new: CertificateRecord) -> driver::Result<bool> {
        let newest = self.certificate(lineage.host, lineage.newest)?.record;
        Ok(newest.host_key == new.host_key
            && newest.not_after > new.issued_at
            && new.issued_at.since(newest.issued_at) < REPEAT_WINDOW
            && !self.certificate_is_revoked(lineage.newest)?)
    }

    /// Records the URL at which a host reached the server; `None`: the recorded one.
    pub(super) fn set_reached_url(&self, host: HostId, url: Option<&str>) -> driver::Result<()> {
        let Some(url) = url else { return Ok(()) };
        self.execute("UPDATE hosts SET reached_url = ?2 WHERE host = ?1", params![host, url]).map(drop)
    }

    pub(super) fn mark_seen(&self, command: MarkSeen) -> driver::Result<()> {
        let MarkSeen { host, serial, at } = command;
        let sql = "UPDATE hosts SET newest_seen = 1 WHERE host = ?1 AND newest = ?2 AND newest_seen = 0";
        if self.execute(sql, params![host, serial])? == 0 {
            return Ok(());
        }
        let sql = "UPDATE certificates SET superseded_at = ?2 \
                   WHERE host = ?1 AND serial = (SELECT previous FROM hosts WHERE host = ?1)";
        self.execute(sql, params![host, at]).map(drop)
    }
}
