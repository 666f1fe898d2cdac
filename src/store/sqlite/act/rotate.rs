//! A token's successor, and the end of the token itself when its time has come.

use rusqlite::params;

use super::Act;
use super::revoke::about;
use crate::id::TokenId;
use crate::ledger::{Action, Draft};
use crate::store::sqlite::read::{TOKEN_BY_ID, token as token_record};
use crate::store::sqlite::value::damaged;
use crate::store::{
    DueRevoked, Minted, RevokeDue, RotateToken, TokenKind, TokenRecord, TokenRotation, TokenState,
};

impl Act<'_> {
    pub(super) fn rotate_token(&mut self, command: RotateToken) -> rusqlite::Result<TokenRotation> {
        let RotateToken { token, successor, revoke_at, entry } = command;
        let record = self.one(TOKEN_BY_ID, [token], token_record)?;
        if let Err(outcome) = judge(record, &entry) {
            return self.undo(outcome);
        }
        let replaced_by = successor.record.token;
        match self.record_mint(successor)? {
            Minted::Recorded => {}
            Minted::KeyGone => return self.undo(TokenRotation::KeyGone),
            Minted::MinterGone => return self.undo(TokenRotation::MinterGone),
        }
        let sql = "UPDATE mints SET replaced_by = ?2, revoke_at = ?3, revoke_as = ?4 WHERE token = ?1";
        self.execute(sql, params![token, replaced_by, revoke_at.unwrap_or(entry.at), entry.actor])?;
        self.enter(entry.clone());
        if revoke_at.is_none() {
            self.end_rotated(token, replaced_by, Draft { action: Action::TokenRevoked, ..entry })?;
        }
        Ok(TokenRotation::Rotated)
    }

    pub(super) fn revoke_due(&mut self, command: &RevokeDue) -> rusqlite::Result<DueRevoked> {
        let sql = "SELECT token, replaced_by, revoke_as FROM mints \
                   WHERE revoke_at <= ?1 AND revoke_at IS NOT NULL AND revoked_at IS NULL LIMIT ?2";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?));
        let due: Vec<(TokenId, TokenId, String)> = self.all(sql, params![command.now, command.most], read)?;
        if due.is_empty() {
            return self.undo(DueRevoked::default());
        }
        let tokens = due.len() as u64;
        for (token, replaced_by, actor) in due {
            self.end_rotated(token, replaced_by, Draft::done(Action::TokenRevoked, command.now, actor))?;
        }
        Ok(DueRevoked { tokens, more: tokens >= u64::from(command.most) })
    }

    fn end_rotated(&mut self, token: TokenId, replaced_by: TokenId, entry: Draft) -> rusqlite::Result<()> {
        let minted = self.minted(token)?.ok_or_else(|| damaged("a token that was rotated is not there"))?;
        self.take_back(&minted, entry.at)?;
        let detail = serde_json::Map::new();
        self.enter(
            Draft { detail, ..entry }.about(about(token)).with("replaced_by", replaced_by.to_string()),
        );
        Ok(())
    }
}

/// Whether the token can have a successor.
fn judge(record: Option<TokenRecord>, entry: &Draft) -> Result<(), TokenRotation> {
    let record = record.filter(|record| record.mint.kind() == TokenKind::Enrollment);
    let Some(record) = record else { return Err(TokenRotation::Unknown) };
    match (record.replaced_by, record.state(entry.at)) {
        _ if record.mint.emergency => Err(TokenRotation::Emergency),
        (_, state) if !TokenState::LIVE.contains(&state) => Err(TokenRotation::Ended(state)),
        (Some(successor), _) => Err(TokenRotation::Before(successor)),
        (None, _) => Ok(()),
    }
}
