//! Tokens as minted and as used.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use crate::access::Act;
use crate::clock::Timestamp;
use crate::id::{BatchId, FleetKeyId, HostId, KeyId, TokenId};
use crate::name::Label;
use crate::store::RotationRefusal;
use crate::store::record::TokenKind;
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
    /// The actor that minted it, as the ledger names actors.
    pub minter: String,
    /// The time of minting.
    pub created_at: Timestamp,
    /// Redeemed by hosts, or for a service.
    pub purpose: TokenPurpose,
    /// Number of hosts that a rollout is for.
    pub expected_hosts: Option<u32>,
    /// The batch it was minted in.
    pub batch: Option<BatchId>,
}

/// Enrollment or service, with the facts of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPurpose {
    /// Hosts redeem it.
    Enrollment(TokenKind),
    /// It opens the service with this URI.
    Service(String),
}

impl MintRecord {
    /// The type of the token.
    pub const fn token_type(&self) -> TokenType {
        match self.purpose {
            TokenPurpose::Enrollment(_) => TokenType::Enrollment,
            TokenPurpose::Service(_) => TokenType::Service,
        }
    }

    /// The kind of an enrollment token.
    pub const fn kind(&self) -> Option<TokenKind> {
        match self.purpose {
            TokenPurpose::Enrollment(kind) => Some(kind),
            TokenPurpose::Service(_) => None,
        }
    }

    /// The service of a service token.
    pub fn audience(&self) -> Option<&str> {
        match &self.purpose {
            TokenPurpose::Enrollment(_) => None,
            TokenPurpose::Service(audience) => Some(audience),
        }
    }

    /// Returns true for the emergency token.
    pub const fn is_emergency(&self) -> bool {
        matches!(self.purpose, TokenPurpose::Enrollment(TokenKind::Emergency))
    }

    /// Returns true if the token has an `api_key` of Elastic Fleet's API: it is persistent and has a policy.
    pub const fn has_api_key(&self) -> bool {
        self.terms.persistent && self.terms.policy.is_some()
    }

    /// The act that minting the token was.
    pub fn minting(&self) -> Act<'_> {
        let lasts = self.terms.expires_at.map(|end| end.since(self.created_at.whole_second()));
        match (self.token_type(), lasts) {
            (TokenType::Service, Some(lasts)) => Act::MintServiceToken { roles: &self.terms.roles, lasts },
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
        policy: terms.policy,
    }
}

/// A type of minted tokens, as the header names it. A token of one type is never found as the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// A token that hosts redeem.
    Enrollment,
    /// A token that opens a service. It is ephemeral and has neither uses nor pairs.
    Service,
}

impl TokenType {
    /// The use of the keys that sign tokens of this type.
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
    /// It admits no host until an administrator releases it: the database was restored.
    Suspended,
    /// It was revoked.
    Revoked,
}

impl TokenState {
    /// The states in which a token admits hosts.
    pub const LIVE: [Self; 2] = [Self::Pending, Self::Active];

    /// The states in which a token can be revoked.
    pub const REVOCABLE: [Self; 3] = [Self::Pending, Self::Active, Self::Suspended];

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
    /// Moment of the restore that suspended it, until it is released.
    pub suspended_at: Option<Timestamp>,
    /// Its newest use. `None` if an early version took it and its host is deleted.
    pub last_use: Option<LastUse>,
    /// Id of its successor.
    pub replaced_by: Option<TokenId>,
    /// Moment of its due revocation.
    pub revoke_at: Option<Timestamp>,
    /// The key that gives it an `api_key`. Every persistent token with a policy has one, and no other token.
    pub fleet_key: Option<FleetKeyId>,
    /// True if Elastic Fleet's API no longer lists it: its name is free.
    pub fleet_removed: bool,
}

/// Time before the expiry of a token that hosts share, from which its expiry is warned of.
pub const EXPIRY_WARNING: Duration = Duration::from_secs(30 * 86_400);

/// A reason to look after a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenWarning {
    /// As many hosts as expected are enrolled, and uses are left: revoke it.
    RolloutComplete,
    /// It is in use and expires within 30 days: rotate it.
    ExpiresSoon,
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
        match (self.mint.token_type(), self.replaced_by, self.state(now)) {
            (TokenType::Service, ..) => Err(RotationRefusal::Unknown),
            (TokenType::Enrollment, ..) if self.mint.is_emergency() => Err(RotationRefusal::Emergency),
            (_, _, state) if !TokenState::LIVE.contains(&state) => Err(RotationRefusal::Ended(state)),
            (_, Some(successor), _) => Err(RotationRefusal::Before(successor)),
            (_, None, _) => Ok(()),
        }
    }

    /// Returns the reason at `now` to look after a live token.
    pub fn warning(&self, now: Timestamp) -> Option<TokenWarning> {
        let MintRecord { terms, expected_hosts, .. } = &self.mint;
        if self.replaced_by.is_some() || !TokenState::LIVE.contains(&self.state(now)) {
            return None;
        }
        match self.mint.kind() {
            Some(TokenKind::Rollout) if expected_hosts.is_some_and(|hosts| self.used >= hosts) => {
                Some(TokenWarning::RolloutComplete)
            }
            Some(TokenKind::Cluster | TokenKind::Policy)
                if self.used > 0 && terms.expires_at.is_some_and(|at| at <= now.plus(EXPIRY_WARNING)) =>
            {
                Some(TokenWarning::ExpiresSoon)
            }
            _ => None,
        }
    }

    /// Returns the state at `now`. Revoked precedes used, used precedes expired, expired precedes suspended. A token with a due revocation counts as revoked, unless it
    /// had ended before: it admits no host.
    pub fn state(&self, now: Timestamp) -> TokenState {
        match (self.mint.terms.max_uses, self.mint.terms.expires_at) {
            _ if self.revoked_at.is_some() => TokenState::Revoked,
            (Some(1), _) if self.used >= 1 => TokenState::Used,
            (Some(most), _) if self.used >= most => TokenState::Exhausted,
            (_, Some(expires_at)) if expires_at <= now => TokenState::Expired,
            _ if self.revoke_at.is_some_and(|due| due <= now) => TokenState::Revoked,
            _ if self.suspended_at.is_some() => TokenState::Suspended,
            (Some(1), _) => TokenState::Pending,
            _ => TokenState::Active,
        }
    }
}
