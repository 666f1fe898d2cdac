//! The verbs that lead to a host certificate: redeeming and renewing.

use crate::id::{HostId, Serial};
use crate::ledger::Draft;
use crate::name::Role;
use crate::store::{HostFacts, StoredCertificate};
use crate::token::{Grant, Verified};

/// See [`Verbs::redeem`](crate::store::Verbs::redeem). The transaction decides in this order; a refusal leaves nothing behind:
///
/// 1. The key belongs to no revoked host.
/// 2. The pair is new. Otherwise the outcome is [`Redeemed::Again`](crate::store::Redeemed::Again) with the winner's certificate.
/// 3. The authority still vouches for the token.
/// 4. The token has not ended, and a use is left.
/// 5. The name is free.
pub struct Redeem {
    /// The grant of the token.
    pub grant: Verified<Grant>,
    /// The new host.
    pub host: HostFacts,
    /// Its first certificate.
    pub certificate: StoredCertificate,
    /// The URL at which it reached the server.
    pub reached_url: String,
    /// The entry of the enrollment; written only for [`Redeemed::First`](crate::store::Redeemed::First).
    pub entry: Draft,
}

/// The next certificate of an enrolled host.
pub struct NextCertificate {
    /// The roles in the certificate. If the host has others, the outcome is [`Renewed::FactsChanged`](crate::store::Renewed::FactsChanged).
    pub roles: Vec<Role>,
    /// The entry of a withdrawn name: the certificate is without it, because it is the authority's.
    pub withdrawal: Option<Draft>,
    /// The certificate itself.
    pub certificate: StoredCertificate,
    /// The URL at which the host reached the server, if it is another one than recorded.
    pub reached_url: Option<String>,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::recertify`](crate::store::Verbs::recertify). It takes no use. Token and host must be live, and the pair must be the host's
/// own.
pub struct Recertify {
    /// The grant of the token.
    pub grant: Verified<Grant>,
    /// The new certificate, for the same key of the host that the pair admitted.
    pub next: NextCertificate,
}

/// See [`Verbs::renew`](crate::store::Verbs::renew).
/// It is idempotent by host and key: a valid newest certificate for the same key is [`Renewed::Again`](crate::store::Renewed::Again).
pub struct Renew {
    /// Maximum number of certificates within [`RENEWALS_WITHIN`](super::RENEWALS_WITHIN); more are [`RenewRefusal::TooOften`](crate::store::RenewRefusal::TooOften).
    pub most: u32,
    /// Serial number of the presented certificate: the newest, or its predecessor while the newest was never seen. For the predecessor, the
    /// entry gets the detail `superseded_unseen`, and the outcome is [`Renewed::Replaced`](crate::store::Renewed::Replaced).
    pub presented: Serial,
    /// The new certificate.
    pub next: NextCertificate,
}

/// See [`Verbs::mark_seen`](crate::store::Verbs::mark_seen).
pub struct MarkSeen {
    /// Id of the host.
    pub host: HostId,
    /// Serial number of the used certificate; only the newest counts.
    pub serial: Serial,
}
