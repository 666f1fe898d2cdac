//! Tokens, as they were minted and as they have been used.

use std::net::IpAddr;

use serde::Serialize;

use crate::clock::Timestamp;
use crate::id::{HostId, KeyId, PolicyId, StatusRef, Thumbprint, TokenId};
use crate::name::{Cluster, DnsPattern, Label, Role};
use crate::store::RotationRefusal;
use crate::token::KeyUse;

/// One mint: what lists show and what revoking by id needs. Verifying never reads it, and redeeming only
/// what there is of rotated ones whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintRecord {
    /// The token.
    pub token: TokenId,
    /// The key that signed it.
    pub key: KeyId,
    /// The external URL that it names.
    pub issuer: String,
    /// What it is known by.
    pub label: Label,
    /// The roles it gives.
    pub roles: Vec<Role>,
    /// Whether it lives in a row of its own.
    pub persistent: bool,
    /// Whether it is the emergency token.
    pub emergency: bool,
    /// Who minted it, as the ledger names actors.
    pub minter: String,
    /// When.
    pub created_at: Timestamp,
    /// Until when it is good; `None` = until revoked, which only a persistent token may say.
    pub expires_at: Option<Timestamp>,
    /// How many hosts it may admit; `None` = unlimited.
    pub max_uses: Option<u32>,
    /// The name patterns it allows.
    pub dns_names: Vec<DnsPattern>,
    /// The only key that may redeem it.
    pub bound_key: Option<Thumbprint>,
    /// The cluster it is bound to.
    pub cluster: Option<Cluster>,
    /// The host it re-enrolls.
    pub host: Option<HostId>,
    /// The policy it gives.
    pub policy: Option<PolicyId>,
    /// Its place in the status lists.
    pub status: StatusRef,
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
        match (self.mint.max_uses, self.mint.expires_at) {
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
