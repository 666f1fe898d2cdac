//! How the store's verbs can end.

use super::record::*;
use crate::id::{HostId, KeyId, Serial, TokenId};

/// How founding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Founded {
    /// It is done.
    Now,
    /// It had been done before; nothing changed.
    Before,
}

/// How recording a mint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Minted {
    /// The token is good from now on.
    Recorded,
    /// The key that signed it signs no more: it may be retired already. Nothing was written; sign it again.
    KeyGone,
}

/// How a redemption ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The pair is new: one use was taken and the host exists.
    First,
    /// The pair had redeemed before, or won a race: this is its certificate. Nothing was written.
    Again(StoredCertificate),
    /// Nothing was written.
    Refused(RedeemRefusal),
}

/// Why the transaction refused a redemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedeemRefusal {
    /// The token was revoked, or is persistent and has no row.
    TokenRevoked,
    /// No use is left.
    TokenSpent,
    /// The key belongs to a revoked host.
    HostRevoked,
    /// The authority answers to the name, now or before, or a live host holds it.
    NameTaken,
}

/// How a renewal or a recertification ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// The new certificate is stored; it is the newest of the host's lineage.
    First,
    /// The same, by the certificate before the newest: this newest one was never seen, and is superseded. An answer and
    /// its key were lost, or two machines hold one identity.
    Replaced(Serial),
    /// The newest certificate is for the same key already: this one. Nothing was written.
    Again(StoredCertificate),
    /// The row's roles are these; build the certificate again. Nothing was written.
    RolesChanged,
    /// Nothing was written.
    Refused(RenewRefusal),
}

/// Why the transaction refused a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewRefusal {
    /// No such host, or no such pair.
    Unknown,
    /// The host is revoked, or the key belongs to a revoked host.
    HostRevoked,
    /// The presented certificate is revoked.
    CertificateRevoked,
    /// The presented certificate was superseded and its successor has been used: two machines hold one identity.
    LineageConflict,
    /// The host has renewed [`MOST_RENEWALS`](super::MOST_RENEWALS) times lately.
    TooOften,
    /// The token of a recertification was revoked.
    TokenRevoked,
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

/// How a change of roles ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolesChange {
    /// The host after it.
    Changed(Box<HostRecord>),
    /// The host has these roles already.
    Unchanged(Box<HostRecord>),
    /// The host is revoked.
    HostRevoked,
    /// There is no such host.
    Unknown,
}

/// How moving the signing keys on ended: every key that is not retired, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The keys.
    pub keys: Vec<KeyRecord>,
}

/// How retiring a key ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// It is retired, and with it this many persistent tokens.
    Retired {
        /// How many live persistent tokens ended.
        tokens: u64,
        /// Whether the emergency token was among them and its successor is recorded.
        emergency: bool,
    },
    /// Live persistent tokens need it; nothing changed.
    Needed {
        /// How many.
        tokens: u64,
    },
    /// It is the current or the prepared key, and not compromised; nothing changed.
    InUse,
    /// There is no such key, or it was retired before.
    Unknown,
}

/// How retiring an issuer URL ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerRetirement {
    /// Tokens that name it are refused from now on, and the persistent ones are revoked.
    Retired {
        /// How many live persistent tokens ended.
        tokens: u64,
        /// Whether the emergency token was among them and its successor is recorded.
        emergency: bool,
    },
    /// Live persistent tokens name it; nothing changed.
    Needed {
        /// How many.
        tokens: u64,
    },
    /// It is the current one; nothing changed.
    Current,
    /// It was never one of ours, or was retired before.
    Unknown,
}

/// How creating a user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserCreation {
    /// The user is there.
    Created,
    /// The name is taken; nothing changed.
    Taken,
}

/// How a change of a user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// It is done.
    Done,
    /// The user is not as the change was judged upon: judge again. Nothing changed.
    Moved,
    /// It would leave no enabled admin without limits; nothing changed.
    LastAdmin,
    /// There is no such user.
    Unknown,
}

/// How deleting a user ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserDeletion {
    /// The user is gone.
    Deleted {
        /// How many API keys went along.
        api_keys: u64,
        /// How many live tokens ended.
        tokens: u64,
    },
    /// It would leave no enabled admin without limits; nothing changed.
    LastAdmin,
    /// There is no such user.
    Unknown,
}

/// How beginning a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionBeginning {
    /// It has begun.
    Begun,
    /// The user is gone or disabled, or has begun another epoch since; nothing changed.
    UserChanged,
}

/// How creating an API key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyCreation {
    /// It is good from now on.
    Created,
    /// Its owner, or nobody, has [`MOST_API_KEYS`](super::MOST_API_KEYS); nothing changed.
    TooMany,
}

/// How deleting an API key ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyDeletion {
    /// It is gone.
    Deleted {
        /// How many API keys that it made went along.
        api_keys: u64,
        /// How many live tokens ended.
        tokens: u64,
    },
    /// There is no such key.
    Unknown,
}

/// What a run of collection deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Mint records and rows of persistent tokens.
    pub tokens: u64,
    /// Pairs and use counts.
    pub pairs: u64,
    /// Hosts, with their certificates and keys.
    pub hosts: u64,
    /// Superseded or revoked certificates that have expired.
    pub certificates: u64,
    /// Status lists whose tokens have all expired.
    pub lists: u64,
    /// Sessions that are over.
    pub sessions: u64,
    /// API keys that expired longer ago than ended tokens are kept.
    pub api_keys: u64,
    /// Whether a limit was met, so that more is left to do.
    pub more: bool,
}

impl Collected {
    /// How many rows were deleted.
    pub const fn total(&self) -> u64 {
        self.tokens + self.pairs + self.hosts + self.certificates + self.lists + self.sessions + self.api_keys
    }
}

/// Which host and token a pair joins, as the redeem pipeline reads it before it judges anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The token.
    pub token: TokenId,
    /// The host it admitted.
    pub host: HostId,
    /// When.
    pub redeemed_at: crate::clock::Timestamp,
    /// Whether the host is revoked.
    pub host_revoked: bool,
    /// The host's newest certificate for the pair's key, expired or not; `None` if a new key replaced it.
    pub certificate: Option<StoredCertificate>,
}

/// How many live persistent tokens a key still has to verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyNeed {
    /// The key.
    pub key: KeyId,
    /// The tokens.
    pub tokens: u64,
}
