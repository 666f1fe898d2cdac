//! Refusals of hosts, and errors of setting up a verifier.

use std::time::Duration;

use crate::id::{Fingerprint, HostId};

/// A refused host certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostRefusal {
    /// The peer presented no certificate.
    #[error("no host certificate was presented; connect with the host's certificate and key")]
    Absent,
    /// The bytes are not an X.509 certificate.
    #[error("the host certificate cannot be read; present the certificate as it was issued")]
    Malformed,
    /// The certificate does not lead to the authority's root.
    #[error(
        "the certificate does not lead to the authority's root ({why}); enroll the host with this authority"
    )]
    Untrusted {
        /// The failed check of the path.
        why: String,
    },
    /// The certificate is not valid yet.
    #[error("the host certificate is not valid yet; check the clocks of host and service")]
    NotYetValid,
    /// The certificate has expired.
    #[error("the host certificate has expired; renew it, or enroll the host again")]
    Expired,
    /// The chain is valid, but the certificate is not a host's of this trust domain.
    #[error("the certificate is not a host's of this trust domain; present the host's own certificate")]
    NotAHost,
    /// The serial is on the CRL of the issuer.
    #[error("host {host} or its certificate was revoked; ask the authority's operator")]
    Revoked {
        /// The id of the host.
        host: HostId,
    },
    /// The CRL of the issuer is unknown.
    #[error("no CRL of the certificate's issuer is known; feed it from the authority's /ca/crl/")]
    NoCrl,
    /// The CRL of the issuer is stale.
    #[error("the CRL of the certificate's issuer was confirmed {} s ago, which is too long; check the way to the authority", age.as_secs())]
    StaleCrl {
        /// Time since its confirmation.
        age: Duration,
    },
}

impl HostRefusal {
    /// Returns true if this service cannot judge and the host may be valid: answer 503, not 401.
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

/// A [`super::HostVerifier`] cannot be made, or an issuer cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostSetupError {
    /// The text is not PEM.
    #[error("the certificates cannot be read: {why}; give them as PEM, as the authority serves them")]
    Pem {
        /// The defect.
        why: String,
    },
    /// The text holds no certificate.
    #[error("there is no root certificate in the text; give the authority's /ca/root.pem")]
    NoRoot,
    /// The root cannot be a trust anchor.
    #[error("the root certificate cannot be used: {why}; give the authority's /ca/root.pem")]
    Root {
        /// The defect.
        why: String,
    },
    /// The text does not hold the pinned root.
    #[error(
        "no root with the SHA-256 {pinned} is in the text; fetch /ca/root/{pinned}.pem from the authority"
    )]
    OtherRoot {
        /// The fingerprint of the pinned root.
        pinned: Fingerprint,
    },
    /// A certificate does not lead to the root.
    #[error("a certificate of the chain does not lead to the root, or has ended; fetch /ca/chain.pem again")]
    Chain,
    /// The trust domain is invalid in a SPIFFE id.
    #[error("{text:?} is not a trust domain; give the host name in the authority's external URL")]
    TrustDomain {
        /// The invalid name.
        text: String,
    },
}
