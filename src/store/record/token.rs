//! Tokens as minted and as used.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::access::Act;
use crate::clock::Timestamp;
use crate::id::{HostId, KeyId, TokenId};
use crate::name::Label;
use crate::store::RotationRefusal;
use crate::token::{KeyUse, Terms, TokenRef};

/// The record of a mint: lists show it, and revoking by id needs it. Verifying never reads it; redeeming reads only the
/// index of rotated tokens that have a date to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MintRecord {
    /// Id and status index of the token.
    pub token: TokenRef,
    /// Its terms; a service token has roles and an expiry only.
    pub terms: Terms,
    /// The key that signed it.
    pub signing_key: KeyId,
    /// Its name for people.
    pub label: Label,
    /// True if it is the emergency token.
    pub emergency: bool,
    /// The actor that minted it, as the ledger names actors.
    pub minter: String,
    /// The time of minting.
    pub created_at: Timestamp,
    /// The service it is for; `None` for an enrollment token.
    pub audience: Option<String>,
}

impl MintRecord {
    /// The kind of the token.
    pub const fn kind(&self) -> TokenKind {
        match self.audience {
            Some(_) => TokenKind::Service,
            None => TokenKind::Enrollment,
        }
    }

    /// The act that minting the token was.
    pub fn minting(&self) -> Act<'_> {
        let lasts = self.terms.expires_at.map(|end| end.since(self.created_at.whole_second()));
        match (self.kind(), lasts) {
            (TokenKind::Service, Some(lasts)) => Act::MintServiceToken { roles: &self.terms.roles, lasts },
            _ => minting(&self.terms, lasts),
        }
    }
}

/// The act of minting an enrollment token with these terms; `lasts` is its life.
pub fn minting(terms: &Terms, lasts: Option<Duration>) -> Act<'_> {
    Act::Mint {
        roles: &terms.roles,
        dns_names: &terms.bindings.dns_names,
        persistent: terms.persistent,
        lasts,
        uses: terms.max_uses,
        cluster: terms.bindings.cluster.as_ref(),
    }
}

/// A kind of minted tokens. A token of one kind is never found as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A token that hosts redeem.
    Enrollment,
    /// A token that opens a service. It is ephemeral and has neither uses nor pairs.
    Service,
}

impl TokenKind {
    /// The use of the keys that sign tokens of this kind.
    pub const fn key_use(self) -> KeyUse {
        match self {
            Self::Enrollment => KeyUse::Enrollment,
            Self::Service => KeyUse::Service,
        }
    }
}

/// The state of a token: one vocabulary for every list.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    utoipa::ToSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum TokenState {
    /// Its one use is left.
    Pending,
    /// Several uses left, or unlimited.
    Active,
    /// Its one use is spent.
    Used,
    /// Its last of several uses is spent.
    Exhausted,
    /// It has expired.
    Expired,
    /// It was revoked.
    Revoked,
}

impl TokenState {
    /// The states in which a token admits hosts.
    pub const LIVE: [Self; 2] = [Self::Pending, Self::Active];

    /// The name of the state in answers.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A token in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its mint record.
    pub mint: MintRecord,
    /// Number of uses taken.
    pub used: u32,
    /// Moment of its revocation.
    pub revoked_at: Option<Timestamp>,
    /// Its newest use. `None` if an early version took it and its host is deleted.
    pub last_use: Option<LastUse>,
    /// Id of its successor.
    pub replaced_by: Option<TokenId>,
    /// Moment of its due revocation.
    pub revoke_at: Option<Timestamp>,
}

/// The newest use of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// Moment of the use.
    pub at: Timestamp,
    /// Id of the admitted host.
    pub host: HostId,
    /// Address of the client.
    pub from: Option<IpAddr>,
}

impl TokenRecord {
    /// Returns whether it can have a successor at `now`.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub fn may_rotate(&self, now: Timestamp) -> Result<(), RotationRefusal> {
        match (self.mint.kind(), self.replaced_by, self.state(now)) {
            (TokenKind::Service, ..) => Err(RotationRefusal::Unknown),
            (TokenKind::Enrollment, ..) if self.mint.emergency => Err(RotationRefusal::Emergency),
            (_, _, state) if !TokenState::LIVE.contains(&state) => Err(RotationRefusal::Ended(state)),
            (_, Some(successor), _) => Err(RotationRefusal::Before(successor)),
            (_, None, _) => Ok(()),
        }
    }

    /// Returns the state at `now`. Revoked precedes used, used precedes expired. A token with a due revocation counts as revoked, unless it
    /// had ended before: it admits no host.
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
