//! Recording mints.

use std::collections::BTreeMap;

use super::Execution;
use crate::access::Actor;
use crate::id::{ListId, StatusRef};
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::Json;
use crate::store::{
    BatchOutcome, HostMint, IDEMPOTENCY_WINDOW, IdempotencyRecord, ListKind, MOST_IDEMPOTENCY_KEYS,
    MintOutcome, MintRecord, MintReenrollment, RecordBatch, RecordMint,
};

impl Execution<'_> {
    pub(super) fn record_mint(&mut self, command: RecordMint) -> driver::Result<MintOutcome> {
        match self.record_all(vec![command])? {
            true => Ok(MintOutcome::Recorded),
            false => self.undo(MintOutcome::KeyGone),
        }
    }

    pub(super) fn mint_reenrollment(&mut self, command: MintReenrollment) -> driver::Result<HostMint> {
        let MintReenrollment { mint, revision, once } = command;
        if self.remember_once(once)?.is_some() {
            return self.undo(HostMint::Before);
        }
        let sql = "UPDATE hosts SET revision = revision + 1 WHERE host = ?1 AND revision = ?2";
        if self.execute(sql, params![mint.record.terms.bindings.host, revision])? == 0 {
            return self.undo(HostMint::HostChanged);
        }
        Ok(match self.record_mint(mint)? {
            MintOutcome::Recorded => HostMint::Recorded,
            MintOutcome::KeyGone => HostMint::KeyGone,
        })
    }

    pub(super) fn record_batch(&mut self, command: RecordBatch) -> driver::Result<BatchOutcome> {
        let RecordBatch { mints, once } = command;
        if let Some(before) = self.remember_once(once)? {
            return self.undo(BatchOutcome::Before(before));
        }
        match self.record_all(mints)? {
            true => Ok(BatchOutcome::Recorded),
            false => self.undo(BatchOutcome::KeyGone),
        }
    }

    /// Records mints with their entries. Returns false if a key of theirs no longer signs, or a policy of theirs was deleted.
    fn record_all(&mut self, mints: Vec<RecordMint>) -> driver::Result<bool> {
        // The highest index and the latest expiry in each list.
        let mut taken: BTreeMap<(ListId, bool), (u32, i64)> = BTreeMap::new();
        let mut signing = None;
        for RecordMint { record, by, entry } in mints {
            self.ask(&entry)?;
            let persistent = record.terms.persistent;
            let signer = (record.signing_key, persistent, record.token_type(), record.terms.policy);
            if signing != Some(signer) && !(self.signs(&record)? && self.has_policy_of(&record)?) {
                return Ok(false);
            }
            signing = Some(signer);
            self.insert_mint(&record, &by)?;
            if persistent {
                self.insert_token(&record)?;
            }
            let StatusRef { list, index } = record.token.status;
            let expiry = record.terms.expires_at.map_or(0, |expires_at| expires_at.millis());
            let highest = taken.entry((list, persistent)).or_default();
            *highest = (highest.0.max(index), highest.1.max(expiry));
            self.enter(entry)?;
        }
        for ((list, persistent), (index, expiry)) in taken {
            let kind = if persistent { ListKind::Persistent } else { ListKind::Ephemeral };
            self.take_index(StatusRef { list, index }, kind, expiry)?;
        }
        Ok(true)
    }

    /// Records the idempotency key of a request, or returns the record that an earlier request has left.
    fn remember_once(&self, once: Option<IdempotencyRecord>) -> driver::Result<Option<IdempotencyRecord>> {
        let Some(once) = once else { return Ok(None) };
        let before = self.idempotency_record(&once.caller, once.key, once.created_at)?;
        if before.is_none() {
            self.remember(&once)?;
        }
        Ok(before)
    }

    /// Records an idempotency key. If the caller has its maximum number, the oldest is deleted.
    fn remember(&self, once: &IdempotencyRecord) -> driver::Result<()> {
        let IdempotencyRecord { caller, key, body, batch, created_at } = once;
        let sql = "DELETE FROM idempotency_keys WHERE caller = ?1 AND (created_at <= ?2 OR digest IN ( \
                   SELECT digest FROM idempotency_keys WHERE caller = ?1 ORDER BY created_at DESC LIMIT 1 OFFSET ?3))";
        let (ended, kept) = (created_at.minus(IDEMPOTENCY_WINDOW), MOST_IDEMPOTENCY_KEYS - 1);
        self.execute(sql, params![caller, ended, kept])?;
        let sql = "INSERT INTO idempotency_keys (caller, digest, body, batch, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.execute(sql, params![caller, key, body, batch, created_at]).map(drop)
    }

    /// Returns whether the token's key signs tokens of its kind. A rotated key may be retired, or verify persistent tokens only.
    fn signs(&self, record: &MintRecord) -> driver::Result<bool> {
        let sql = "SELECT 1 FROM signing_keys WHERE kid = ?1 AND state = 'current' AND (persistent_only = 0 OR ?2 = 1) AND key_use = ?3";
        self.exists(sql, params![record.signing_key, record.terms.persistent, record.token_type().key_use()])
    }

    /// Returns whether the token's policy exists, if it has one. A policy that is deleted leaves no live token.
    fn has_policy_of(&self, record: &MintRecord) -> driver::Result<bool> {
        record.terms.policy.map_or(Ok(true), |policy| self.has_policy(policy))
    }

    fn insert_mint(&self, record: &MintRecord, by: &Actor) -> driver::Result<()> {
        let key = match by {
            Actor::ApiKey(id) => Some(id),
            _ => None,
        };
        let sql = "INSERT INTO mints (token, kid, label, roles, persistent, kind, minter, created_at, expires_at, \
                   max_uses, dns_names, bound_key, cluster, host, policy, list, idx, issuer, audience, expected_hosts, \
                   batch, approval, owner, fleet_key) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, \
                   ?21, ?22, (SELECT owner FROM api_keys WHERE id = ?23), \
                   (SELECT max(number) FROM fleet_keys WHERE retired_at IS NULL AND ?24 = 1))";
        let MintRecord {
            token, terms, signing_key, label, minter, created_at, expected_hosts, batch, ..
        } = record;
        let params = params![
            token.id,
            signing_key,
            label,
            Json(&terms.roles),
            terms.persistent,
            record.kind(),
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
            record.audience(),
            expected_hosts,
            batch,
            terms.approval,
            key,
            record.has_api_key(),
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
            record.is_emergency(),
            record.terms.expires_at,
            record.token.status.list,
            record.token.status.index,
        ];
        self.execute(sql, params).map(drop)
    }
}
