//! Redeeming: the transaction that decides.

use std::net::IpAddr;

use super::Execution;
use super::enrollments::Passage;
use crate::clock::Timestamp;
use crate::id::{HostId, SpkiHash, TokenId};
use crate::store::sqlite::driver::{self, Row, Sql, params};
use crate::store::sqlite::read::certificate;
use crate::store::sqlite::value::damaged;
use crate::store::{
    CertificateRecord, KEEP_AFTER_EXPIRY, KeyRefusal, Redeem, RedeemRefusal, Redeemed, RenewRefusal,
    ReplacedHost, StoredCertificate,
};
use crate::token::{Grant, Verified};

/// Finds a token for which the authority vouches, and whether it is suspended: its key is trusted, its list exists, and no revocation is
/// due. A persistent token also needs its row. The due date is looked up by the token: a deletion may leave a million due tokens.
pub(in crate::store::sqlite) const IS_VOUCHED_FOR: &str = "SELECT ?2 = 1 \
     AND EXISTS (SELECT 1 FROM mints AS s WHERE s.token = ?4 AND s.suspended_at IS NOT NULL) FROM signing_keys AS k \
     WHERE k.kid = ?1 AND k.state <> 'retired' AND (k.persistent_only = 0 OR ?2 = 1) \
     AND EXISTS (SELECT 1 FROM status_lists AS l WHERE l.list = ?3) \
     AND (?2 = 0 OR EXISTS (SELECT 1 FROM tokens AS t WHERE t.token = ?4)) \
     AND NOT EXISTS (SELECT 1 FROM mints AS m WHERE m.token = ?4 AND m.revoke_at <= ?5 AND m.revoked_at IS NULL)";

/// The same for a token whose holder proved its `api_key`: the key that gave it must not be retired. Its signing key may be.
pub(in crate::store::sqlite) const IS_VOUCHED_FOR_BY_FLEET_KEY: &str = "SELECT m.suspended_at IS NOT NULL FROM fleet_keys AS k JOIN mints AS m \
     ON m.fleet_key = k.number WHERE k.number = ?1 AND k.retired_at IS NULL AND m.token = ?3 \
     AND EXISTS (SELECT 1 FROM status_lists AS l WHERE l.list = ?2) \
     AND EXISTS (SELECT 1 FROM tokens AS t WHERE t.token = ?3) \
     AND NOT (m.revoke_at IS NOT NULL AND m.revoke_at <= ?4 AND m.revoked_at IS NULL)";

impl Sql<'_> {
    /// Returns the reason why the authority does not vouch for the token at `now`; `None` if it does. The token's row of uses has the
    /// last word.
    pub(in crate::store::sqlite) fn judge_token(
        &self,
        grant: &Verified<Grant>,
        now: Timestamp,
    ) -> driver::Result<Option<RedeemRefusal>> {
        let (token, key, persistent) = (&grant.token, grant.signing_key(), grant.terms.persistent);
        let is_suspended = |row: &Row<'_>| row.get(0);
        let found: Option<bool> = match grant.fleet_key() {
            Some(key) => {
                let params = params![key, token.status.list, token.id, now];
                self.one(IS_VOUCHED_FOR_BY_FLEET_KEY, params, is_suspended)?
            }
            None => {
                let params = params![key, persistent, token.status.list, token.id, now];
                self.one(IS_VOUCHED_FOR, params, is_suspended)?
            }
        };
        Ok(match found {
            Some(false) => None,
            Some(true) => Some(RedeemRefusal::TokenSuspended),
            None => Some(RedeemRefusal::TokenRevoked),
        })
    }

    /// Returns whether the token is revoked.
    pub(in crate::store::sqlite) fn has_ended(&self, token: TokenId) -> driver::Result<bool> {
        self.exists("SELECT 1 FROM uses WHERE token = ?1 AND ended_at IS NOT NULL", [token])
    }
}

/// A use of a token that a redemption has taken.
pub(super) struct Turn {
    /// True for the last one.
    is_last: bool,
}

