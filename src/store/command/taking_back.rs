//! The verbs that revoke tokens and hosts, and the rotation of a token.

use super::RecordMint;
use crate::clock::Timestamp;
use crate::id::{HostId, TokenId};
use crate::ledger::Draft;
use crate::store::TokenType;

/// See [`Verbs::revoke_token`](crate::store::Verbs::revoke_token).
pub struct RevokeToken {
    /// Id of the token.
    pub token: TokenId,
    /// The type. A token of another type is not found.
    pub token_type: TokenType,
    /// The options.
    pub how: HowToRevoke,
    /// The base of the entries of the token and of each host.
    pub entry: Draft,
}

/// Options of a revocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HowToRevoke {
    /// True to revoke even the live emergency token. Otherwise the outcome is
    /// [`TokenRevocation::Emergency`](crate::store::TokenRevocation::Emergency).
    pub even_emergency: bool,
    /// True if only a persistent token is found: the Elastic list has no others.
    pub only_persistent: bool,
    /// True to revoke every live host that the token admitted, also if the token was revoked before.
    pub hosts: bool,
}

/// See [`Verbs::revoke_host`](crate::store::Verbs::revoke_host).
pub struct RevokeHost {
    /// Id of the host.
    pub host: HostId,
    /// The revision that the caller saw; `None`: any.
    pub revision: Option<u64>,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::revoke_tokens`](crate::store::Verbs::revoke_tokens). Only enrollment tokens are found. A live emergency token and its hosts
/// stay unchanged.
pub struct RevokeTokens {
    /// Ids of the tokens.
    pub tokens: Vec<TokenId>,
    /// True to revoke every live host that the tokens admitted, also if a token was revoked before.
    pub hosts: bool,
    /// The base of the entries of each token and of each host.
    pub entry: Draft,
}

/// See [`Verbs::revoke_hosts`](crate::store::Verbs::revoke_hosts).
pub struct RevokeHosts {
    /// Ids of the hosts.
    pub hosts: Vec<HostId>,
    /// The base of each host's entry.
    pub entry: Draft,
}

/// See [`Verbs::rotate_token`](crate::store::Verbs::rotate_token). Only a token that still admits hosts gets a successor, and only one.
pub struct RotateToken {
    /// Id of the token.
    pub token: TokenId,
    /// The token that replaces it.
    pub successor: RecordMint,
    /// Moment of its revocation; `None` for at once.
    pub revoke_at: Option<Timestamp>,
    /// The entry of the token.
    pub entry: Draft,
}

/// See [`Verbs::revoke_due`](crate::store::Verbs::revoke_due).
pub struct RevokeDue {
    /// Moment of the run.
    pub now: Timestamp,
    /// Maximum number of tokens.
    pub most: u32,
}
