//! What takes tokens and hosts back together, and what replaces a token.

use super::RecordMint;
use crate::clock::Timestamp;
use crate::id::{HostId, TokenId};
use crate::ledger::Draft;
use crate::store::TokenKind;

/// See [`Verbs::revoke_token`](crate::store::Verbs::revoke_token).
pub struct RevokeToken {
    /// The token.
    pub token: TokenId,
    /// Only a token of this kind is found.
    pub kind: TokenKind,
    /// Refuse with [`TokenRevocation::Emergency`](crate::store::TokenRevocation::Emergency)
    pub even_emergency: bool,
    /// Only a persistent token is found; the Elastic list knows no other.
    pub only_persistent: bool,
    /// Every host that it admitted and that is not revoked yet is revoked with it, whether it was revoked before or not.
    pub hosts: bool,
    /// What the entries of the token and of each host begin with.
    pub entry: Draft,
}

/// See [`Verbs::revoke_host`](crate::store::Verbs::revoke_host).
pub struct RevokeHost {
    /// The host.
    pub host: HostId,
    /// When.
    pub at: Timestamp,
    /// The entry.
    pub entry: Draft,
}

/// See [`Verbs::revoke_tokens`](crate::store::Verbs::revoke_tokens). Only enrollment tokens are found; the emergency
/// token is left as it is, and its hosts with it, as long as it is live.
pub struct RevokeTokens {
    /// The tokens.
    pub tokens: Vec<TokenId>,
    /// Every host that they admitted and that is not revoked yet is revoked with them, whether the tokens themselves were
    /// revoked before or not.
    pub hosts: bool,
    /// What the entry of each token and of each host begins with.
    pub entry: Draft,
}

/// See [`Verbs::revoke_hosts`](crate::store::Verbs::revoke_hosts).
pub struct RevokeHosts {
    /// The hosts.
    pub hosts: Vec<HostId>,
    /// What the entry of each begins with.
    pub entry: Draft,
}

/// See [`Verbs::rotate_token`](crate::store::Verbs::rotate_token). Only a token that still admits hosts has a successor, and only one.
pub struct RotateToken {
    /// The token.
    pub token: TokenId,
    /// Its successor.
    pub successor: RecordMint,
    /// When it is revoked; `None` = at once.
    pub revoke_at: Option<Timestamp>,
    /// The entry about the token itself.
    pub entry: Draft,
}

/// See [`Verbs::revoke_due`](crate::store::Verbs::revoke_due).
pub struct RevokeDue {
    /// Now.
    pub now: Timestamp,
    /// How many tokens at most.
    pub most: u32,
}
