//! Revoking tokens, alone or with the hosts that they admitted.

use super::Execution;
use crate::clock::Timestamp;
use crate::id::{HostId, StatusRef, TokenId};
use crate::ledger::{Action, Draft, Subjects};
use crate::store::sqlite::driver::{self, params};
use crate::store::{
    KEEP_AFTER_EXPIRY, RevokeToken, RevokeTokens, TokenKind, TokenRevocation, TokenType, TokensRevoked,
};

/// The part of a mint record that revoking needs.
pub(super) struct RevocableToken {
    token: TokenId,
    status: StatusRef,
    persistent: bool,
    /// End of the token's validity; `None` if it never expires.
    expires_at: Option<Timestamp>,
    emergency: bool,
    token_type: TokenType,
    /// True if the token was revoked before or has no use left.
    over: bool,
}

impl RevocableToken {
    /// Returns true if it was not revoked before and has uses left.
    pub(super) const fn ends_now(&self) -> bool {
        !self.over
    }
}

impl Execution<'_> {
    pub(super) fn revoke_token(&mut self, command: RevokeToken) -> driver::Result<TokenRevocation> {
        let RevokeToken { token, token_type, how, entry } = command;
        let wanted = |minted: &RevocableToken| {
            minted.token_type == token_type && (minted.persistent || !how.only_persistent)
        };
        let Some(minted) = self.minted(token)?.filter(wanted) else {
            return self.undo(TokenRevocation::Unknown);
        };
        match self.revoke_one(&minted, how.hosts, how.even_emergency, &entry)? {
            done @ (TokenRevocation::Revoked { .. } | TokenRevocation::Before { hosts: 1.. }) => Ok(done),
            nothing => self.undo(nothing),
        }
    }

    /// Revokes many tokens. Each changed token and host has its entry.
    pub(super) fn revoke_tokens(&mut self, command: RevokeTokens) -> driver::Result<TokensRevoked> {
        let RevokeTokens { tokens, hosts, entry } = command;
        let mut done = TokensRevoked::default();
        for token in tokens {
            let Some(minted) =
                self.minted(token)?.filter(|minted| minted.token_type == TokenType::Enrollment)
            else {
                done.unknown += 1;
                continue;
            };
            match self.revoke_one(&minted, hosts, false, &entry)? {
                TokenRevocation::Revoked { hosts } => {
                    done.tokens += 1;
                    done.hosts += hosts;
                }
                TokenRevocation::Before { hosts } => done.hosts += hosts,
                TokenRevocation::Emergency => done.emergency = true,
                TokenRevocation::Unknown => done.unknown += 1,
            }
        }
        if done.tokens + done.hosts == 0 {
            return self.undo(done);
        }
        Ok(done)
    }

    /// Revokes a token and, on request, every host that it admitted. A live emergency token needs its confirmation; after its end, its
    /// hosts are revoked like any others.
    fn revoke_one(
        &mut self,
        minted: &RevocableToken,
        along: bool,
        confirmed: bool,
        entry: &Draft,
    ) -> driver::Result<TokenRevocation> {
        if minted.emergency && !minted.over && !confirmed {
            return Ok(TokenRevocation::Emergency);
        }
        let admitted = if along { self.live_hosts_of(minted.token)? } else { Vec::new() };
        let hosts = admitted.len() as u64;
        if !minted.over {
            self.take_back(minted, entry.at())?;
            let entry = entry.clone().about(Subjects::token(minted.token));
            self.enter(if along { entry.with("hosts_revoked", hosts) } else { entry })?;
        }
        for host in admitted {
            self.shut_out(host, entry.at())?;
            let subjects = Subjects::host(host).with_token(minted.token);
            self.enter(Draft { action: Action::HostRevoked, ..entry.clone() }.about(subjects))?;
        }
        Ok(match minted.over {
            true => TokenRevocation::Before { hosts },
            false => TokenRevocation::Revoked { hosts },
        })
    }

    fn live_hosts_of(&self, token: TokenId) -> driver::Result<Vec<HostId>> {
        let sql = "SELECT host FROM hosts WHERE token = ?1 AND revoked_at IS NULL";
        self.all(sql, [token], |row| row.get(0))
    }

    pub(super) fn minted(&self, token: TokenId) -> driver::Result<Option<RevocableToken>> {
        let sql = "SELECT m.list, m.idx, m.persistent, m.kind, m.revoked_at IS NOT NULL OR u.spent_at IS NOT NULL, \
                   m.audience IS NOT NULL, m.expires_at FROM mints AS m LEFT JOIN uses AS u ON u.token = m.token WHERE m.token = ?1";
        self.one(sql, [token], |row| {
            Ok(RevocableToken {
                token,
                status: StatusRef { list: row.get(0)?, index: row.get(1)? },
                persistent: row.get(2)?,
                emergency: row.get::<_, Option<TokenKind>>(3)? == Some(TokenKind::Emergency),
                over: row.get(4)?,
                token_type: if row.get(5)? { TokenType::Service } else { TokenType::Enrollment },
                expires_at: row.get(6)?,
            })
        })
    }

    /// Revokes the token itself.
    pub(super) fn take_back(&mut self, minted: &RevocableToken, at: Timestamp) -> driver::Result<()> {
        // The end outlives the mint record for as long as anything may accept the token.
        let keep_until =
            minted.expires_at.filter(|_| !minted.persistent).map(|end| end.plus(KEEP_AFTER_EXPIRY));
        self.write_end(minted.token, keep_until, at)?;
        self.set_revoked(&[minted.status])
    }

    /// Writes a token's end to its row of uses, which decides, and to the rows that lists read.
    pub(super) fn write_end(
        &self,
        token: TokenId,
        keep_until: Option<Timestamp>,
        at: Timestamp,
    ) -> driver::Result<()> {
        let sql = "INSERT INTO uses (token, used, ended_at, keep_until) VALUES (?1, 0, ?2, ?3) \
                   ON CONFLICT (token) DO UPDATE SET ended_at = excluded.ended_at";
        self.execute(sql, params![token, at, keep_until])?;
        self.execute(
            "UPDATE mints SET revoked_at = ?2, suspended_at = NULL WHERE token = ?1",
            params![token, at],
        )?;
        self.execute("UPDATE tokens SET revoked_at = ?2 WHERE token = ?1", params![token, at]).map(drop)
    }
}
