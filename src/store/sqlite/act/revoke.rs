//! Taking a token back.

use rusqlite::params;

use super::Act;
use crate::id::StatusRef;
use crate::store::{RevokeToken, TokenKind, TokenRevocation};

/// What revoking needs of a mint record.
struct Minted {
    status: StatusRef,
    persistent: bool,
    emergency: bool,
    kind: TokenKind,
    revoked: bool,
}

impl Act<'_> {
    pub(super) fn revoke_token(&mut self, command: RevokeToken) -> rusqlite::Result<TokenRevocation> {
        let RevokeToken { token, kind, even_emergency, only_persistent, entry } = command;
        let sql = "SELECT list, idx, persistent, emergency, revoked_at IS NOT NULL, audience IS NOT NULL FROM mints WHERE token = ?1";
        let minted = self.one(sql, [token], |row| {
            Ok(Minted {
                status: StatusRef { list: row.get(0)?, index: row.get(1)? },
                persistent: row.get(2)?,
                emergency: row.get(3)?,
                revoked: row.get(4)?,
                kind: if row.get(5)? { TokenKind::Service } else { TokenKind::Enrollment },
            })
        })?;
        match minted {
            None => self.undo(TokenRevocation::Unknown),
            Some(minted) if minted.kind != kind => self.undo(TokenRevocation::Unknown),
            Some(minted) if only_persistent && !minted.persistent => self.undo(TokenRevocation::Unknown),
            Some(minted) if minted.revoked => self.undo(TokenRevocation::Before),
            Some(minted) if minted.emergency && !even_emergency => self.undo(TokenRevocation::Emergency),
            Some(minted) => {
                self.execute("UPDATE mints SET revoked_at = ?2 WHERE token = ?1", params![token, entry.at])?;
                self.execute("UPDATE tokens SET revoked_at = ?2 WHERE token = ?1", params![token, entry.at])?;
                self.set_revoked(&[minted.status])?;
                self.enter(entry);
                Ok(TokenRevocation::Revoked)
            }
        }
    }
}
