//! What a token allows, as the rest of the program sees it.

use super::claims::ENROLL;
use crate::clock::Timestamp;
use crate::id::{Fingerprint, HostId, PolicyId, StatusRef, Thumbprint, TokenId};
use crate::name::{Cluster, DnsPattern, Role};

/// What a redemption must match, beside the key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bindings {
    /// The only host it re-enrolls.
    pub host: Option<HostId>,
    /// The only cluster it admits to.
    pub cluster: Option<Cluster>,
    /// The DNS names it allows; at most 16 patterns.
    pub dns_names: Vec<DnsPattern>,
}

/// The claims of an enrollment token (RFC 7519 section 4), in our own types. Times are whole seconds.
///
/// A grant alone proves nothing: what acts on one asks for a [`Verified`](super::Verified) grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The token (`jti` and `sub`).
    pub token: TokenId,
    /// The external URL of the authority (`iss`).
    pub issuer: String,
    /// When it was minted (`iat`).
    pub issued_at: Timestamp,
    /// From when on it is good (`nbf`).
    pub not_before: Timestamp,
    /// Until when it is good (`exp`); `None` = until revoked, which only a persistent token may say.
    pub expires_at: Option<Timestamp>,
    /// Whether it lives in a row of the store, without which it is worth nothing.
    pub persistent: bool,
    /// The roles it gives; none means none.
    pub roles: Vec<Role>,
    /// How many hosts it may admit, never zero; `None` = unlimited within its life.
    pub max_uses: Option<u32>,
    /// The root certificate that the authority's listener chains to (`sha`); `None` if an outside CA certifies it.
    pub root: Option<Fingerprint>,
    /// What a redemption must match (`bind`).
    pub bindings: Bindings,
    /// The only key that may redeem it (`cnf.jkt`; RFC 7800 section 3.1, RFC 7638).
    pub key: Option<Thumbprint>,
    /// The policy it gives.
    pub policy: Option<PolicyId>,
    /// Its place in the status lists (`status`).
    pub status: StatusRef,
}

impl Grant {
    /// The audience that its token names (`aud`): the enrollment of its issuer, and nothing else.
    pub fn audience(&self) -> String {
        format!("{}{ENROLL}", self.issuer)
    }
}

/// The claims of a service token: roles for the door of one service, for a while. It admits no host and cannot be redeemed.
///
/// A grant alone proves nothing: what acts on one asks for a [`Verified`](super::Verified) grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceGrant {
    /// The token (`jti` and `sub`).
    pub token: TokenId,
    /// The external URL of the authority (`iss`).
    pub issuer: String,
    /// The URI of the one service it is for (`aud`).
    pub audience: String,
    /// When it was minted (`iat`).
    pub issued_at: Timestamp,
    /// From when on it is good (`nbf`).
    pub not_before: Timestamp,
    /// Until when it is good (`exp`).
    pub expires_at: Timestamp,
    /// The roles it gives; none means none.
    pub roles: Vec<Role>,
    /// Its place in the status lists (`status`).
    pub status: StatusRef,
}

impl ServiceGrant {
    /// Whether it gives the role of this name.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|given| given.as_str() == role)
    }
}

/// What the time of a grant is judged by.
pub(super) trait Timed {
    fn issued_at(&self) -> Timestamp;
    fn not_before(&self) -> Timestamp;
    fn expires_at(&self) -> Option<Timestamp>;
    fn is_persistent(&self) -> bool;
}

impl Timed for Grant {
    fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    fn not_before(&self) -> Timestamp {
        self.not_before
    }

    fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    fn is_persistent(&self) -> bool {
        self.persistent
    }
}

impl Timed for ServiceGrant {
    fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    fn not_before(&self) -> Timestamp {
        self.not_before
    }

    fn expires_at(&self) -> Option<Timestamp> {
        Some(self.expires_at)
    }

    fn is_persistent(&self) -> bool {
        false
    }
}
