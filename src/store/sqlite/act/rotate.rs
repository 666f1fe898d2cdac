//! The successor of a token, and due revocations.

use super::Execution;
use crate::id::TokenId;
use crate::ledger::{Action, Draft, Subjects};
use crate::store::sqlite::driver::{self, Row, params};
use crate::store::sqlite::read::{TOKEN_BY_ID, token as token_record};
use crate::store::sqlite::value::damaged;
use crate::store::{DueRevoked, MintOutcome, RevokeDue, RotateToken, RotationRefusal, TokenRotation};
use crate::token::LEEWAY;

/// A token whose revocation is due.
struct Due {
    token: TokenId,
    replaced_by: Option<TokenId>,
    /// The actor that rotated it, or deleted its minter or its policy.
    actor: String,
    /// True if the token has no use left, or has expired and no host waits, so that there is nothing to revoke.
    over: bool,
}

impl Execution<'_> {
    pub(super) fn rotate_token(&mut self, command: RotateToken) -> driver::Result<TokenRotation> {
        let RotateToken { token, successor, revoke_at, entry } = command;
        let record = self.one(TOKEN_BY_ID, [token], token_record)?;
        let judged = record.map_or(Err(RotationRefusal::Unknown), |record| record.may_rotate(entry.at()));
        if let Err(refusal) = judged {
            return self.undo(TokenRotation::Refused(refusal));
        }
        let replaced_by = successor.record.token.id;
        match self.record_mint(successor)? {
            MintOutcome::Recorded => {}
            MintOutcome::KeyGone => return self.undo(TokenRotation::KeyGone),
        }
        let sql = "UPDATE mints SET replaced_by = ?2, revoke_at = ?3, revoke_as = ?4 WHERE token = ?1";
        self.execute(sql, params![token, replaced_by, revoke_at.unwrap_or(entry.at()), entry.origin.actor])?;
        self.enter(entry.clone())?;
        if revoke_at.is_none() {
            self.end_due(token, Some(replaced_by), Draft { action: Action::TokenRevoked, ..entry })?;
        }
        Ok(TokenRotation::Rotated)
    }

    pub(super) fn revoke_due(&mut self, command: RevokeDue) -> driver::Result<DueRevoked> {
        // A token is accepted for some time after its expiry, as clocks differ.
        let sql = "SELECT m.token, m.replaced_by, m.revoke_as, u.spent_at IS NOT NULL OR (m.expires_at IS NOT NULL AND m.expires_at <= ?3 \
                   AND NOT EXISTS (SELECT 1 FROM enrollments AS e WHERE e.token = m.token AND e.state = 'waiting')) \
                   FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token \
                   WHERE m.revoke_at <= ?1 AND m.revoke_at IS NOT NULL AND m.revoked_at IS NULL LIMIT ?2";
        let read = |row: &Row<'_>| {
            Ok(Due { token: row.get(0)?, replaced_by: row.get(1)?, actor: row.get(2)?, over: row.get(3)? })
        };
        let RevokeDue { now, most } = command;
        let due: Vec<Due> = self.all(sql, params![now, most, now.minus(LEEWAY)], read)?;
        if due.is_empty() {
            return self.undo(DueRevoked::default());
        }
        let mut done = DueRevoked { tokens: 0, more: due.len() as u64 >= u64::from(most) };
        for Due { token, replaced_by, actor, over } in due {
            if over {
                self.execute("UPDATE mints SET revoke_at = NULL WHERE token = ?1", [token])?;
            } else {
                self.end_due(token, replaced_by, Draft::done(Action::TokenRevoked, now, actor))?;
                done.tokens += 1;
            }
        }
        Ok(done)
    }

    fn end_due(&mut self, token: TokenId, replaced_by: Option<TokenId>, entry: Draft) -> driver::Result<()> {
        let minted = self.minted(token)?.ok_or_else(|| damaged("a token that is due is not there"))?;
        self.take_back(&minted, entry.at())?;
        let entry = Draft { detail: serde_json::Map::new(), ..entry }.about(Subjects::token(token));
        self.enter(match replaced_by {
            Some(successor) => entry.with("replaced_by", successor.to_string()),
            None => entry,
        })
    }
}
