//! Re-enrolling: the host that a token is bound to gets a certificate for a new key, and loses its former ones.

use super::Execution;
use super::certificate::Lineage;
use super::redeem::keep_until;
use crate::ledger::Draft;
use crate::store::sqlite::driver::{self, params};
use crate::store::{
    KeyRefusal, NextCertificate, RedeemRefusal, Redeemed, Reenroll, RevocationReason, StoredCertificate,
};
use crate::token::Grant;

impl Execution<'_> {
    pub(super) fn reenroll(&mut self, command: Reenroll) -> driver::Result<Redeemed> {
        let Reenroll { grant, next, opaque_key } = command;
        let turn = match self.take_turn(&grant, &next.certificate, next.entry.origin.address)? {
            Ok(turn) => turn,
            Err(outcome) => return self.undo(outcome),
        };
        let Some(lineage) = self.lineage(next.certificate.host)?.filter(|lineage| !lineage.revoked) else {
            return self.undo(Redeemed::Refused(RedeemRefusal::Key(KeyRefusal::Revoked)));
        };
        if let Some(refusal) = self.judge_bound(&grant, &lineage, &next)? {
            return self.undo(Redeemed::Refused(refusal));
        }
        let certificate = next.certificate.clone();
        if !self.bring_back(&lineage, next)? {
            return self.undo(Redeemed::Refused(RedeemRefusal::NodeLimit));
        }
        // The former one has ended with its certificate.
        self.end_opaque_key(certificate.host)?;
        self.give_opaque_key(&certificate, opaque_key)?;
        self.insert_pair(grant.token.id, certificate.host, certificate.record, keep_until(&grant))?;
        self.end_turn(&grant, turn)?;
        Ok(Redeemed::First)
    }

    /// Refuses a host with other roles or another name than those for which the token was minted. Refuses a host that was moved to
    /// another policy since.
    fn judge_bound(
        &self,
        grant: &Grant,
        lineage: &Lineage,
        next: &NextCertificate,
    ) -> driver::Result<Option<RedeemRefusal>> {
        let moved = lineage.moved_at.is_some_and(|moved_at| moved_at >= grant.token.id.minted_at());
        Ok(if moved || !grant.terms.fits_host(lineage.name.as_ref(), &lineage.roles) {
            Some(RedeemRefusal::HostChanged)
        } else if !self.is_as_judged(next.policy)?
            || next.withdrawal.is_some() != self.has_own_name(lineage)?
        {
            Some(RedeemRefusal::Contended)
        } else {
            None
        })
    }

    /// Continues the lineage with `next`. Former certificates and keys never count again, because a copy could have them. With the
    /// pair of an older token, it would take the lineage back. Returns false if the host has lapsed and finds no slot.
    fn bring_back(&mut self, lineage: &Lineage, next: NextCertificate) -> driver::Result<bool> {
        let NextCertificate { policy, withdrawal, certificate, reached_url, node_limit, entry, .. } = next;
        let (host, new) = (lineage.host, certificate.record);
        self.revoke_certificates(host, new.issued_at, RevocationReason::Reenrolled)?;
        let sql = "INSERT INTO revoked_keys (key, host) SELECT key, host FROM host_keys WHERE host = ?1 AND key <> ?2 \
                   ON CONFLICT DO NOTHING";
        self.execute(sql, params![host, new.host_key])?;
        if !self.succeed(lineage, None, &certificate, node_limit)? {
            return Ok(false);
        }
        self.end_quarantine(host)?;
        self.withdraw_keys_of(host, new.issued_at)?;
        self.set_reached_url(host, reached_url.as_deref())?;
        self.set_contact(&certificate, &entry)?;
        let entry = entry.with("former_serial", lineage.newest.to_string());
        let entry = self.set_policy(lineage, policy.map(|judged| judged.policy), entry)?;
        self.enter(entry)?;
        withdrawal.map_or(Ok(()), |entry| self.withdraw_name(host, entry))?;
        Ok(true)
    }

    fn set_contact(&self, certificate: &StoredCertificate, entry: &Draft) -> driver::Result<()> {
        let sql = "UPDATE hosts SET seen_at = ?2, seen_from = ?3 WHERE host = ?1";
        let from = entry.origin.address.map(|from| from.to_string());
        self.execute(sql, params![certificate.host, certificate.record.issued_at, from]).map(drop)
    }
}
