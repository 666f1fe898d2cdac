//! API keys: creation and deletion.

use serde_json::json;

use super::Execution;
use crate::access::Actor;
use crate::id::ApiKeyId;
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::value::Json;
use crate::store::{ApiKeyCreation, ApiKeyRecord, CreateApiKey, DeleteApiKey, MOST_API_KEYS, Removal};

impl Execution<'_> {
    pub(super) fn create_api_key(&mut self, command: CreateApiKey) -> driver::Result<ApiKeyCreation> {
        let CreateApiKey { key, digest, entry } = command;
        self.ask(&entry)?;
        // Keys without an owner share one bound, against a mistaken script.
        let sql = "SELECT count(*) FROM api_keys WHERE owner IS NOT DISTINCT FROM ?1";
        let kept = self.one(sql, [&key.owner], |row| row.get::<_, u32>(0))?;
        if kept.unwrap_or(0) >= MOST_API_KEYS {
            return self.undo(ApiKeyCreation::TooMany);
        }
        self.insert_api_key(&key, &digest)?;
        self.enter(entry)?;
        Ok(ApiKeyCreation::Created)
    }

    fn insert_api_key(&self, key: &ApiKeyRecord, digest: &[u8; 32]) -> driver::Result<()> {
        let sql = "INSERT INTO api_keys (id, digest, label, owner, creator, scopes, limits, created_at, expires_at, audience) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let params = params![
            key.id,
            digest,
            key.terms.label,
            key.owner,
            key.creator,
            Json(&key.terms.scopes),
            Json(&key.terms.limits),
            key.created_at,
            key.terms.expires_at,
            key.terms.audience,
        ];
        self.execute(sql, params).map(drop)
    }

    pub(super) fn delete_api_key(&mut self, command: DeleteApiKey) -> driver::Result<Option<Removal>> {
        let DeleteApiKey { key, owner, revoke_tokens, entry } = command;
        self.ask(&entry)?;
        let sql = "DELETE FROM api_keys WHERE id = ?1 AND (CAST(?2 AS TEXT) IS NULL OR owner = ?2)";
        if self.execute(sql, params![key, owner])? == 0 {
            return self.undo(None);
        }
        let made = self.delete_keys_made_by(key)?;
        let mut tokens = 0;
        for gone in [key].iter().chain(&made).filter(|_| revoke_tokens) {
            tokens += self.make_minted_due(&Actor::ApiKey(*gone).to_string(), None, &entry.origin)?;
        }
        let api_keys = made.len() as u64;
        self.enter(entry.with("api_keys", json!(made)).with("tokens", tokens))?;
        Ok(Some(Removal { api_keys, tokens }))
    }

    /// Deletes the keys that a key created, those that these created, and so on: an attacker with the key may have created them to stay. No
    /// key outlives its creator, so the chain has no gap.
    fn delete_keys_made_by(&self, key: ApiKeyId) -> driver::Result<Vec<ApiKeyId>> {
        let (mut made, mut makers) = (Vec::new(), vec![key]);
        while let Some(maker) = makers.pop() {
            let sql = "DELETE FROM api_keys WHERE creator = ?1 RETURNING id";
            let some: Vec<ApiKeyId> = self.all(sql, [Actor::ApiKey(maker).to_string()], |row| row.get(0))?;
            makers.extend(&some);
            made.extend(some);
        }
        Ok(made)
    }
}
