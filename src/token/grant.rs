//! The grant of a token: its claims in types of this crate.

use serde::Serialize;

use crate::approval::Approval;
use crate::clock::Timestamp;
use crate::id::{CertificateThumbprint, Fingerprint, HostId, PolicyId, StatusRef, Thumbprint, TokenId};
use crate::name::{Cluster, DnsName, DnsPattern, Role};

/// The suffix that makes an issuer the audience of enrollment tokens.
pub(super) const ENROLL: &str = "/enroll";

/// The audience of the enrollment tokens of `issuer`.
pub fn enrollment_audience(issuer: &str) -> String {
    format!("{issuer}{ENROLL}")
}

/// The facts that identify a token: every kind has them, and so has its mint record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRef {
    /// The token's id (`jti` and `sub`).
    pub id: TokenId,
    /// The external URL of the authority (`iss`).
    pub issuer: String,
    /// The token's entry in the status lists (`status`).
    pub status: StatusRef,
}

/// The terms of an enrollment token: its order, grant, record and answers state the same ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Terms {
    /// The roles it gives; an empty list gives none.
    pub roles: Vec<Role>,
    /// True if the token is persistent: it needs a live row in the store.
    pub persistent: bool,
    /// The token's expiry (`exp`); `null`: until revoked, for persistent tokens only.
    #[cfg_attr(feature = "server", schema(required))]
    pub expires_at: Option<Timestamp>,
    /// Maximum number of hosts it admits, never zero; `null`: unlimited within its life.
    #[cfg_attr(feature = "server", schema(required, minimum = 1, example = 1))]
    pub max_uses: Option<u32>,
    /// The bindings that a redemption must match (`bind`).
    #[serde(flatten)]
    pub bindings: Bindings,
    /// The only key that may redeem it (`cnf.jkt`; RFC 7800 section 3.1, RFC 7638).
    #[cfg_attr(feature = "server", schema(required))]
    #[serde(rename = "key_thumbprint")]
    pub host_key: Option<Thumbprint>,
    /// The policy of its hosts; `null`: none.
    #[cfg_attr(feature = "server", schema(required))]
    pub policy: Option<PolicyId>,
    /// The treatment of hosts that no auto-approve rule admits. The strictest of this and the setting `approval` holds.
    #[cfg_attr(feature = "server", schema(value_type = String, pattern = "^(off|warn|require)$", example = "off"))]
    pub approval: Approval,
}

impl Terms {
    /// Returns true if a bound host still has the name and the roles for which the token was minted.
    pub fn fits_host(&self, name: Option<&DnsName>, roles: &[Role]) -> bool {
        let minted = self.bindings.dns_names.first().map(DnsPattern::as_str);
        name.map(DnsName::as_str) == minted
            && roles.len() == self.roles.len()
            && self.roles.iter().all(|role| roles.contains(role))
    }
}

/// The bindings that a redemption must match, beside the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "server", derive(utoipa::ToSchema))]
pub struct Bindings {
    /// The only host it re-enrolls.
    #[cfg_attr(feature = "server", schema(required))]
    #[serde(rename = "host_id")]
    pub host: Option<HostId>,
    /// The only cluster it admits to.
    #[cfg_attr(feature = "server", schema(required))]
    pub cluster: Option<Cluster>,
    /// The DNS names it allows; at most 16 patterns.
    pub dns_names: Vec<DnsPattern>,
}

/// The claims of an enrollment token (RFC 7519 section 4), as checked types. Times are whole seconds.
///
/// A grant alone proves nothing: code that acts on one asks for a [`Verified`](super::Verified) grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Id, issuer and status entry of the token.
    pub token: TokenRef,
    /// The time of minting (`iat`).
    pub issued_at: Timestamp,
    /// The start of its validity (`nbf`).
    pub not_before: Timestamp,
    /// The root certificate that the authority's listener chains to (`sha`); `None` if an external CA certifies it.
    pub root: Option<Fingerprint>,
    /// Roles, expiry, uses and bindings.
    pub terms: Terms,
}

impl Grant {
    /// The audience that its token names (`aud`): the enrollment of its issuer, and nothing else.
    pub fn audience(&self) -> String {
        enrollment_audience(&self.token.issuer)
    }
}

/// The claims of a service token: roles for one service, for a limited time. It admits no host and cannot be redeemed.
///
/// A grant alone proves nothing: code that acts on one asks for a [`Verified`](super::Verified) grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceGrant {
    /// Id, issuer and status entry of the token.
    pub token: TokenRef,
    /// The URI of the one service it is for (`aud`).
    pub audience: String,
    /// The time of minting (`iat`).
    pub issued_at: Timestamp,
    /// The start of its validity (`nbf`).
    pub not_before: Timestamp,
    /// The token's expiry (`exp`).
    pub expires_at: Timestamp,
    /// The roles it gives; an empty list gives none.
    pub roles: Vec<Role>,
}

impl ServiceGrant {
    /// Returns true if it gives this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|given| given.as_str() == role)
    }
}

/// The claims of an access token (RFC 9068 section 2.2): a host at one service, for minutes. It is bound to a certificate of
/// the host (RFC 8705 section 3), and it opens nothing without it.
///
/// A grant alone proves nothing: code that acts on one asks for a [`Verified`](super::Verified) grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGrant {
    /// The token's id (`jti`).
    pub id: TokenId,
    /// The external URL of the authority (`iss`).
    pub issuer: String,
    /// The URI of the one service it is for (`aud`).
    pub audience: String,
    /// The host (`sub` and `client_id`).
    pub host: HostId,
    /// The time of minting (`iat`).
    pub issued_at: Timestamp,
    /// The token's expiry (`exp`).
    pub expires_at: Timestamp,
    /// The roles of the host; an empty list gives none.
    pub roles: Vec<Role>,
    /// The only certificate that it is valid with (`cnf.x5t#S256`).
    pub certificate: CertificateThumbprint,
}

impl AccessGrant {
    /// Returns true if the host has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|given| given.as_str() == role)
    }
}
