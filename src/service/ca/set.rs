//! The certificate authorities: the issuing CA that signs, former ones with live certificates, and every root that a
//! client may have pinned.

use serde::{Deserialize, Serialize};

use crate::ca::{CertificateAuthority, IssueError, PemError, authority_key_identifier, pem_to_der};
use crate::clock::Timestamp;
use crate::id::{Fingerprint, Serial, hex};
use crate::service::document::Document;
use crate::service::{CaError, ServiceError};

/// Time that caches may keep CA certificates, in seconds.
const MAX_AGE: u32 = 3600;

/// A certificate as PEM and DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The text form.
    pub pem: String,
    /// The binary form.
    pub der: Vec<u8>,
}

impl Certificate {
    /// Reads a PEM certificate.
    ///
    /// # Errors
    /// The text is not one certificate.
    pub fn parse(pem: &str) -> Result<Self, PemError> {
        Ok(Self { der: pem_to_der("CERTIFICATE", pem)?, pem: pem.to_owned() })
    }
}

/// A root certificate and its published form.
struct Root {
    fingerprint: Fingerprint,
    certificate: Certificate,
    document: Document,
}

impl Root {
    fn new(certificate: Certificate) -> Self {
        let fingerprint = Fingerprint::of(&certificate.der);
        Self { fingerprint, document: pem(certificate.pem.clone()), certificate }
    }
}

/// A revoked issuing CA. Its root's CRL lists it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct RevokedCa {
    /// Its subject key identifier, in hexadecimal.
    pub ski: String,
    /// The root that certified it.
    pub root: Fingerprint,
    /// The serial number of its certificate.
    pub serial: Serial,
    /// The time of revocation.
    pub revoked_at: Timestamp,
}

/// The issuing CA that signs, former ones that still sign their CRLs, and the roots above them.
pub struct CaSet {
    current: CertificateAuthority,
    former: Vec<CertificateAuthority>,
    revoked: Vec<RevokedCa>,
    imported: bool,
    /// The certificates from each root to its successor, newest first.
    crosses: Vec<Certificate>,
    /// The current root, then former ones, newest first.
    roots: Vec<Root>,
    chain: Document,
    bundle: Document,
}

impl CaSet {
    /// One CA without predecessors.
    pub fn new(current: CertificateAuthority) -> Self {
        Self::with_former(current, Vec::new(), Vec::new(), Vec::new())
    }

    /// `current` signs; the `former` issuing CAs only sign CRLs. Former roots, and the cross certificates from each root to
    /// its successor, are newest first. A client that trusts a former root follows them to the current one.
    pub fn with_former(
        current: CertificateAuthority,
        former: Vec<CertificateAuthority>,
        former_roots: Vec<Certificate>,
        crosses: Vec<Certificate>,
    ) -> Self {
        let root = Certificate { pem: current.root_pem().to_owned(), der: current.root_der().to_owned() };
        let roots = std::iter::once(root).chain(former_roots).map(Root::new).collect::<Vec<_>>();
        let issuing = std::iter::once(&current).chain(&former).map(CertificateAuthority::issuing_pem);
        let ways = ways_to_roots(&crosses, &roots).map(|certificate| certificate.pem.as_str());
        let bundle = pem(issuing.chain(ways).collect());
        let chain = pem(current.chain_pem());
        Self { chain, bundle, current, former, revoked: Vec::new(), imported: false, crosses, roots }
    }

    /// An imported CA.
    pub fn imported(current: CertificateAuthority) -> Self {
        Self { imported: true, ..Self::new(current) }
    }

    /// Returns true if the CA is imported. Such a CA is rotated where it was made.
    pub const fn is_imported(&self) -> bool {
        self.imported
    }

    /// The error of an operation with this CA. A certificate that is not valid names the way to a newer one.
    pub fn refusal(&self, error: IssueError) -> ServiceError {
        match error {
            IssueError::IssuerNotValid { not_before, not_after } if self.imported => {
                CaError::ImportedNotValid { not_before, not_after }.into()
            }
            other => other.into(),
        }
    }

