//! The outcomes of the store's verbs.

mod accounts;
mod enrollments;
mod fleet;
mod output_keys;
mod outputs;
mod policies;
mod restoring;
mod rules;
mod tokens;

use serde::Serialize;
use utoipa::ToSchema;

pub use self::accounts::*;
pub use self::enrollments::*;
pub use self::fleet::*;
pub use self::output_keys::*;
pub use self::outputs::*;
pub use self::policies::*;
pub use self::restoring::*;
pub use self::rules::*;
pub use self::tokens::*;
use super::record::*;
use crate::id::{EnrollmentId, HostId, Serial};

/// Outcome of founding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Founded {
    /// The authority is founded.
    Now,
    /// It was founded before; nothing changed.
    Before,
}

/// Outcome of a redemption.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The pair is new: one use was taken and the host exists.
    First,
    /// The pair had redeemed before or won a race. This is its certificate; nothing was written.
    Again(StoredCertificate),
    /// No rule admits the host: it waits for a decision, under this id.
    Waits(EnrollmentId),
    /// A rule, the policy or the setting `approval` changed after the redemption was judged: judge it again. Nothing was written.
    FactsChanged,
    /// It is refused; nothing was written.
    Refused(RedeemRefusal),
}

/// Reason of the transaction to refuse a redemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedeemRefusal {
    /// The token was revoked, or is persistent and has no row.
    TokenRevoked,
    /// The token is suspended until an administrator releases it.
    TokenSuspended,
    /// No use is left.
    TokenSpent,
    /// The key is refused under every token, or the replaced host is refused.
    Key(KeyRefusal),
    /// The certificate of the replaced host is revoked.
    CertificateRevoked,
    /// The certificate of the replaced host is superseded, and its successor has been used.
    CertificateSuperseded,
    /// The name belongs or belonged to the authority, or a live host has it.
    NameTaken,
    /// The bound host has other roles or another name than the token, or another policy than at its minting.
    HostChanged,
    /// In the meantime, the authority took the bound host's name over, the key began to wait, or a decision about it was made.
    Contended,
    /// The node limit leaves no slot.
    NodeLimit,
    /// Too many hosts wait for a decision.
    TooManyWaiting,
    /// A host that waits replaces none.
    ReplacementWaits,
}

/// Reason to refuse a host with its keys, under every token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefusal {
    /// The host is revoked, or the key was left to a copy of the host when its quarantine ended.
    Revoked,
    /// The host is in quarantine.
    Quarantined,
}

/// Outcome of a renewal or a recertification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// The new certificate is stored; it is the newest of the host's lineage.
    First,
    /// The new certificate is stored, presented by the certificate before the newest. The newest was never seen and is superseded: an
    /// answer was lost, or two machines have one identity.
    Replaced(Serial),
    /// The newest certificate has the same key: this one. Nothing was written.
    Again(StoredCertificate),
    /// The host has other roles or another policy now, or lost its name, or the policy changed: build the certificate again. Nothing was
    /// written.
    FactsChanged,
    /// It is refused; nothing was written.
    Refused(RenewRefusal),
}

/// Reason of the transaction to refuse a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewRefusal {
    /// The host or the pair does not exist.
    Unknown,
    /// The host or the new key is refused.
    Key(KeyRefusal),
    /// The presented certificate is revoked.
    CertificateRevoked,
    /// The presented certificate was superseded and its successor has been used: two machines have one identity.
    LineageConflict,
    /// The host renewed [`MOST_RENEWALS`](super::MOST_RENEWALS) times recently.
    TooOften,
    /// The token of a recertification was revoked.
    TokenRevoked,
    /// The token of a recertification is suspended.
    TokenSuspended,
    /// The host has lapsed, and the node limit leaves no slot.
    NodeLimit,
}

/// Outcome of a quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quarantining {
    /// The host is in quarantine now.
    Quarantined,
    /// The host was in quarantine before; nothing changed.
    Before,
    /// Enough hosts were quarantined recently; nothing changed.
    TooMany,
    /// The certificate cannot cause a quarantine: it is expired or revoked, or the host is revoked. Nothing changed.
    Harmless,
}

/// Outcome of a release from quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostRelease {
    /// The host is released, and has this certificate alone.
    Released,
    /// The host is not in quarantine, and its newest certificate is this one; nothing changed.
    Before,
    /// The host is not in quarantine, and has another certificate; nothing changed.
    NotQuarantined,
    /// The certificate is not the host's, or is expired or revoked; nothing changed.
    NoSuchCertificate,
    /// A revoked host stays revoked.
    Revoked,
    /// The caller saw another revision of the host; nothing changed.
    Stale,
    /// The host does not exist.
    Unknown,
}

/// Outcome of a change of roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolesChange {
    /// The changed host.
    Changed(Box<HostRecord>),
    /// The host already has these roles.
    Unchanged(Box<HostRecord>),
    /// A revoked host keeps its roles.
    HostRevoked,
    /// The host has other roles or another policy than those that were judged.
    Moved,
    /// The caller saw another revision of the host.
    Stale,
    /// The host does not exist.
    Unknown,
}

/// Outcome of giving hosts another policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostsMoved {
    /// The outcome for each host, in their order.
    Each(Vec<HostMoved>),
    /// The policy does not exist; nothing changed.
    NoPolicy,
}

/// Outcome for one host that gets another policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostMoved {
    /// The host has the policy now.
    Moved,
    /// The host had the policy and these roles before; nothing changed.
    Before,
    /// A revoked host keeps its policy.
    Revoked,
    /// The host has another revision than the one that was judged; nothing changed.
    Stale,
    /// The host does not exist.
    Unknown,
}

/// Outcome of a change of a host's label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelChange {
    /// The host with the label, which it may have had before.
    Set(Box<HostRecord>),
    /// The caller saw another revision of the host.
    Stale,
    /// The host does not exist.
    Unknown,
}

/// Outcome of retiring a key or an external URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retirement {
    /// It is retired.
    Retired(Retired),
    /// Live persistent tokens need it; nothing changed.
    Needed {
        /// Number of these tokens.
        tokens: u64,
    },
    /// The URL is current, or the key is current or prepared and not compromised; nothing changed.
    InUse,
    /// It does not exist or was retired before.
    Unknown,
}

/// The tokens that ended with a key or an external URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// Number of live persistent tokens that were revoked.
    pub tokens: u64,
    /// True if the emergency token was among them and its successor is recorded.
    pub emergency: bool,
}

/// The rows that a run of collection deleted.
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
    /// Decided and expired enrollments.
    pub enrollments: u64,
    /// Sessions that have ended.
    pub sessions: u64,
    /// Expired API keys after the retention time.
    pub api_keys: u64,
    /// Known addresses without a recent sign-in.
    pub known_addresses: u64,
    /// Idempotency keys after their day.
    pub idempotency_keys: u64,
    /// True if a limit was reached, so that more rows may be due.
    pub more: bool,
}

impl Collected {
    /// Number of deleted rows.
    pub const fn total(&self) -> u64 {
        self.tokens
            + self.pairs
            + self.hosts
            + self.certificates
            + self.lists
            + self.enrollments
            + self.sessions
            + self.api_keys
            + self.known_addresses
            + self.idempotency_keys
    }
}

/// A pair that has redeemed. A redemption reads it before it judges anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Id of the admitted host.
    pub host: HostId,
    /// Moment of the redemption.
    pub redeemed_at: crate::clock::Timestamp,
    /// True if the host is revoked.
    pub host_revoked: bool,
    /// The host's newest certificate for the pair's key, expired or not; `None` if a new key replaced it.
    pub certificate: Option<StoredCertificate>,
}
