//! How minting and taking back can end.

use crate::id::TokenId;
use crate::store::TokenState;

/// How recording a mint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minted {
    /// The token is good from now on.
    Recorded,
    /// The key that signed it signs no more: it may be retired already. Nothing was written; sign it again.
    KeyGone,
}

/// How taking a token back ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRevocation {
    /// It is revoked now.
    Revoked {
        /// How many hosts were revoked with it.
        hosts: u64,
    },
    /// It was revoked before, or no use is left of it: it stays as it is.
    Before {
        /// How many hosts that it had admitted were revoked; if there was none, nothing changed.
        hosts: u64,
    },
    /// It is the emergency token, and that was not confirmed; nothing changed.
    Emergency,
    /// There is no such token.
    Unknown,
}

/// What taking tokens back together did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokensRevoked {
    /// How many tokens are revoked now; those that were before, or have no use left, are not counted.
    pub tokens: u64,
    /// How many hosts are revoked now.
    pub hosts: u64,
    /// How many tokens there are none of.
    pub unknown: u64,
    /// Whether the emergency token was among them: it was left as it is, and its hosts with it.
    pub emergency: bool,
}

/// What revoking hosts together did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostsRevoked {
    /// How many are revoked now; those that were before are not counted.
    pub hosts: u64,
    /// How many there are none of.
    pub unknown: u64,
}

/// How rotating a token ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRotation {
    /// Its successor is good from now on.
    Rotated,
    /// The key that signed the successor signs no more. Nothing was written; sign it again.
    KeyGone,
    /// It can have no successor; nothing changed.
    Refused(RotationRefusal),
}

/// Why a token can have no successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationRefusal {
    /// There is no such enrollment token.
    Unknown,
    /// It is the emergency token.
    Emergency,
    /// It admits no hosts any more, this being its state.
    Ended(TokenState),
    /// It was rotated before, to this token.
    Before(TokenId),
}

/// What a run of due revocations did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DueRevoked {
    /// How many tokens are revoked now; those that had ended by themselves are not counted.
    pub tokens: u64,
    /// Whether the limit was met, so that more may be due.
    pub more: bool,
}

/// How revoking a host ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostRevocation {
    /// It is revoked now.
    Revoked,
    /// It was revoked before; nothing changed.
    Before,
    /// There is no such host.
    Unknown,
}
