//! The verbs that lead to a host certificate: redeeming and renewing.

use std::net::IpAddr;
use std::time::Duration;

use crate::approval::Approval;
use crate::clock::Timestamp;
use crate::id::{HostId, OpaqueKeyId, PolicyId, RuleId, Serial};
use crate::ledger::Draft;
use crate::name::{DnsName, Role};
use crate::store::{Gate, HostFacts, StoredCertificate};
use crate::token::{Grant, Verified};

/// See [`Verbs::redeem`](crate::store::Verbs::redeem). The transaction decides in this order; a refusal leaves nothing behind:
///
/// 1. The key belongs to no host that is revoked or in quarantine.
/// 2. The pair is new. Otherwise the outcome is [`Redeemed::Again`](crate::store::Redeemed::Again) with the winner's certificate.
/// 3. The authority still vouches for the token.
/// 4. The policy is as it was judged.
/// 5. A rule of the gate has room for the host, or the gate lets it pass with a warning. Otherwise it waits, and holds a use. The
///    approval does the rest.
/// 6. The token has not ended, and a use is left.
/// 7. The replaced host is live, and presented a certificate that may renew. It is revoked, and its name is free.
/// 8. The node limit leaves a slot.
/// 9. The name is free.
pub struct Redeem {
    /// The grant of the token.
    pub grant: Verified<Grant>,
    /// The new host.
    pub admission: Admission,
    /// The host in whose place it enrolls.
    pub replaces: Option<ReplacedHost>,
    /// The approval that the host needs; `None`: none.
    pub gate: Option<Gate>,
    /// The setting `approval` by which the gate was judged; `None`: the store has none. With another one, the outcome is
    /// [`Redeemed::FactsChanged`](crate::store::Redeemed::FactsChanged).
    pub default_mode: Option<Approval>,
}

/// See [`Verbs::reenroll`](crate::store::Verbs::reenroll). The transaction decides as for [`Redeem`] up to the use, without a gate. Then:
///
/// 6. The bound host is not revoked.
/// 7. It has the name and the roles for which the token was minted, and was not moved to another policy since.
/// 8. Its name is the authority's exactly if the command withdraws it.
///
/// Its former certificates and keys are revoked. It gets the policy of the token.
pub struct Reenroll {
    /// The grant of the token, which is bound to the host of `next`.
    pub grant: Verified<Grant>,
    /// The new certificate.
    pub next: NextCertificate,
    /// The opaque key that the host gets. A former one has ended.
    pub opaque_key: Option<OpaqueKeyId>,
}

/// A policy as it was judged. If it has another revision in the store, the outcome is
/// [`Redeemed::FactsChanged`](crate::store::Redeemed::FactsChanged) or
/// [`Renewed::FactsChanged`](crate::store::Renewed::FactsChanged).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JudgedPolicy {
    /// The policy of the host.
    pub policy: PolicyId,
    /// State of the policy that was judged.
    pub revision: u64,
}

/// A new host with its first certificate.
#[derive(Clone)]
pub struct Admission {
    /// Name, cluster, roles and policy.
    pub host: HostFacts,
    /// The policy of `host`, as it was judged.
    pub policy: Option<JudgedPolicy>,
    /// Its first certificate.
    pub certificate: StoredCertificate,
    /// The URL at which it reached the server.
    pub reached_url: String,
    /// Its address, if that is known.
    pub address: Option<IpAddr>,
    /// The limit that it must fit.
    pub node_limit: NodeLimit,
    /// The rule that admits it.
    pub rule: Option<RuleId>,
    /// The opaque key that it gets. A host that has to wait gets it later: its record notes the wish.
    pub opaque_key: Option<OpaqueKeyId>,
    /// The time for which a lapsed host keeps its name. A host that lapsed before loses the name to this one, with an entry.
    pub name_hold: Duration,
    /// The entry of the enrollment; written only if the host is admitted.
    pub entry: Draft,
}

/// The maximum number of hosts that are neither revoked nor lapsed. A host that holds a slot renews at the limit; a new one and a
/// lapsed one need a free slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeLimit {
    /// No limit: the emergency token is exempt.
    Exempt,
    /// The configured limit, which a change in the store replaces; `None`: unlimited.
    Configured(Option<u32>),
}

impl NodeLimit {
    /// The name of the setting in the store.
    pub const SETTING: &str = "node_limit";

    /// The limit of a stored value.
    pub fn of_stored(value: u64) -> Option<u32> {
        u32::try_from(value).ok().filter(|limit| *limit > 0)
    }

    /// The stored value of a limit: 0 is unlimited.
    pub fn stored(limit: Option<u32>) -> u64 {
        limit.map_or(0, u64::from)
    }
}

/// A host that another one replaces: it is revoked in the same act.
pub struct ReplacedHost {
    /// Id of the host.
    pub host: HostId,
    /// Serial number of its certificate, whose key it proved to hold.
    pub presented: Serial,
    /// The entry of its revocation.
    pub entry: Draft,
}

/// The next certificate of an enrolled host.
pub struct NextCertificate {
    /// The roles in the certificate. If the host has others, the outcome is [`Renewed::FactsChanged`](crate::store::Renewed::FactsChanged).
    pub roles: Vec<Role>,
    /// The name in the certificate. If the host has another one, the outcome is the same.
    pub name: Option<DnsName>,
    /// The policy of the certificate. If the host has another one, the outcome is the same. A re-enrolled host gets it.
    pub policy: Option<JudgedPolicy>,
    /// The entry of a withdrawn name: the certificate is without it, because it is the authority's.
    pub withdrawal: Option<Draft>,
    /// The certificate itself.
    pub certificate: StoredCertificate,
    /// The URL at which the host reached the server, if it is another one than recorded.
    pub reached_url: Option<String>,
    /// The limit that a lapsed host must fit.
    pub node_limit: NodeLimit,
    /// Ledger entry of the act.
    pub entry: Draft,
}

/// See [`Verbs::recertify`](crate::store::Verbs::recertify). It takes no use. Token and host must be live. The
/// pair must be the host's own: the one that redeemed, or the admitting token with the newest key of the host.
pub struct Recertify {
    /// The grant of the token.
    pub grant: Verified<Grant>,
    /// The new certificate, for the same key.
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
    /// Moment of the use. The overlap of the certificate before it begins.
    pub at: Timestamp,
}
