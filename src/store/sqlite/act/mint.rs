//! Recording mints.

use super::Execution;
use crate::access::Actor;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::Json;
use crate::store::{ListKind, MintOutcome, MintRecord, RecordMint};

impl Execution<'_> {
    pub(super) fn record_mint(&mut self, command: RecordMint) -> driver::Result<MintOutcome> {
        let RecordMint { record, by, entry } = command;
        self.ask(&entry)?;
        if !self.signs(&record)? {
            return self.undo(MintOutcome::KeyGone);
        }
        self.insert_mint(&record, &by)?;
        if record.terms.persistent {
            self.insert_token(&record)?;
        }
        let kind = if record.terms.persistent { ListKind::Persistent } else { ListKind::Ephemeral };
        let expiry = record.terms.expires_at.map_or(0, |expires_at| expires_at.millis());
        self.take_index(record.token.status, kind, expiry)?;
        self.enter(entry)?;
        Ok(MintOutcome::Recorded)
    }

    /// Returns whether the token's key signs tokens of its kind. A rotated key may be retired, or verify persistent tokens only.
    fn signs(&self, record: &MintRecord) -> driver::Result<bool> {
        let sql = "SELECT 1 FROM signing_keys WHERE kid = ?1 AND state = 'current' AND (persistent_only = 0 OR ?2 = 1) AND key_use = ?3";
        self.exists(sql, params![record.signing_key, record.terms.persistent, record.kind().key_use()])
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
        let MintRecord { token, terms, signing_key, label, emergency, minter, created_at, audience } = record;
        let params = params![
            token.id,
            signing_key,
            label,
            Json(&terms.roles),
            terms.persistent,
            emergency,
            minter,
            created_at,
            terms.expires_at,
            terms.max_uses,
            Json(&terms.bindings.dns_names),
            terms.host_key,
            terms.bindings.cluster,
            terms.bindings.host,
            terms.policy,
            token.status.list,
            token.status.index,
            token.issuer,
            audience,
            key,
        ];
        self.execute(sql, params)?;
        let sql = "INSERT INTO mint_roles (role, token) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        terms.roles.iter().try_for_each(|role| self.execute(sql, params![role, token.id]).map(drop))
    }

    fn insert_token(&self, record: &MintRecord) -> driver::Result<()> {
        let sql = "INSERT INTO tokens (token, kid, issuer, emergency, expires_at, list, idx) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let params = params![
            record.token.id,
            record.signing_key,
            record.token.issuer,
            record.emergency,
            record.terms.expires_at,
            record.token.status.list,
            record.token.status.index,
        ];
        self.execute(sql, params).map(drop)
    }
}
