//! Errors of hosts and their certificates.

use crate::store::KeyRefusal;

/// The host or its certificate is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The key or certificate belongs to a revoked host.
    #[error("the host or this key was revoked: enroll again with a new key and a new token")]
    Revoked,
    /// The issuer is ours, and the store does not know the host: it enrolled after the backup from which the store was restored.
    #[error(
        "the server does not know this host: it was restored from a backup that is older than the host; an administrator gives a \
         token to enroll it again"
    )]
    Unknown,
    /// The certificate was revoked, but its host was not.
    #[error(
        "the certificate was revoked, because the host lost a role, or was enrolled again or released without it: enroll \
         it again with a new token"
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
    /// A superseded certificate was used after its overlap, or for leaving.
    #[error("the host has a newer certificate: use that one; a service loads it when it reloads or restarts")]
    CertificateSuperseded,
    /// A superseded certificate renewed after the first use of its successor.
    #[error(
        "a newer certificate of this host is in use: two machines share one identity; ask an administrator which one stays"
    )]
    LineageConflict,
    /// Two machines hold the identity: both are refused until an administrator decides.
    #[error(
        "the host is in quarantine, because two machines renewed with its certificates: an administrator releases it \
         (`gatepass host release`) or re-enrolls it"
    )]
    Quarantined,
    /// A host that is not in quarantine keeps its certificate.
    #[error("the host is not in quarantine, and its newest certificate is another one: show the host again")]
    NotQuarantined,
    /// The name belongs to the authority or to a live host.
    #[error(
        "the name is taken, by another host or by the server itself: choose another, or revoke that host"
    )]
    NameTaken,
    /// The fleet is at its node limit.
    #[error(
        "the fleet is at its node limit, and no use of a token was spent: ask an admin to raise node_limit (`gatepass capacity set`) or to revoke \
         hosts, then try again"
    )]
    NodeLimit,
    /// An administrator denied the host.
    #[error(
        "an administrator denied this host{}: its key stays refused; ask the administrator, then enroll with a new key",
        reason_of(.reason)
    )]
    Denied {
        /// The administrator's words.
        reason: String,
    },
    /// The host waits, and now claims another name or cluster, or asks for another credential.
    #[error(
        "the host waits for a decision under another name, cluster or credential: enroll with the ones it began with"
    )]
    EnrollmentChanged,
    /// Nobody decided about the host in time.
    #[error("nobody decided about the host within 24 hours: enroll again")]
    EnrollmentExpired,
    /// Too many hosts wait for a decision.
    #[error(
        "too many hosts wait for a decision: ask an administrator to decide (`gatepass enrollment list`), then try again"
    )]
    TooManyWaiting,
    /// The decision about the host is another one.
    #[error("the enrollment was {state} before: `gatepass enrollment show` has the decision")]
    AlreadyDecided {
        /// The decision that holds.
        state: &'static str,
    },
    /// The minter of a token may not approve its hosts.
    #[error("the minter of the token may not approve its hosts: ask another approver")]
    FourEyes,
    /// The certificate is not a current host certificate of this authority.
    #[error(
        "the certificate is not a host certificate of this authority, or has expired: present a current one"
    )]
    NoCertificate,
    /// The host is revoked, and cannot be enrolled again.
    #[error(
        "the host was revoked for good: mint a plain token (`gatepass token create`), which makes a new host"
    )]
    Ended,
    /// Hosts have roles that their next policy does not have.
    #[error(
        "roles of {hosts} host(s) are not in the policy: {roles}; take them away first, or set drop_roles"
    )]
    RolesNotInPolicy {
        /// These roles.
        roles: String,
        /// Number of these hosts.
        hosts: usize,
    },
    /// A role is given that the host's policy does not have.
    #[error("the policy of the host has no role {roles}: leave it out, or add it to the policy first")]
    RoleOutsidePolicy {
        /// These roles.
        roles: String,
    },
    /// The host has no policy.
    #[error(
        "the host has no policy, and so it may use no service: ask an administrator to move it to one (`gatepass host move`)"
    )]
    NoPolicy,
    /// The policy of the host does not name the service.
    #[error(
        "the policy of the host does not name this audience: ask an administrator to add it to the policy"
    )]
    AudienceNotAllowed,
    /// The policy does not allow opaque keys: neither a new one, nor the use of one.
    #[error(
        "the policy does not allow opaque keys: enroll without `credential`, or ask an administrator to set api_key_credential in the policy"
    )]
    CredentialNotAllowed,
    /// The opaque key is unknown, was replaced, or has ended with its certificate.
    #[error(
        "the opaque key is unknown, or has ended with its host's certificate: enroll again with a new key"
    )]
    KeyNotGood,
    /// The host renewed too many times within an hour.
    #[error("the host renewed too many times within an hour: renew again in an hour")]
    RenewedTooOften,
}

fn reason_of(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(" ({reason})") }
}

impl From<KeyRefusal> for HostError {
    fn from(refusal: KeyRefusal) -> Self {
        match refusal {
            KeyRefusal::Revoked => Self::Revoked,
            KeyRefusal::Quarantined => Self::Quarantined,
        }
    }
}
