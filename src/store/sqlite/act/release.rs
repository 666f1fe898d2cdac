//! Releasing tokens and API keys that a restore suspended.

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{ApiKeyId, TokenId};
use crate::ledger::{Draft, Subjects};
use crate::store::sqlite::driver::{self, params};
use crate::store::sqlite::read::{TOKEN_BY_ID, token as token_record};
use crate::store::{
    ApiKeyRelease, ReleaseApiKeys, ReleaseTokens, TokenRecord, TokenRelease, TokenState, TokenType,
};

impl Execution<'_> {
    /// Releases many tokens. Each released token has its entry.
    pub(super) fn release_tokens(&mut self, command: ReleaseTokens) -> driver::Result<Vec<TokenRelease>> {
        let ReleaseTokens { tokens, uses_left, entry } = command;
        self.ask(&entry)?;
        let mut outcomes = Vec::with_capacity(tokens.len());
        for token in tokens {
            outcomes.push(self.release_token(token, uses_left, &entry)?);
        }
        match outcomes.contains(&TokenRelease::Released) {
            true => Ok(outcomes),
            false => self.undo(outcomes),
        }
    }

    fn release_token(
        &mut self,
        id: TokenId,
        uses_left: Option<u32>,
        entry: &Draft,
    ) -> driver::Result<TokenRelease> {
        let found = self.one(TOKEN_BY_ID, [id], token_record)?;
        let Some(token) = found.filter(|token| token.mint.token_type() == TokenType::Enrollment) else {
            return Ok(TokenRelease::Unknown);
        };
        if let Some(refusal) = refused(&token, entry.at()) {
            return Ok(refusal);
        }
        let mut entry = entry.clone().about(Subjects::token(id));
        if let Some(most) = token.mint.terms.max_uses {
            let left = self.uses_left(id, most)?;
            let kept = match uses_left {
                None => return Ok(TokenRelease::UsesLeftRequired),
                Some(kept) if kept == 0 || kept > left => return Ok(TokenRelease::TooManyUses),
                Some(kept) => kept,
            };
            self.give_up_uses(id, left - kept)?;
            entry = entry.with("uses_left_before", left).with("uses_left", kept);
        }
        self.execute("UPDATE mints SET suspended_at = NULL WHERE token = ?1", [id])?;
        self.set_valid(token.mint.token.status)?;
        self.enter(entry)?;
        Ok(TokenRelease::Released)
    }

    /// Returns the number of uses that neither a host has taken nor a wait holds.
    fn uses_left(&self, token: TokenId, most: u32) -> driver::Result<u32> {
        let sql = "SELECT used + reserved FROM uses WHERE token = ?1";
        let taken = self.one(sql, [token], |row| row.get::<_, u32>(0))?;
        Ok(most.saturating_sub(taken.unwrap_or(0)))
    }

    /// Counts uses as taken. Hosts may have taken them after the backup (I1).
    fn give_up_uses(&self, token: TokenId, uses: u32) -> driver::Result<()> {
        let sql = "INSERT INTO uses (token, used) VALUES (?1, ?2) \
                   ON CONFLICT (token) DO UPDATE SET used = uses.used + excluded.used";
        if uses == 0 { Ok(()) } else { self.execute(sql, params![token, uses]).map(drop) }
    }

    /// Releases many API keys. Each released key has its entry.
    pub(super) fn release_api_keys(&mut self, command: ReleaseApiKeys) -> driver::Result<Vec<ApiKeyRelease>> {
        let ReleaseApiKeys { keys, entry } = command;
        self.ask(&entry)?;
        let mut outcomes = Vec::with_capacity(keys.len());
        for key in keys {
            outcomes.push(self.release_api_key(key, &entry)?);
        }
        match outcomes.contains(&ApiKeyRelease::Released) {
            true => Ok(outcomes),
            false => self.undo(outcomes),
        }
    }

    fn release_api_key(&mut self, key: ApiKeyId, entry: &Draft) -> driver::Result<ApiKeyRelease> {
        let sql = "UPDATE api_keys SET suspended_at = NULL WHERE id = ?1 AND suspended_at IS NOT NULL";
        if self.execute(sql, [key])? == 1 {
            self.enter(entry.clone().about(Subjects::api_key(key)))?;
            return Ok(ApiKeyRelease::Released);
        }
        Ok(match self.exists("SELECT 1 FROM api_keys WHERE id = ?1", [key])? {
            true => ApiKeyRelease::NotSuspended,
            false => ApiKeyRelease::Unknown,
        })
    }
}

/// Returns the outcome for a token that is not suspended at `now`.
fn refused(token: &TokenRecord, now: Timestamp) -> Option<TokenRelease> {
    match token.state(now) {
        TokenState::Suspended => None,
        TokenState::Pending | TokenState::Active => Some(TokenRelease::NotSuspended),
        TokenState::Used | TokenState::Exhausted | TokenState::Expired | TokenState::Revoked => {
            Some(TokenRelease::Ended)
        }
    }
}
