//! Errors of hosts and their certificates.

/// The host or its certificate is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The key or certificate belongs to a revoked host.
    #[error("the host was revoked: enroll it again with a new key and a new token")]
    Revoked,
    /// The certificate was revoked, but its host was not.
    #[error(
        "the certificate was revoked, because it carries a role that the host no longer has: enroll the host again"
    )]
    CertificateRevoked,
    /// The certificate was revoked for its name alone, and can only renew.
    #[error(
        "the certificate was revoked, because its name is the authority's now: renew it (`gatepass renew`)"
    )]
    NameWithdrawn,
    /// The issuing CA of the certificate was revoked.
    #[error("the issuing CA of the certificate was revoked: enroll the host again with a new token")]
    IssuerRevoked,
    /// A superseded certificate was used after its successor.
    #[error(
        "a newer certificate of this host is in use: two machines share one identity; revoke the host and enroll both"
    )]
    LineageConflict,
    /// The name belongs to the authority or to a live host.
    #[error("the name is taken, by a live host or by the server itself: choose another, or revoke that host")]
    NameTaken,
    /// The certificate is not a current host certificate of this authority.
    #[error(
        "the certificate is not a host certificate of this authority, or has expired: present a current one"
    )]
    NoCertificate,
    /// The host renewed too many times within an hour.
    #[error("the host renewed too many times within an hour: renew again in an hour")]
    RenewedTooOften,
}
