//! Errors of hosts and their certificates.

/// The host or its certificate is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The key or certificate belongs to a revoked host.
    #[error("the host was revoked: enroll it again with a new key and a new token")]
    Revoked,
    /// The certificate was revoked, but its host was not.
    #[error("the certificate was revoked, as it carries a role that was taken away: enroll the host again")]
    CertificateRevoked,
    /// A superseded certificate was used after its successor.
    #[error(
        "a newer certificate of this host is in use: two machines hold one identity; revoke the host and enroll both"
    )]
    LineageConflict,
    /// The name belongs to the authority or to a live host.
    #[error("the name is taken: choose another, or revoke the host that holds it")]
    NameTaken,
    /// The certificate is not a current host certificate of this authority.
    #[error("the certificate is no host's of this authority, or has expired: present one that is good")]
    NoCertificate,
    /// The host renewed too many times within an hour.
    #[error("the host has got too many certificates within an hour: renew again in an hour")]
    RenewedTooOften,
}
