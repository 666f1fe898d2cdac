//! Ending live tokens together: their key, their URL or their minter is no longer trusted, or their policy is gone.

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{FleetKeyId, KeyId, PolicyId, StatusRef, TokenId};
use crate::ledger::Origin;
use crate::store::sqlite::driver::{self, Row, params};
use crate::store::sqlite::value::damaged;
use crate::store::{MintOutcome, RecordMint};
use crate::token::LEEWAY;

/// A live token.
pub(super) struct Live {
    token: TokenId,
    status: StatusRef,
    emergency: bool,
}

macro_rules! live {
    ($condition:literal) => {
        concat!(
            "SELECT t.token, t.list, t.idx, t.emergency FROM tokens AS t LEFT JOIN uses AS u ON u.token = t.token WHERE ",
            $condition,
            " AND t.revoked_at IS NULL AND u.spent_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?2)"
        )
    };
}

/// Makes the tokens of a minter, or of an owner's API keys, due.
pub(in crate::store::sqlite) const MAKE_MINTED_DUE: &str = "UPDATE mints SET revoke_at = ?2, revoke_as = ?5 \
     WHERE (minter = ?1 OR owner = ?3) AND coalesce(kind, '') <> 'emergency' AND revoked_at IS NULL \
     AND (expires_at IS NULL OR expires_at > ?4) \
     AND NOT EXISTS (SELECT 1 FROM uses AS u WHERE u.token = mints.token AND u.spent_at IS NOT NULL)";

/// The same for expired tokens whose hosts wait for a decision.
pub(in crate::store::sqlite) const MAKE_AWAITED_DUE: &str = "UPDATE mints SET revoke_at = ?2, revoke_as = ?5 \
     WHERE token IN (SELECT token FROM enrollments WHERE state = 'waiting') AND (minter = ?1 OR owner = ?3) \
     AND revoked_at IS NULL AND expires_at <= ?4";

/// Makes the tokens of a policy due, and expired ones whose hosts wait for a decision.
pub(in crate::store::sqlite) const MAKE_DUE_OF_POLICY: &str = "UPDATE mints SET revoke_at = ?2, revoke_as = ?4 \
     WHERE policy = ?1 AND policy IS NOT NULL AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?3 \
     OR EXISTS (SELECT 1 FROM enrollments AS e WHERE e.token = mints.token AND e.state = 'waiting')) \
     AND NOT EXISTS (SELECT 1 FROM uses AS u WHERE u.token = mints.token AND u.spent_at IS NOT NULL)";

/// A retired key, whose tokens end.
pub(super) enum TokensOf {
    SigningKey(KeyId),
    FleetKey(FleetKeyId),
}

