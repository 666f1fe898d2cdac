//! Redeeming: the transaction that alone decides (DESIGN: one path to a certificate).

use std::net::IpAddr;

use rusqlite::params;

use super::Act;
use crate::clock::Timestamp;
use crate::id::{HostId, SpkiHash, TokenId};
use crate::name::DnsName;
use crate::store::sqlite::read::certificate;
use crate::store::sqlite::value::{Json, damaged};
use crate::store::{NewCertificate, NewHost, Redeem, RedeemRefusal, Redeemed, StoredCertificate, Ticket};
use crate::token::Status;

/// Whether a token's time has come. By the token: what somebody minted who was deleted may be due by the million.
pub(in crate::store::sqlite) const IS_DUE: &str =
    "SELECT 1 FROM mints WHERE token = ?1 AND revoke_at <= ?2 AND revoked_at IS NULL";

impl Act<'_> {
    pub(super) fn redeem(&mut self, command: Redeem) -> rusqlite::Result<Redeemed> {
        let Redeem { ticket, host, certificate, keep_until, entry } = command;
        if self.key_is_revoked(certificate.key)? {
            return self.undo(Redeemed::Refused(RedeemRefusal::HostRevoked));
        }
        // Before the token: one that was revoked since this pair redeemed takes nothing back (I9).
        if let Some(admitted) = self.pair(ticket.token, certificate.key)? {
            let winners = self.winners_certificate(admitted, certificate.key)?;
            return self.undo(Redeemed::Again(winners));
        }
        if !self.token_is_live(&ticket, certificate.issued_at)? {
            return self.undo(Redeemed::Refused(RedeemRefusal::TokenRevoked));
        }
        let Some(used) = self.take_use(&ticket, &host, &certificate, keep_until, entry.address)? else {
            return self.undo(Redeemed::Refused(RedeemRefusal::TokenSpent));
        };
        if let Some(name) = &host.name
            && self.name_is_taken(name)?
        {
            return self.undo(Redeemed::Refused(RedeemRefusal::NameTaken));
        }
        self.insert_host(&host, ticket.token, &certificate)?;
        self.insert_pair(ticket.token, host.id, &certificate, keep_until)?;
        if Some(used) == ticket.max_uses {
            self.set_used_up(ticket.status)?;
        }
        self.enter(entry)?;
        Ok(Redeemed::First)
    }

    /// Whether the token is neither revoked at `now` nor suspended, its key still vouches for it and, if it must have a row, has a
    /// live one.
    /// Being used up is judged by the uses, not here: the pair that took the last one is still answered.
    pub(super) fn token_is_live(&self, ticket: &Ticket, now: Timestamp) -> rusqlite::Result<bool> {
        if matches!(self.stored_status(ticket.status)?, Status::Revoked | Status::Suspended) {
            return Ok(false);
        }
        if self.exists(IS_DUE, params![ticket.token, now])? {
            return Ok(false);
        }
        let sql = "SELECT 1 FROM signing_keys WHERE kid = ?1 AND state <> 'retired' AND (persistent_only = 0 OR ?2)";
        if !self.exists(sql, params![ticket.key, ticket.persistent])? {
            return Ok(false);
        }
        if !ticket.persistent {
            return Ok(true);
        }
        self.exists("SELECT 1 FROM tokens WHERE token = ?1 AND revoked_at IS NULL", [ticket.token])
    }

    pub(super) fn pair(&self, token: TokenId, key: SpkiHash) -> rusqlite::Result<Option<HostId>> {
        let sql = "SELECT host FROM pairs WHERE token = ?1 AND key = ?2";
        self.one(sql, params![token, key], |row| row.get(0))
    }

    fn winners_certificate(&self, host: HostId, key: SpkiHash) -> rusqlite::Result<StoredCertificate> {
        let sql = "SELECT host, serial, key, issued_at, not_after, der FROM certificates WHERE host = ?1 \
                   ORDER BY key = ?2 DESC, issued_at DESC LIMIT 1";
        let found = self.one(sql, params![host, key], certificate)?;
        found.ok_or_else(|| damaged("a pair's host has no certificate"))
    }

    /// Takes one use if one is left and remembers who took it, in one statement; answers how many are taken then.
    fn take_use(
        &self,
        ticket: &Ticket,
        host: &NewHost,
        certificate: &NewCertificate,
        keep_until: Option<Timestamp>,
        from: Option<IpAddr>,
    ) -> rusqlite::Result<Option<u32>> {
        if ticket.max_uses == Some(0) {
            return Ok(None);
        }
        let sql = "INSERT INTO uses (token, used, spent_at, keep_until, last_at, last_host, last_from) \
                   VALUES (?1, 1, CASE WHEN ?2 = 1 THEN ?3 END, ?4, ?3, ?5, ?6) \
                   ON CONFLICT (token) DO UPDATE SET used = used + 1, \
                   spent_at = CASE WHEN used + 1 >= ?2 THEN ?3 END, last_at = ?3, last_host = ?5, last_from = ?6 \
                   WHERE ?2 IS NULL OR used < ?2 RETURNING used";
        let (at, from) = (certificate.issued_at, from.map(|from| from.to_string()));
        let params = params![ticket.token, ticket.max_uses, at, keep_until, host.id, from];
        self.one(sql, params, |row| row.get(0))
    }

    fn name_is_taken(&self, name: &DnsName) -> rusqlite::Result<bool> {
        self.exists(NAME_TAKEN, [name])
    }

    fn insert_host(
        &self,
        host: &NewHost,
        token: TokenId,
        certificate: &NewCertificate,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO hosts (host, name, cluster, roles, token, enrolled_at, newest, newest_seen, ends_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8)";
        let params = params![
            host.id,
            host.name,
            host.cluster,
            Json(&host.roles),
            token,
            certificate.issued_at,
            certificate.serial,
            certificate.not_after,
        ];
        self.execute(sql, params)?;
        self.insert_certificate(host.id, certificate)
    }

    fn insert_pair(
        &self,
        token: TokenId,
        host: HostId,
        certificate: &NewCertificate,
        keep_until: Option<Timestamp>,
    ) -> rusqlite::Result<()> {
        let sql = "INSERT INTO pairs (token, key, host, redeemed_at, keep_until) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.execute(sql, params![token, certificate.key, host, certificate.issued_at, keep_until]).map(drop)
    }
}

/// Whether the authority ever answered to a name, or a live host holds it.
pub(in crate::store::sqlite) const NAME_TAKEN: &str = "SELECT 1 FROM authority_names WHERE name = ?1 UNION ALL \
     SELECT 1 FROM hosts WHERE name = ?1 AND name IS NOT NULL AND revoked_at IS NULL";
