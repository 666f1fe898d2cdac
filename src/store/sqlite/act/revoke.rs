//! Taking tokens back, alone or with the hosts that they admitted.

use rusqlite::params;

use super::Act;
use crate::clock::Timestamp;
use crate::id::{HostId, StatusRef, TokenId};
use crate::ledger::{Action, Draft, Subjects};
use crate::store::{RevokeToken, RevokeTokens, TokenKind, TokenRevocation, TokensRevoked};

/// What revoking needs of a mint record.
pub(super) struct Minted {
    token: TokenId,
    status: StatusRef,
    persistent: bool,
    emergency: bool,
    kind: TokenKind,
    /// It was revoked before, or no use is left of it: there is nothing to take back.
    over: bool,
}

impl Act<'_> {
    pub(super) fn revoke_token(&mut self, command: RevokeToken) -> rusqlite::Result<TokenRevocation> {
        let RevokeToken { token, kind, even_emergency, only_persistent, entry } = command;
        match self.minted(token)? {
            None => self.undo(TokenRevocation::Unknown),
            Some(minted) if minted.kind != kind => self.undo(TokenRevocation::Unknown),
            Some(minted) if only_persistent && !minted.persistent => self.undo(TokenRevocation::Unknown),
            Some(minted) if minted.over => self.undo(TokenRevocation::Before),
            Some(minted) if minted.emergency && !even_emergency => self.undo(TokenRevocation::Emergency),
            Some(minted) => {
                self.take_back(&minted, entry.at)?;
                self.enter(entry);
                Ok(TokenRevocation::Revoked)
            }
        }
    }

    /// Each token and each host that changes has its entry; what was revoked before, or has no use left, has none.
    pub(super) fn revoke_tokens(&mut self, command: RevokeTokens) -> rusqlite::Result<TokensRevoked> {
        let RevokeTokens { tokens, hosts, even_emergency, entry } = command;
        let mut done = TokensRevoked::default();
        for token in tokens {
            match self.minted(token)?.filter(|minted| minted.kind == TokenKind::Enrollment) {
                None => done.unknown += 1,
                Some(minted) if minted.emergency && !even_emergency => done.emergency = true,
                Some(minted) => self.revoke_whole(&minted, hosts, &entry, &mut done)?,
            }
        }
        if done.tokens + done.hosts == 0 {
            return self.undo(done);
        }
        Ok(done)
    }

    fn revoke_whole(
        &mut self,
        minted: &Minted,
        hosts: bool,
        entry: &Draft,
        done: &mut TokensRevoked,
    ) -> rusqlite::Result<()> {
        let admitted = if hosts { self.live_hosts_of(minted.token)? } else { Vec::new() };
        if !minted.over {
            self.take_back(minted, entry.at)?;
            let entry = entry.clone().about(about(minted.token));
            self.enter(if hosts { entry.with("hosts_revoked", admitted.len()) } else { entry });
            done.tokens += 1;
        }
        for host in admitted {
            self.shut_out(host, entry.at)?;
            let subjects = Subjects { host: Some(host), ..about(minted.token) };
            self.enter(Draft { action: Action::HostRevoked, ..entry.clone() }.about(subjects));
            done.hosts += 1;
        }
        Ok(())
    }

    fn live_hosts_of(&self, token: TokenId) -> rusqlite::Result<Vec<HostId>> {
        let sql = "SELECT host FROM hosts WHERE token = ?1 AND revoked_at IS NULL";
        self.all(sql, [token], |row| row.get(0))
    }

    pub(super) fn minted(&self, token: TokenId) -> rusqlite::Result<Option<Minted>> {
        let sql = "SELECT m.list, m.idx, m.persistent, m.emergency, m.revoked_at IS NOT NULL OR u.spent_at IS NOT NULL, \
                   m.audience IS NOT NULL FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token WHERE m.token = ?1";
        self.one(sql, [token], |row| {
            Ok(Minted {
                token,
                status: StatusRef { list: row.get(0)?, index: row.get(1)? },
                persistent: row.get(2)?,
                emergency: row.get(3)?,
                over: row.get(4)?,
                kind: if row.get(5)? { TokenKind::Service } else { TokenKind::Enrollment },
            })
        })
    }

    /// Revokes the token itself.
    pub(super) fn take_back(&mut self, minted: &Minted, at: Timestamp) -> rusqlite::Result<()> {
        let Minted { token, status, .. } = *minted;
        self.execute("UPDATE mints SET revoked_at = ?2 WHERE token = ?1", params![token, at])?;
        self.execute("UPDATE tokens SET revoked_at = ?2 WHERE token = ?1", params![token, at])?;
        self.set_revoked(&[status])
    }
}

pub(super) fn about(token: TokenId) -> Subjects {
    Subjects { token: Some(token), ..Subjects::default() }
}
