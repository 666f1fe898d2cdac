//! Why a host is refused, and why a verifier of hosts cannot be set up.

use std::time::Duration;

use crate::id::{Fingerprint, HostId};

/// Why a peer is not let in as a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// The peer presented no certificate.
    #[error("no host certificate was presented; connect with the host's certificate and key")]
    Absent,
    /// The bytes are no X.509 certificate.
    #[error("the host certificate cannot be read; present the certificate as it was issued")]
    Malformed,
    /// No chain to the authority's root.
    #[error(
        "the certificate does not lead to the authority's root ({why}); enroll the host with this authority"
    )]
    Untrusted {
        /// What the path lacked.
        why: String,
    },
    /// It has not begun.
    #[error("the host certificate is not valid yet; check the clocks of host and service")]
    NotYetValid,
    /// It has ended.
    #[error("the host certificate has expired; renew it, or enroll the host again")]
    Expired,
    /// A good chain, but not of a host of this trust domain: the authority's own certificate, or another CA's.
    #[error("the certificate is not a host's of this trust domain; present the host's own certificate")]
    NotAHost,
    /// Its serial is on the CRL of its issuer.
    #[error("host {host} or its certificate was revoked; ask the authority's operator")]
    Revoked {
        /// The host.
        host: HostId,
    },
    /// No CRL of its issuer was ever seen.
    #[error("no CRL of the certificate's issuer is known; feed it from the authority's /ca/crl/")]
    NoCrl,
    /// The CRL of its issuer is too old to judge by.
    #[error("the CRL of the certificate's issuer was confirmed {} s ago, which is too long; check the way to the authority", age.as_secs())]
    StaleCrl {
        /// How long ago.
        age: Duration,
    },
}

impl HostRefusal {
    /// Whether it is this service that cannot judge, and not the host that is wrong: 503 rather than 401.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::NoCrl | Self::StaleCrl { .. })
    }
}

impl From<webpki::Error> for HostRefusal {
    fn from(error: webpki::Error) -> Self {
        match error {
            webpki::Error::CertExpired { .. } => Self::Expired,
            webpki::Error::CertNotValidYet { .. } => Self::NotYetValid,
            other => Self::Untrusted { why: other.to_string() },
        }
    }
}

/// Why a [`super::HostVerifier`] cannot be made, or taught an issuer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostSetupError {
    /// The text is no PEM.
    #[error("the certificates cannot be read: {why}; give them as PEM, as the authority serves them")]
    Pem {
        /// What is wrong with it.
        why: String,
    },
    /// There is no certificate in the text.
    #[error("there is no root certificate in the text; give the authority's /ca/root.pem")]
    NoRoot,
    /// A root that cannot be a trust anchor.
    #[error("the root certificate cannot be used: {why}; give the authority's /ca/root.pem")]
    Root {
        /// What is wrong with it.
        why: String,
    },
    /// The pinned root is not there.
    #[error(
        "no root with the SHA-256 {pinned} is in the text; fetch /ca/root/{pinned}.pem from the authority"
    )]
    OtherRoot {
        /// The fingerprint that was looked for.
        pinned: Fingerprint,
    },
    /// A certificate that does not lead to the root.
    #[error("a certificate of the chain does not lead to the root, or has ended; fetch /ca/chain.pem again")]
    Chain,
    /// The trust domain cannot stand in a SPIFFE id.
    #[error("{text:?} is no trust domain; give the host name in the authority's external URL")]
    TrustDomain {
        /// The text.
        text: String,
    },
}
