//! How the store's verbs can end.

mod accounts;
mod tokens;

pub use self::accounts::*;
pub use self::tokens::*;
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
    /// Known addresses without a recent sign-in.
    pub known_addresses: u64,
    /// Whether a limit was met, so that more is left to do.
    pub more: bool,
}

impl Collected {
    /// How many rows were deleted.
    pub const fn total(&self) -> u64 {
        self.tokens
            + self.pairs
            + self.hosts
            + self.certificates
            + self.lists
            + self.sessions
            + self.api_keys
            + self.known_addresses
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
