//! The keys and tokens of Elastic Fleet's API.

use super::Execution;
use super::ending::TokensOf;
use crate::clock::Timestamp;
use crate::id::{FleetKeyId, PolicyId, TokenId};
use crate::ledger::{Draft, Subjects};
use crate::name::Label;
use crate::store::sqlite::driver::{self, params};
use crate::store::{
    AddFleetKey, DeleteFleetTokens, FleetMint, MintFleetToken, MintOutcome, RetireFleetKey, Retired,
    Retirement,
};

impl Execution<'_> {
    pub(super) fn add_fleet_key(&mut self, command: AddFleetKey) -> driver::Result<()> {
        let AddFleetKey { key, entry } = command;
        self.insert_fleet_key(key, entry.at())?;
        self.enter(entry)
    }

    pub(super) fn insert_fleet_key(&self, key: FleetKeyId, at: Timestamp) -> driver::Result<()> {
        let sql = "INSERT INTO fleet_keys (number, created_at) VALUES (?1, ?2)";
        self.execute(sql, params![key, at]).map(drop)
    }

    pub(super) fn retire_fleet_key(&mut self, command: RetireFleetKey) -> driver::Result<Retirement> {
        let RetireFleetKey { key, even_needed, successor, entry } = command;
        let at = entry.at();
        let live = "SELECT number = (SELECT max(number) FROM fleet_keys WHERE retired_at IS NULL) \
                    FROM fleet_keys WHERE number = ?1 AND retired_at IS NULL";
        let Some(is_newest) = self.one(live, [key], |row| row.get::<_, bool>(0))? else {
            return self.undo(Retirement::Unknown);
        };
        match successor.filter(|_| is_newest) {
            Some(successor) => self.insert_fleet_key(successor, at)?,
            None if is_newest => return self.undo(Retirement::InUse),
            None => {}
        }
        let needing = self.live_of_fleet_key(key, at)?;
        let tokens = needing.len() as u64;
        if tokens > 0 && !even_needed {
            return self.undo(Retirement::Needed { tokens });
        }
        self.execute("UPDATE fleet_keys SET retired_at = ?2 WHERE number = ?1", params![key, at])?;
        self.enter(entry.with("tokens", tokens).with("compromised", successor.is_some()))?;
        self.end_tokens(&needing, None, at)?;
        self.end_awaited(TokensOf::FleetKey(key), at)?;
        Ok(Retirement::Retired(Retired { tokens, emergency: false }))
    }

    pub(super) fn mint_fleet_token(&mut self, command: MintFleetToken) -> driver::Result<FleetMint> {
        let MintFleetToken(mint) = command;
        if self.is_fleet_name_taken(mint.record.terms.policy, &mint.record.label)? {
            return self.undo(FleetMint::NameTaken);
        }
        Ok(match self.record_mint(mint)? {
            MintOutcome::Recorded => FleetMint::Recorded,
            MintOutcome::KeyGone => FleetMint::KeyGone,
        })
    }

    /// Tokens that have ended count until they are collected.
    fn is_fleet_name_taken(&self, policy: Option<PolicyId>, name: &Label) -> driver::Result<bool> {
        let sql = "SELECT 1 FROM mints WHERE policy = ?1 AND label = ?2 AND label <> '' AND fleet_key IS NOT NULL \
                   AND fleet_removed = 0";
        self.exists(sql, params![policy, name])
    }

    pub(super) fn delete_fleet_tokens(&mut self, command: DeleteFleetTokens) -> driver::Result<u64> {
        let DeleteFleetTokens { tokens, forced, entry } = command;
        let (mut found, mut changed) = (0, false);
        for token in tokens {
            if let Some(is_change) = self.delete_fleet_token(token, forced, &entry)? {
                found += 1;
                changed |= is_change;
            }
        }
        if changed { Ok(found) } else { self.undo(found) }
    }

    /// Returns whether anything changed; `None` if no such token is listed.
    fn delete_fleet_token(
        &mut self,
        token: TokenId,
        forced: bool,
        entry: &Draft,
    ) -> driver::Result<Option<bool>> {
        let listed = "SELECT 1 FROM mints WHERE token = ?1 AND fleet_key IS NOT NULL AND fleet_removed = 0";
        let listed = self.exists(listed, [token])?;
        let Some(minted) = self.minted(token)?.filter(|_| listed) else { return Ok(None) };
        let ends = minted.ends_now();
        if !ends && !forced {
            return Ok(Some(false));
        }
        if ends {
            self.take_back(&minted, entry.at())?;
        }
        let mut entry = entry.clone().about(Subjects::token(token));
        if forced {
            self.execute("UPDATE mints SET fleet_removed = 1 WHERE token = ?1", [token])?;
            entry = entry.with("name_freed", true).with("revoked_before", !ends);
        }
        self.enter(entry)?;
        Ok(Some(true))
    }
}