impl Execution<'_> {
    /// Marks the live ephemeral tokens of `signing_key`, or of all keys, as ended. No key verifies them, so their status bits and rows of uses stay
    /// as they are.
    pub(super) fn end_ephemeral(&self, signing_key: Option<KeyId>, at: Timestamp) -> driver::Result<()> {
        let sql = "UPDATE mints SET revoked_at = ?2 WHERE persistent = 0 AND revoked_at IS NULL AND expires_at > ?2 \
                   AND kid = coalesce(?1, kid) \
                   AND NOT EXISTS (SELECT 1 FROM uses AS u WHERE u.token = mints.token AND u.spent_at IS NOT NULL)";
        self.execute(sql, params![signing_key, at]).map(drop)
    }

    /// Marks expired tokens as ended if hosts wait for a decision: nobody may approve them.
    pub(super) fn end_awaited(&self, tokens: TokensOf, at: Timestamp) -> driver::Result<()> {
        let (signing_key, fleet_key) = match tokens {
            TokensOf::SigningKey(key) => (Some(key), None),
            TokensOf::FleetKey(key) => (None, Some(key)),
        };
        let sql = "UPDATE mints SET revoked_at = ?2 \
                   WHERE token IN (SELECT token FROM enrollments WHERE state = 'waiting') \
                   AND (kid = ?1 OR fleet_key = ?3) AND revoked_at IS NULL AND expires_at <= ?2";
        self.execute(sql, params![signing_key, at, fleet_key]).map(drop)
    }

    /// Returns the live persistent tokens of a key and, on request, the emergency token of any key.
    pub(super) fn live_of_key(
        &self,
        signing_key: KeyId,
        emergency_too: bool,
        now: Timestamp,
    ) -> driver::Result<Vec<Live>> {
        let sql = live!("(t.kid = ?1 OR (?3 = 1 AND t.emergency = 1))");
        self.all(sql, params![signing_key, now, emergency_too], live)
    }

    /// Returns those of the tokens that end with their signing key. A token with an `api_key` goes on: only its signed text
    /// ends.
    pub(super) fn ending_with_key(&self, tokens: Vec<Live>) -> driver::Result<Vec<Live>> {
        let goes_on = "SELECT 1 FROM mints WHERE token = ?1 AND fleet_key IS NOT NULL";
        let mut ending = Vec::with_capacity(tokens.len());
        for live in tokens {
            if !self.exists(goes_on, [live.token])? {
                ending.push(live);
            }
        }
        Ok(ending)
    }

    /// Returns the live tokens that a Fleet key gave an `api_key`.
    pub(super) fn live_of_fleet_key(&self, key: FleetKeyId, now: Timestamp) -> driver::Result<Vec<Live>> {
        let sql = live!("t.token IN (SELECT m.token FROM mints AS m WHERE m.fleet_key = ?1)");
        self.all(sql, params![key, now], live)
    }

    /// Returns the live persistent tokens that name an external URL.
    pub(super) fn live_of_issuer(&self, issuer: &str, now: Timestamp) -> driver::Result<Vec<Live>> {
        self.all(live!("t.issuer = ?1"), params![issuer, now], live)
    }

    /// Makes the live tokens of `minter` due, and expired ones for which hosts wait: they admit no host from now on. [`RevokeDue`](crate::store::RevokeDue) revokes them, a
    /// bounded number at a time, as the actor of `origin`. For an `owner`, the tokens of their API keys are included, also of deleted keys. The emergency
    /// token is not. Returns their number.
    pub(super) fn make_minted_due(
        &self,
        minter: &str,
        owner: Option<&str>,
        origin: &Origin,
    ) -> driver::Result<u64> {
        let Origin { at, actor, .. } = origin;
        // A token is accepted for some time after its expiry, as clocks differ.
        let params = params![minter, at, owner, at.minus(LEEWAY), actor];
        let tokens = self.execute(MAKE_MINTED_DUE, params)? + self.execute(MAKE_AWAITED_DUE, params)?;
        Ok(tokens as u64)
    }

    /// Makes the live tokens of a policy due, as those of a minter. Returns their number.
    pub(super) fn make_due_of_policy(&self, policy: PolicyId, origin: &Origin) -> driver::Result<u64> {
        let Origin { at, actor, .. } = origin;
        // A token is accepted for some time after its expiry, as clocks differ.
        let params = params![policy, at, at.minus(LEEWAY), actor];
        Ok(self.execute(MAKE_DUE_OF_POLICY, params)? as u64)
    }

    /// Revokes the tokens. If the emergency token is among them, records `successor`. Returns whether it did.
    pub(super) fn end_tokens(
        &mut self,
        tokens: &[Live],
        successor: Option<RecordMint>,
        at: Timestamp,
    ) -> driver::Result<bool> {
        for ended in tokens {
            self.write_end(ended.token, None, at)?;
        }
        let statuses: Vec<StatusRef> = tokens.iter().map(|token| token.status).collect();
        self.set_revoked(&statuses)?;
        let Some(successor) = successor.filter(|_| tokens.iter().any(|token| token.emergency)) else {
            return Ok(false);
        };
        match self.record_mint(successor)? {
            MintOutcome::Recorded => Ok(true),
            MintOutcome::KeyGone => {
                Err(damaged("the new emergency token is signed with a key that does not sign"))
            }
        }
    }
}

fn live(row: &Row<'_>) -> driver::Result<Live> {
    let status = StatusRef { list: row.get(1)?, index: row.get(2)? };
    Ok(Live { token: row.get(0)?, status, emergency: row.get(3)? })
}
