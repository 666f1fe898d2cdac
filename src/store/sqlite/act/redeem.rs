//! Redeeming: the transaction that decides.

use std::net::IpAddr;

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{HostId, SpkiHash, TokenId};
use crate::name::DnsName;
use crate::store::sqlite::driver::{self, Sql, params};
use crate::store::sqlite::read::certificate;
use crate::store::sqlite::value::{Json, damaged};
use crate::store::{
    CertificateRecord, HostFacts, KEEP_AFTER_EXPIRY, Redeem, RedeemRefusal, Redeemed, StoredCertificate,
};
use crate::token::{Grant, Verified};

/// Finds a token for which the authority vouches: its key is trusted, its list exists, and no revocation is due. A persistent token
/// also needs its row. The due date is looked up by the token: a deleted minter may leave a million due tokens.
pub(in crate::store::sqlite) const IS_VOUCHED_FOR: &str = "SELECT 1 FROM signing_keys AS k \
     WHERE k.kid = ?1 AND k.state <> 'retired' AND (k.persistent_only = 0 OR ?2 = 1) \
     AND EXISTS (SELECT 1 FROM status_lists AS l WHERE l.list = ?3) \
     AND (?2 = 0 OR EXISTS (SELECT 1 FROM tokens AS t WHERE t.token = ?4)) \
     AND NOT EXISTS (SELECT 1 FROM mints AS m WHERE m.token = ?4 AND m.revoke_at <= ?5 AND m.revoked_at IS NULL)";

impl Sql<'_> {
    /// Returns whether the authority vouches for the token at `now`. The token's row of uses has the last word.
    pub(in crate::store::sqlite) fn is_vouched_for(
        &self,
        grant: &Verified<Grant>,
        now: Timestamp,
    ) -> driver::Result<bool> {
        let (token, key, persistent) = (&grant.token, grant.signing_key(), grant.terms.persistent);
        self.exists(IS_VOUCHED_FOR, params![key, persistent, token.status.list, token.id, now])
    }

    /// Returns whether the token is revoked or suspended.
    pub(in crate::store::sqlite) fn has_ended(&self, token: TokenId) -> driver::Result<bool> {
        self.exists("SELECT 1 FROM uses WHERE token = ?1 AND ended_at IS NOT NULL", [token])
    }
}

impl Execution<'_> {
    pub(super) fn redeem(&mut self, command: Redeem) -> driver::Result<Redeemed> {
        let Redeem { grant, host, certificate, reached_url, entry } = command;
        let (id, new) = (certificate.host, certificate.record);
        if self.key_is_revoked(new.host_key)? {
            return self.undo(Redeemed::Refused(RedeemRefusal::HostRevoked));
        }
        // The pair precedes the token: a later revocation takes nothing from the host (I9).
        if let Some(admitted) = self.pair(grant.token.id, new.host_key)? {
            let winners = self.winners_certificate(admitted, new.host_key)?;
            return self.undo(Redeemed::Again(winners));
        }
        if !self.is_vouched_for(&grant, new.issued_at)? {
            return self.undo(Redeemed::Refused(RedeemRefusal::TokenRevoked));
        }
        let Some(used) = self.take_use(&grant, id, new.issued_at, entry.origin.address)? else {
            let refusal = match self.has_ended(grant.token.id)? {
                true => RedeemRefusal::TokenRevoked,
                false => RedeemRefusal::TokenSpent,
            };
            return self.undo(Redeemed::Refused(refusal));
        };
        if let Some(name) = &host.name
            && self.name_is_taken(name)?
        {
            return self.undo(Redeemed::Refused(RedeemRefusal::NameTaken));
        }
        self.insert_host(&host, grant.token.id, &certificate, &reached_url)?;
        self.insert_pair(&grant, id, new)?;
        if Some(used) == grant.terms.max_uses {
            self.set_used_up(grant.token.status)?;
        }
        self.enter(entry)?;
        Ok(Redeemed::First)
    }

    pub(super) fn pair(&self, token: TokenId, host_key: SpkiHash) -> driver::Result<Option<HostId>> {
        let sql = "SELECT host FROM pairs WHERE token = ?1 AND key = ?2";
        self.one(sql, params![token, host_key], |row| row.get(0))
    }

    fn winners_certificate(&self, host: HostId, host_key: SpkiHash) -> driver::Result<StoredCertificate> {
        let sql = "SELECT host, serial, key, issued_at, not_after, der FROM certificates WHERE host = ?1 \
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
                   WHERE uses.ended_at IS NULL AND (CAST(?2 AS BIGINT) IS NULL OR uses.used < ?2) RETURNING used";
        let from = from.map(|from| from.to_string());
        let params = params![grant.token.id, max_uses, at, keep_until(grant), host, from];
        self.one(sql, params, |row| row.get(0))
    }

    fn name_is_taken(&self, name: &DnsName) -> driver::Result<bool> {
        self.exists(NAME_TAKEN, [name])
    }

    fn insert_host(
        &self,
        host: &HostFacts,
        token: TokenId,
        certificate: &StoredCertificate,
        reached_url: &str,
    ) -> driver::Result<()> {
        let sql = "INSERT INTO hosts (host, name, cluster, roles, token, enrolled_at, newest, newest_seen, ends_at, reached_url) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9)";
        let StoredCertificate { host: id, record, .. } = certificate;
        let params = params![
            id,
            host.name,
            host.cluster,
            Json(&host.roles),
            token,
            record.issued_at,
            record.serial,
            record.not_after,
            reached_url,
        ];
        self.execute(sql, params)?;
        self.insert_host_roles(*id, &host.roles)?;
        self.insert_certificate(certificate)
    }

    fn insert_pair(&self, grant: &Grant, host: HostId, new: CertificateRecord) -> driver::Result<()> {
        let sql = "INSERT INTO pairs (token, key, host, redeemed_at, keep_until) VALUES (?1, ?2, ?3, ?4, ?5)";
        let params = params![grant.token.id, new.host_key, host, new.issued_at, keep_until(grant)];
        self.execute(sql, params).map(drop)
    }
}

/// Returns the moment from which pair and use count may be collected. Those of a persistent token stay as long as its row.
fn keep_until(grant: &Grant) -> Option<Timestamp> {
    grant.terms.expires_at.filter(|_| !grant.terms.persistent).map(|at| at.plus(KEEP_AFTER_EXPIRY))
}

/// Finds a name that the authority has or had, or that a live host has.
pub(in crate::store::sqlite) const NAME_TAKEN: &str = "SELECT 1 FROM authority_names WHERE name = ?1 UNION ALL \
     SELECT 1 FROM hosts WHERE name = ?1 AND name IS NOT NULL AND revoked_at IS NULL";
