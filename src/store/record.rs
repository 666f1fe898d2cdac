//! What the store keeps, as the rest of the program sees it. No driver type shows here.

mod account;
mod session;
mod setting;

use std::net::IpAddr;

use serde::Serialize;

pub use self::account::{ApiKeyRecord, StoredApiKey, UserRecord};
pub use self::session::SessionRecord;
pub use self::setting::SettingRecord;
use crate::clock::Timestamp;
use crate::id::{HostId, KeyId, ListId, PolicyId, Serial, SpkiHash, StatusRef, Thumbprint, TokenId};
pub use crate::ledger::EntryRecord;
use crate::name::{Cluster, DnsName, DnsPattern, Label, Role};
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

    /// Whether it was neither minted nor used after `since`. One that was used nobody knows when counts as used.
    pub fn unused_since(&self, since: Timestamp) -> bool {
        let used = match self.last_use {
            Some(last) => last.at > since,
            None => self.used > 0,
        };
        self.mint.created_at <= since && !used
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

    /// The state at `now`: revoked before used before expired, where several hold.
    pub fn state(&self, now: Timestamp) -> TokenState {
        match (self.mint.max_uses, self.mint.expires_at) {
            _ if self.revoked_at.is_some() => TokenState::Revoked,
            (Some(1), _) if self.used >= 1 => TokenState::Used,
            (Some(most), _) if self.used >= most => TokenState::Exhausted,
            (_, Some(expires_at)) if expires_at <= now => TokenState::Expired,
            (Some(1), _) => TokenState::Pending,
            _ => TokenState::Active,
        }
    }
}

/// A host that a redemption brings in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewHost {
    /// Its id.
    pub id: HostId,
    /// The DNS name it may use; no two live hosts share one.
    pub name: Option<DnsName>,
    /// The cluster it named.
    pub cluster: Option<Cluster>,
    /// Its roles.
    pub roles: Vec<Role>,
}

/// A host as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostRecord {
    /// Its id.
    pub id: HostId,
    /// The DNS name it may use.
    pub name: Option<DnsName>,
    /// The cluster it named.
    pub cluster: Option<Cluster>,
    /// Its roles from the next certificate on.
    pub roles: Vec<Role>,
    /// The token that admitted it.
    pub token: TokenId,
    /// When it was admitted.
    pub enrolled_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Its newest certificate.
    pub newest: CertificateRecord,
    /// Whether the newest certificate has been used.
    pub newest_seen: bool,
    /// The serial of the certificate before the newest.
    pub previous: Option<Serial>,
}

/// The state of a host: one vocabulary for every list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// Its newest certificate is good.
    Live,
    /// Its newest certificate has expired.
    Expired,
    /// It was shut out.
    Revoked,
}

impl HostState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Live, Self::Expired, Self::Revoked];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl HostRecord {
    /// The state at `now`: revoked before expired.
    pub fn state(&self, now: Timestamp) -> HostState {
        match self.revoked_at {
            Some(_) => HostState::Revoked,
            None if self.newest.not_after <= now => HostState::Expired,
            None => HostState::Live,
        }
    }
}

/// What is known of a certificate without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Its serial number.
    pub serial: Serial,
    /// The key it certifies.
    pub key: SpkiHash,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// Its notAfter.
    pub not_after: Timestamp,
}

/// A certificate with the host it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCertificate {
    /// The host.
    pub host: HostId,
    /// What is known of it.
    pub record: CertificateRecord,
    /// The certificate, DER.
    pub der: Vec<u8>,
}

/// A revoked certificate, as a CRL lists it (RFC 5280 section 5.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number.
    pub serial: Serial,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Its notAfter: from then on no CRL needs it.
    pub not_after: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a certificate was revoked (the CRLReason of RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationReason {
    /// The host was revoked: cessationOfOperation.
    HostRevoked,
    /// A role was taken away: privilegeWithdrawn.
    RolesChanged,
}

/// Where a signing key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published, not signing yet.
    Prepared,
    /// It signs.
    Current,
    /// It verifies only; its private half is destroyed.
    Previous,
    /// It is trusted no more.
    Retired,
}

/// A signing key's public half and its standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// Its RFC 7638 thumbprint.
    pub id: KeyId,
    /// The Ed25519 public key (RFC 8032).
    pub public: [u8; 32],
    /// What it signs.
    pub usage: KeyUse,
    /// Where it stands.
    pub state: KeyState,
    /// Whether it verifies persistent tokens only: it is of an earlier ephemeral epoch.
    pub persistent_only: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which tokens a status list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// Tokens that always expire: the list goes when the last of them has.
    Ephemeral,
    /// Tokens with a row.
    Persistent,
}

/// A status list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListRecord {
    /// Its id.
    pub id: ListId,
    /// Which tokens it holds.
    pub kind: ListKind,
    /// The first index that no recorded token has.
    pub next: u32,
}

/// An external URL of the authority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRecord {
    /// The URL.
    pub url: String,
    /// Whether new tokens name it.
    pub current: bool,
    /// Since when.
    pub since: Timestamp,
}