    /// The same set, with the issuing CAs that were revoked.
    #[must_use]
    pub fn with_revoked(self, revoked: Vec<RevokedCa>) -> Self {
        Self { revoked, ..self }
    }

    /// The revoked issuing CAs.
    pub fn revoked(&self) -> &[RevokedCa] {
        &self.revoked
    }

    /// Returns true if a revoked issuing CA signed `certificate` (DER), by the name of its issuer.
    pub fn has_revoked_issuer(&self, certificate: &[u8]) -> bool {
        // Without a revoked CA, no certificate has to be parsed.
        !self.revoked.is_empty()
            && authority_key_identifier(certificate)
                .is_none_or(|issuer| self.revoked.iter().any(|ca| ca.ski == hex(&issuer)))
    }

    /// The issuing CA that signs.
    pub const fn current(&self) -> &CertificateAuthority {
        &self.current
    }

    /// Every issuing CA, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &CertificateAuthority> {
        std::iter::once(&self.current).chain(&self.former)
    }

    /// The chain that a host presents with `certificate`, PEM: its issuing CA, the cross certificates, the roots.
    pub fn chain_of(&self, certificate: &[u8]) -> String {
        // With one issuing CA, no certificate has to be parsed.
        let signer = self.former.iter().find(|ca| ca.issued(certificate)).unwrap_or(&self.current);
        let ways = ways_to_roots(&self.crosses, &self.roots).map(|certificate| certificate.pem.as_str());
        std::iter::once(signer.issuing_pem()).chain(ways).collect()
    }

    /// The chain that the listener presents, DER: the current issuing CA, the cross certificates, the roots.
    pub fn own_chain(&self) -> impl Iterator<Item = &[u8]> {
        let ways = ways_to_roots(&self.crosses, &self.roots).map(|certificate| certificate.der.as_slice());
        std::iter::once(self.current.issuing_der()).chain(ways)
    }

    /// The current issuing CA and its root, PEM.
    pub const fn chain(&self) -> &Document {
        &self.chain
    }

    /// Every issuing CA, cross certificate and root, PEM.
    pub const fn bundle(&self) -> &Document {
        &self.bundle
    }

    /// Every root, the current one first.
    pub fn roots(&self) -> impl Iterator<Item = &Certificate> {
        self.roots.iter().map(|root| &root.certificate)
    }

    /// The root with this fingerprint, PEM.
    pub fn root(&self, fingerprint: Fingerprint) -> Option<&str> {
        self.find_root(fingerprint).map(|root| root.certificate.pem.as_str())
    }

    /// The published root with this fingerprint, PEM.
    pub fn root_document(&self, fingerprint: Fingerprint) -> Option<&Document> {
        self.find_root(fingerprint).map(|root| &root.document)
    }

    fn find_root(&self, fingerprint: Fingerprint) -> Option<&Root> {
        self.roots.iter().find(|root| root.fingerprint == fingerprint)
    }

    /// The trust anchors of client certificates: the issuing CAs themselves, DER. An imported root may have other CAs below
    /// it, and their certificates are not hosts of this authority.
    pub fn client_anchors(&self) -> impl Iterator<Item = &[u8]> {
        self.all().map(CertificateAuthority::issuing_der)
    }
}

/// The cross certificates, then the roots, each newest first. They lead from an issuing CA to every root that a client may
/// trust. A cross certificate stands before the root with the same key, because OpenSSL takes the first that fits.
fn ways_to_roots<'a>(crosses: &'a [Certificate], roots: &'a [Root]) -> impl Iterator<Item = &'a Certificate> {
    crosses.iter().chain(roots.iter().map(|root| &root.certificate))
}

fn pem(text: String) -> Document {
    Document::new("application/x-pem-file", MAX_AGE, text).compressed()
}
