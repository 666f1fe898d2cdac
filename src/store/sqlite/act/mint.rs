//! Recording what was minted.

use super::Act;
use crate::access::Actor;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::Json;
use crate::store::{ListKind, MintRecord, Minted, RecordMint};

impl Act<'_> {
    pub(super) fn record_mint(&mut self, command: RecordMint) -> driver::Result<Minted> {
        let RecordMint { record, by, entry } = command;
        self.ask(&entry)?;
        if !self.signs(&record)? {
            return self.undo(Minted::KeyGone);
        }
        self.insert_mint(&record, &by)?;
        if record.persistent {
            self.insert_token(&record)?;
        }
        let kind = if record.persistent { ListKind::Persistent } else { ListKind::Ephemeral };
        let expiry = record.expires_at.map_or(0, |expires_at| expires_at.millis());
        self.take_index(record.status, kind, expiry)?;
        self.enter(entry)?;
        Ok(Minted::Recorded)
    }

    /// Whether the key of this token is the one that signs tokens of its kind: one that was rotated away may be retired by now, or verify
    /// persistent tokens only.
    fn signs(&self, record: &MintRecord) -> driver::Result<bool> {
        let sql = "SELECT 1 FROM signing_keys WHERE kid = ?1 AND state = 'current' AND (persistent_only = 0 OR ?2 = 1) AND key_use = ?3";
        self.exists(sql, params![record.key, record.persistent, record.kind().key_use()])
    }

    fn insert_mint(&self, record: &MintRecord, by: &Actor) -> driver::Result<()> {
        let key = match by {
            Actor::ApiKey(id) => Some(id),
            _ => None,
        };
        let sql = "INSERT INTO mints (token, kid, label, roles, persistent, emergency, minter, created_at, expires_at, \
                   max_uses, dns_names, bound_key, cluster, host, policy, list, idx, issuer, audience, owner) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, \
                   (SELECT owner FROM api_keys WHERE id = ?20))";
        let params = params![
            record.token,
            record.key,
            record.label,
            Json(&record.roles),
            record.persistent,
            record.emergency,
            record.minter,
            record.created_at,
            record.expires_at,
            record.max_uses,
            Json(&record.dns_names),
            record.bound_key,
            record.cluster,
            record.host,
            record.policy,
            record.status.list,
            record.status.index,
            record.issuer,
            record.audience,
            key,
        ];
        self.execute(sql, params)?;
        let sql = "INSERT INTO mint_roles (role, token) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        record.roles.iter().try_for_each(|role| self.execute(sql, params![role, record.token]).map(drop))
    }

    fn insert_token(&self, record: &MintRecord) -> driver::Result<()> {
        let sql = "INSERT INTO tokens (token, kid, issuer, emergency, expires_at, list, idx) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let params = params![
            record.token,
            record.key,
            record.issuer,
            record.emergency,
            record.expires_at,
            record.status.list,
            record.status.index,
        ];
        self.execute(sql, params).map(drop)
    }
}
