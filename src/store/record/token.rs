//! Tokens, as they were minted and as they have been used.

use std::net::IpAddr;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::id::{HostId, KeyId, TokenId};
use crate::name::Label;
use crate::store::RotationRefusal;
use crate::token::{KeyUse, Terms, TokenRef};

/// The record of a mint: lists show it, and revoking by id needs it. Verifying never reads it; redeeming reads only the
/// index of rotated tokens that have a date to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintRecord {
    /// The token.
    pub token: TokenRef,
    /// Its terms; a service token has roles and an expiry only.
    pub terms: Terms,
    /// The key that signed it.
    pub signing_key: KeyId,
    /// Its label.
    pub label: Label,
    /// Whether it is the emergency token.
    pub emergency: bool,
    /// The actor that minted it, as the ledger names actors.
    pub minter: String,
    /// The time of minting.
    pub created_at: Timestamp,
    /// The service it is for; `None` for an enrollment token.
    pub audience: Option<String>,
}

impl MintRecord {
    /// Which kind of token it is.
    pub const fn kind(&self) -> TokenKind {
        match self.audience {
            Some(_) => TokenKind::Service,
            None => TokenKind::Enrollment,
        }
    }
}

/// The kinds of token that are minted: what is listed, shown or taken back as the one is not found as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Hosts redeem it.
    Enrollment,
    /// A service lets its holder in. It is ephemeral, and has neither uses nor pairs.
    Service,
}

impl TokenKind {
    /// What signs tokens of this kind.
    pub const fn key_use(self) -> KeyUse {
        match self {
            Self::Enrollment => KeyUse::Enrollment,
            Self::Service => KeyUse::Service,
        }
    }
}

/// The state of a token: one vocabulary for every list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenState {
    /// One use, not used.
    Pending,
    /// Several uses left, or unlimited.
    Active,
    /// Its one use is spent.
    Used,
    /// Its last of several uses is spent.
    Exhausted,
    /// Its expiry has passed.
    Expired,
    /// Taken back.
    Revoked,
}

impl TokenState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Active, Self::Used, Self::Exhausted, Self::Expired, Self::Revoked];

    /// Those in which a token still admits hosts.
    pub const LIVE: [Self; 2] = [Self::Pending, Self::Active];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Used => "used",
            Self::Exhausted => "exhausted",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// A token as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// What was minted.
    pub mint: MintRecord,
    /// How many uses are taken.
    pub used: u32,
    /// When it was taken back, if it was.
    pub revoked_at: Option<Timestamp>,
    /// When its last use was taken, if none is left.
    pub spent_at: Option<Timestamp>,
    /// Its newest use; `None` also for one that was taken before this was kept, and whose host has gone since.
    pub last_use: Option<LastUse>,
    /// The token that takes its place, if it was rotated.
    pub replaced_by: Option<TokenId>,
    /// When it is revoked by itself, if it was rotated.
    pub revoke_at: Option<Timestamp>,
}

/// The newest use of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When.
    pub at: Timestamp,
    /// The host that it admitted.
    pub host: HostId,
    /// From where it asked.
    pub from: Option<IpAddr>,
}

impl TokenRecord {
    /// A token as it was minted, before anything happened to it.
    pub const fn fresh(mint: MintRecord) -> Self {
        Self {
            mint,
            used: 0,
            revoked_at: None,
            spent_at: None,
            last_use: None,
            replaced_by: None,
            revoke_at: None,
        }
    }

    /// Whether it can have a successor at `now`.
    ///
    /// # Errors
    /// Why not.
    pub fn may_rotate(&self, now: Timestamp) -> Result<(), RotationRefusal> {
        match (self.mint.kind(), self.replaced_by, self.state(now)) {
            (TokenKind::Service, ..) => Err(RotationRefusal::Unknown),
            (TokenKind::Enrollment, ..) if self.mint.emergency => Err(RotationRefusal::Emergency),
            (_, _, state) if !TokenState::LIVE.contains(&state) => Err(RotationRefusal::Ended(state)),
            (_, Some(successor), _) => Err(RotationRefusal::Before(successor)),
            (_, None, _) => Ok(()),
        }
    }

    /// The state at `now`: revoked before used before expired, where several hold. Where its time has come it counts as revoked,
    /// unless it had ended by then: it admits nobody, whenever that is written down.
    pub fn state(&self, now: Timestamp) -> TokenState {
        match (self.mint.terms.max_uses, self.mint.terms.expires_at) {
            _ if self.revoked_at.is_some() => TokenState::Revoked,
            (Some(1), _) if self.used >= 1 => TokenState::Used,
            (Some(most), _) if self.used >= most => TokenState::Exhausted,
            (_, Some(expires_at)) if expires_at <= now => TokenState::Expired,
            _ if self.revoke_at.is_some_and(|due| due <= now) => TokenState::Revoked,
            (Some(1), _) => TokenState::Pending,
            _ => TokenState::Active,
        }
    }
}
