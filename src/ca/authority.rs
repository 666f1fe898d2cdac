//! The certificate authority: a root certificate, and an issuing CA with its key.

use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::name::Name;

use super::ca_key::CaKey;
use super::error::{ImportError, IssueError};
use super::import::{self, CaCertificate};
use super::inspect::authority_key_identifier;
use crate::clock::Timestamp;
use crate::id::{Fingerprint, Serial};
use crate::secret::Secret;

/// A root certificate and the issuing CA below it, with the issuing CA's key. The root's key is needed only to make another
/// issuing CA, and may be kept elsewhere.
pub struct CertificateAuthority {
    root: CaCertificate,
    issuing: CaCertificate,
    key: CaKey,
}

impl CertificateAuthority {
    /// Loads a root, an issuing CA and its key, made here or imported.
    ///
    /// The checks (RFC 5280 section 4.2):
    ///
    /// - one certificate each in strict DER, and a key that belongs to the issuing certificate
    /// - the CA flag, keyCertSign and cRLSign, the path length, and dates at `now`
    /// - the issuing CA's signature by the root, and the root's self-signature
    /// - no name constraints and no unknown critical extension
    ///
    /// # Errors
    /// The [`ImportError`] of the first failed check.
    pub fn from_pem(
        root_pem: &str,
        issuing_pem: &str,
        issuing_key: &Secret<String>,
        now: Timestamp,
    ) -> Result<Self, ImportError> {
        let ca = Self::from_pem_at_any_time(root_pem, issuing_pem, issuing_key)?;
        ca.root.check_dates(now)?;
        ca.issuing.check_dates(now)?;
        Ok(ca)
    }

    /// The same without the check of dates: an expired CA is loaded to be replaced. It issues nothing then.
    ///
    /// # Errors
    /// As [`Self::from_pem`], except for the dates.
    pub fn from_pem_at_any_time(
        root_pem: &str,
        issuing_pem: &str,
        issuing_key: &Secret<String>,
    ) -> Result<Self, ImportError> {
        let root = import::root(root_pem)?;
        let issuing = import::issuing(issuing_pem, &root)?;
        let key = import::key_of(&issuing, "issuing key", issuing_key)?;
        Ok(Self { root, issuing, key })
    }

    /// The SHA-256 of the root certificate, which tokens carry and clients pin.
    pub const fn root_fingerprint(&self) -> Fingerprint {
        self.root.fingerprint
    }

    /// The root certificate as a PEM block.
    pub fn root_pem(&self) -> &str {
        &self.root.pem
    }

    /// The root certificate, DER.
    pub fn root_der(&self) -> &[u8] {
        &self.root.der
    }

    /// The issuing CA's certificate as a PEM block.
    pub fn issuing_pem(&self) -> &str {
        &self.issuing.pem
    }

    /// The issuing CA's certificate, DER.
    pub fn issuing_der(&self) -> &[u8] {
        &self.issuing.der
    }

    /// Checks that both certificates are valid at `now`, so that issued certificates are too.
    ///
    /// # Errors
    /// [`IssueError::IssuerNotValid`], with the dates of the one that is not.
    pub fn is_good_at(&self, now: Timestamp) -> Result<(), IssueError> {
        let good = |(not_before, not_after): (Timestamp, Timestamp)| not_before <= now && now < not_after;
        match [self.root.bounds, self.issuing.bounds].into_iter().find(|bounds| !good(*bounds)) {
            Some((not_before, not_after)) => Err(IssueError::IssuerNotValid { not_before, not_after }),
            None => Ok(()),
        }
    }

    /// The issuing CA's subject key identifier (RFC 5280 section 4.2.1.2), which names its CRL.
    pub fn issuing_ski(&self) -> &[u8] {
        &self.issuing.ski
    }

    /// The serial number of the issuing CA's certificate; `None` for an imported one of another length.
    pub fn issuing_serial(&self) -> Option<Serial> {
        let certificate = Certificate::from_der(&self.issuing.der).ok()?;
        let serial = certificate.tbs_certificate().serial_number().as_bytes().try_into().ok()?;
        Some(Serial::from_bytes(serial))
    }

    /// The issuing CA's expiry; nothing it signs lives longer.
    pub const fn issuing_not_after(&self) -> Timestamp {
        self.issuing.bounds.1
    }

    /// The start of the root's validity.
    pub const fn root_not_before(&self) -> Timestamp {
        self.root.bounds.0
    }

    /// The root's expiry.
    pub const fn root_not_after(&self) -> Timestamp {
        self.root.bounds.1
    }

    /// The issuing CA's certificate, then the root's, as PEM blocks.
    pub fn chain_pem(&self) -> String {
        format!("{}{}", self.issuing.pem, self.root.pem)
    }

    /// The root's subject, for people (RFC 4514).
    pub fn root_subject(&self) -> String {
        self.root.subject().to_string()
    }

    /// The issuing CA's subject, for people (RFC 4514).
    pub fn issuing_subject(&self) -> String {
        self.subject().to_string()
    }

    /// Returns true if `certificate` (DER) names this issuing CA as its signer. No signature is checked.
    pub fn issued(&self, certificate: &[u8]) -> bool {
        authority_key_identifier(certificate).is_some_and(|identifier| identifier == self.issuing.ski)
    }

    pub(super) const fn issuing_bounds(&self) -> (Timestamp, Timestamp) {
        self.issuing.bounds
    }

    pub(super) fn subject(&self) -> &Name {
        self.issuing.subject()
    }

    pub(super) const fn issuing(&self) -> &CaCertificate {
        &self.issuing
    }

    pub(super) const fn key(&self) -> &CaKey {
        &self.key
    }
}
