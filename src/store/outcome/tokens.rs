//! The outcomes of minting, revoking and rotating.

use serde::Serialize;
use utoipa::ToSchema;

use crate::id::TokenId;
use crate::store::{IdempotencyRecord, TokenState};

/// Outcome of recording a mint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MintOutcome {
    /// The token is valid now.
    Recorded,
    /// Its signing key no longer signs and may be retired, or its policy is deleted. Nothing was written: sign the token again.
    KeyGone,
}

/// Outcome of recording a token that is bound to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostMint {
    /// The token is valid now.
    Recorded,
    /// As [`MintOutcome::KeyGone`].
    KeyGone,
    /// The host has another revision than the one that was judged, or is gone. Nothing was written.
    HostChanged,
    /// The caller has minted a token with this key before. Nothing was written.
    Before,
}

/// Outcome of recording tokens of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchOutcome {
    /// The tokens are valid now.
    Recorded,
    /// Their signing key no longer signs and may be retired, or their policy is deleted. Nothing was written: sign the tokens again.
    KeyGone,
    /// The caller used the idempotency key before. Nothing was written.
    Before(IdempotencyRecord),
}

/// Outcome of revoking a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRevocation {
    /// The token is revoked now.
    Revoked {
        /// Number of hosts revoked with it.
        hosts: u64,
    },
    /// The token was revoked before or has no use left; it stays as it is.
    Before {
        /// Number of its hosts that were revoked; with 0 nothing changed.
        hosts: u64,
    },
    /// The token is the emergency token, without the confirmation; nothing changed.
    Emergency,
    /// The token does not exist.
    Unknown,
}

/// Outcome of revoking many tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokensRevoked {
    /// Number of revoked tokens, without those that were revoked before or have no use left.
    pub tokens: u64,
    /// Number of revoked hosts.
    pub hosts: u64,
    /// Number of ids without a token.
    pub unknown: u64,
    /// True if the emergency token was among them. It and its hosts stay unchanged.
    pub emergency: bool,
}

/// Outcome of revoking many hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostsRevoked {
    /// Number of revoked hosts, without those that were revoked before.
    pub hosts: u64,
    /// Number of ids without a host.
    pub unknown: u64,
}

/// Outcome of releasing a suspended token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenRelease {
    /// The token admits hosts again.
    Released,
    /// The token was not suspended; nothing changed.
    NotSuspended,
    /// The token was revoked, has expired or has no use left; nothing changed.
    Ended,
    /// The token has a use limit, and no number of uses was given; nothing changed.
    UsesLeftRequired,
    /// The token has fewer uses left than were given; nothing changed.
    TooManyUses,
    /// The enrollment token does not exist.
    Unknown,
}

/// Outcome of rotating a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRotation {
    /// The successor is valid now.
    Rotated,
    /// The successor's signing key no longer signs. Nothing was written: sign it again.
    KeyGone,
    /// The token can have no successor; nothing changed.
    Refused(RotationRefusal),
}

/// Reason why a token can have no successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationRefusal {
    /// The enrollment token does not exist.
    Unknown,
    /// The token is the emergency token.
    Emergency,
    /// The token no longer admits hosts; this is its state.
    Ended(TokenState),
    /// The token was rotated before, to this one.
    Before(TokenId),
}

/// Outcome of a run of due revocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DueRevoked {
    /// Number of revoked tokens, without those that had ended already.
    pub tokens: u64,
    /// True if the limit was reached, so that more may be due.
    pub more: bool,
}

/// Outcome of revoking a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostRevocation {
    /// The host is revoked now.
    Revoked,
    /// The host was revoked before; nothing changed.
    Before,
    /// The caller saw another revision of the host; nothing changed.
    Stale,
    /// The host does not exist.
    Unknown,
}