impl Execution<'_> {
    pub(super) fn redeem(&mut self, command: Redeem) -> driver::Result<Redeemed> {
        let Redeem { grant, mut admission, replaces, gate, default_mode } = command;
        if let Some(outcome) = self.judge_turn(&grant, admission.certificate.record)? {
            return self.undo(outcome);
        }
        if !self.is_as_judged(admission.policy)? || self.default_mode()? != default_mode {
            // The tokens of a deleted policy have ended.
            let ended = self.has_ended(grant.token.id)?;
            let revoked = Redeemed::Refused(RedeemRefusal::TokenRevoked);
            return self.undo(if ended { revoked } else { Redeemed::FactsChanged });
        }
        let replaced = replaces.as_ref().map(|replaced| replaced.host);
        match self.pass(&grant, gate, replaced, &mut admission)? {
            Passage::Open => {}
            Passage::Waits(_) if replaces.is_some() => {
                return self.undo(Redeemed::Refused(RedeemRefusal::ReplacementWaits));
            }
            Passage::Waits(new) => return self.wait(&grant, admission, *new),
            Passage::Stale => return self.undo(Redeemed::FactsChanged),
            Passage::Overtaken => return self.undo(Redeemed::Refused(RedeemRefusal::Contended)),
        }
        let turn = match self.take(&grant, &admission.certificate, admission.address)? {
            Ok(turn) => turn,
            Err(outcome) => return self.undo(outcome),
        };
        if let Some(replaced) = replaces
            && let Some(refusal) = self.replace(replaced, admission.certificate.record.host_key)?
        {
            return self.undo(Redeemed::Refused(refusal));
        }
        if let Some(refusal) = self.admit(grant.token.id, keep_until(&grant), admission)? {
            return self.undo(Redeemed::Refused(refusal));
        }
        self.end_turn(&grant, turn)?;
        Ok(Redeemed::First)
    }

    /// Takes a use of the token for the host of `certificate`, after the checks that precede it. Returns the outcome if no use is left to
    /// take.
    pub(super) fn take_turn(
        &mut self,
        grant: &Verified<Grant>,
        certificate: &StoredCertificate,
        from: Option<IpAddr>,
    ) -> driver::Result<Result<Turn, Redeemed>> {
        match self.judge_turn(grant, certificate.record)? {
            Some(outcome) => Ok(Err(outcome)),
            None => self.take(grant, certificate, from),
        }
    }

    /// Returns the outcome of a redemption that takes no use. The key is refused, the pair is known, or the authority no longer
    /// vouches for the token.
    fn judge_turn(
        &self,
        grant: &Verified<Grant>,
        new: CertificateRecord,
    ) -> driver::Result<Option<Redeemed>> {
        if let Some(refusal) = self.refused_key(new.host_key)? {
            return Ok(Some(Redeemed::Refused(RedeemRefusal::Key(refusal))));
        }
        // The pair precedes the token: a later revocation takes nothing from the host (I9).
        if let Some(admitted) = self.pair(grant.token.id, new.host_key)? {
            return Ok(Some(Redeemed::Again(self.winners_certificate(admitted, new.host_key)?)));
        }
        Ok(self.judge_token(grant, new.issued_at)?.map(Redeemed::Refused))
    }

    /// Takes a use. Uses that expired enrollments hold are freed only if none is left.
    fn take(
        &mut self,
        grant: &Grant,
        certificate: &StoredCertificate,
        from: Option<IpAddr>,
    ) -> driver::Result<Result<Turn, Redeemed>> {
        let (id, at, token) = (certificate.host, certificate.record.issued_at, grant.token.id);
        let used = match self.take_use(grant, id, at, from)? {
            None if self.expire_waiting_of(token, at)? => self.take_use(grant, id, at, from)?,
            used => used,
        };
        match used {
            Some(used) => Ok(Ok(Turn { is_last: Some(used) == grant.terms.max_uses })),
            None if self.has_ended(token)? => Ok(Err(Redeemed::Refused(RedeemRefusal::TokenRevoked))),
            None => Ok(Err(Redeemed::Refused(RedeemRefusal::TokenSpent))),
        }
    }

    /// Publishes a token without remaining uses as used up, once its host is written.
    pub(super) fn end_turn(&mut self, grant: &Grant, turn: Turn) -> driver::Result<()> {
        if turn.is_last { self.set_used_up(grant.token.status) } else { Ok(()) }
    }

    /// Revokes the host that the new one replaces, so that its name is free. Its certificate must be one that may renew: a copy of
    /// the identity must not end the host. Returns the refusal.
    fn replace(
        &mut self,
        replaced: ReplacedHost,
        new_key: SpkiHash,
    ) -> driver::Result<Option<RedeemRefusal>> {
        let ReplacedHost { host, presented, entry } = replaced;
        let Some(lineage) = self.lineage(host)?.filter(|lineage| !lineage.revoked) else {
            return Ok(Some(RedeemRefusal::Key(KeyRefusal::Revoked)));
        };
        if lineage.quarantined {
            return Ok(Some(RedeemRefusal::Key(KeyRefusal::Quarantined)));
        }
        match self.judge_presented(&lineage, presented)? {
            None => {}
            Some(RenewRefusal::CertificateRevoked) => return Ok(Some(RedeemRefusal::CertificateRevoked)),
            Some(_) => return Ok(Some(RedeemRefusal::CertificateSuperseded)),
        }
        self.shut_out(host, entry.at())?;
        self.enter(entry)?;
        // A revoked key never counts again, so the new host needs another one.
        Ok(self.refused_key(new_key)?.map(RedeemRefusal::Key))
    }

    pub(super) fn pair(&self, token: TokenId, host_key: SpkiHash) -> driver::Result<Option<HostId>> {
        let sql = "SELECT host FROM pairs WHERE token = ?1 AND key = ?2";
        self.one(sql, params![token, host_key], |row| row.get(0))
    }

    fn winners_certificate(&self, host: HostId, host_key: SpkiHash) -> driver::Result<StoredCertificate> {
        let sql = "SELECT host, serial, key, issued_at, not_after, renew_after, der FROM certificates WHERE host = ?1 \
                   ORDER BY key = ?2 DESC, issued_at DESC LIMIT 1";
        let found = self.one(sql, params![host, host_key], certificate)?;
        found.ok_or_else(|| damaged("a pair's host has no certificate"))
    }

    /// Takes a use if the token has not ended and one is left, and remembers the host; returns the number of uses taken. This one
    /// statement decides about the token.
    fn take_use(
        &self,
        grant: &Grant,
        host: HostId,
        at: Timestamp,
        from: Option<IpAddr>,
    ) -> driver::Result<Option<u32>> {
        let max_uses = grant.terms.max_uses;
        if max_uses == Some(0) {
            return Ok(None);
        }
        let sql = "INSERT INTO uses (token, used, spent_at, keep_until, last_at, last_host, last_from) \
                   VALUES (?1, 1, CASE WHEN ?2 = 1 THEN CAST(?3 AS BIGINT) END, ?4, ?3, ?5, ?6) \
                   ON CONFLICT (token) DO UPDATE SET used = uses.used + 1, \
                   spent_at = CASE WHEN uses.used + 1 >= ?2 THEN CAST(?3 AS BIGINT) END, last_at = ?3, last_host = ?5, last_from = ?6 \
                   WHERE uses.ended_at IS NULL AND (CAST(?2 AS BIGINT) IS NULL OR uses.used + uses.reserved < ?2) RETURNING used";
        let from = from.map(|from| from.to_string());
        let params = params![grant.token.id, max_uses, at, keep_until(grant), host, from];
        self.one(sql, params, |row| row.get(0))
    }
}

/// Returns the moment from which pair and use count may be collected. Those of a persistent token stay as long as its row.
pub(super) fn keep_until(grant: &Grant) -> Option<Timestamp> {
    grant.terms.expires_at.filter(|_| !grant.terms.persistent).map(|at| at.plus(KEEP_AFTER_EXPIRY))
}
