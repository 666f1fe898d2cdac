//! The verbs that lead to a host certificate: redeeming and renewing.

use crate::id::{HostId, Serial};
use crate::ledger::Draft;
use crate::name::Role;
use crate::store::{NewHost, StoredCertificate};
use crate::token::{Grant, Verified};

/// See [`Verbs::redeem`](crate::store::Verbs::redeem).
///
/// Decided inside the transaction, in this order: the key belongs to no revoked host; the pair is new, else
/// [`Redeemed::Again`](crate::store::Redeemed::Again) with the winner's certificate; the authority still vouches for the token;
/// the token has not ended and a use is left; the name is free. A refusal leaves nothing behind.
pub struct Redeem {
    /// The grant of the token.
    pub grant: Verified<Grant>,
    /// The new host.
    pub host: NewHost,
    /// Its first certificate.
    pub certificate: StoredCertificate,
    /// The entry of the enrollment; written only for [`Redeemed::First`](crate::store::Redeemed::First).
    pub entry: Draft,
}

/// See [`Verbs::recertify`](crate::store::Verbs::recertify). No use is taken. The token must be live, the host live, the pair its own.
pub struct Recertify {
    /// The grant of the token.
    pub grant: Verified<Grant>,
    /// The roles the certificate was built with; another set in the row answers [`Renewed::RolesChanged`](crate::store::Renewed::RolesChanged).
    pub roles: Vec<Role>,
    /// The new certificate, for the same key of the host that the pair admitted.
    pub certificate: StoredCertificate,
    /// The entry.
    pub entry: Draft,
}

/// See [`Verbs::renew`](crate::store::Verbs::renew).
///
/// Idempotent by (host, key): a newest certificate for the same key that is still valid answers [`Renewed::Again`](crate::store::Renewed::Again).
pub struct Renew {
    /// How many certificates it may have got within [`RENEWALS_WITHIN`](super::RENEWALS_WITHIN); one more is [`RenewRefusal::TooOften`](crate::store::RenewRefusal::TooOften).
    pub most: u32,
    /// The serial of the certificate it presented: the newest of its lineage, or the one before it while the newest
    /// was never seen. In the latter case the entry gets the detail `superseded_unseen`, and the answer is
    /// [`Renewed::Replaced`](crate::store::Renewed::Replaced).
    pub presented: Serial,
    /// The roles the certificate was built with.
    pub roles: Vec<Role>,
    /// The new certificate of the host.
    pub certificate: StoredCertificate,
    /// The entry.
    pub entry: Draft,
}

/// See [`Verbs::mark_seen`](crate::store::Verbs::mark_seen).
pub struct MarkSeen {
    /// The host.
    pub host: HostId,
    /// The serial it used; only the newest counts.
    pub serial: Serial,
}
