//! The certificate authorities: the issuing CA that signs, former ones with live certificates, and every root that a
//! client may have pinned.

use crate::ca::{CertificateAuthority, PemError, pem_to_der};
use crate::id::Fingerprint;
use crate::service::document::Document;

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

/// The issuing CA that signs, former ones that still sign their CRLs, and the roots above them.
pub struct CaSet {
    current: CertificateAuthority,
    former: Vec<CertificateAuthority>,
    former_roots: Vec<Certificate>,
    crosses: Vec<Certificate>,
    chain: Document,
    /// The current root first, then former ones.
    roots: Vec<(Fingerprint, Document)>,
}

impl CaSet {
    /// `current` signs; the `former` ones only sign CRLs.
    pub fn new(current: CertificateAuthority, former: Vec<CertificateAuthority>) -> Self {
        let chain = pem(current.chain_pem());
        let roots = vec![(current.root_fingerprint(), pem(current.root_pem().to_owned()))];
        Self { current, former, former_roots: Vec::new(), crosses: Vec::new(), chain, roots }
    }

    /// Adds former roots, newest first, and the cross certificates from each root to its successor. A client that trusts a
    /// former root follows them to the current one.
    #[must_use]
    pub fn with_former_roots(self, former_roots: Vec<Certificate>, crosses: Vec<Certificate>) -> Self {
        let mut roots = self.roots;
        roots.extend(former_roots.iter().map(|root| (Fingerprint::of(&root.der), pem(root.pem.clone()))));
        Self { former_roots, crosses, roots, ..self }
    }

    /// The issuing CA that signs.
    pub const fn current(&self) -> &CertificateAuthority {
        &self.current
    }

    /// Every issuing CA, the current one first.
    pub fn all(&self) -> impl Iterator<Item = &CertificateAuthority> {
        std::iter::once(&self.current).chain(&self.former)
    }

    /// The chain that a host presents with `certificate`: its issuing CA, the cross certificates, the root.
    pub fn chain_of(&self, certificate: &[u8]) -> String {
        // With one issuing CA, no certificate has to be parsed.
        let signer = self.former.iter().find(|ca| ca.issued(certificate)).unwrap_or(&self.current);
        let crosses = self.crosses.iter().map(|cross| cross.pem.as_str()).collect::<String>();
        format!("{}{crosses}{}", signer.issuing_pem(), signer.root_pem())
    }

    /// The current issuing CA and its root, PEM.
    pub const fn chain(&self) -> &Document {
        &self.chain
    }

    /// The root with this fingerprint, PEM.
    pub fn root(&self, fingerprint: Fingerprint) -> Option<&str> {
        if self.current.root_fingerprint() == fingerprint {
            return Some(self.current.root_pem());
        }
        let former = self.former_roots.iter().find(|root| Fingerprint::of(&root.der) == fingerprint)?;
        Some(&former.pem)
    }

    /// The published root with this fingerprint, PEM.
    pub fn root_document(&self, fingerprint: Fingerprint) -> Option<&Document> {
        self.roots.iter().find(|(root, _)| *root == fingerprint).map(|(_, document)| document)
    }

    /// The trust anchors of client certificates: the issuing CAs themselves, DER. An imported root may have other CAs below
    /// it, and their certificates are not hosts of this authority.
    pub fn client_anchors(&self) -> impl Iterator<Item = &[u8]> {
        self.all().map(CertificateAuthority::issuing_der)
    }

    /// The certificates that follow the current root in the listener's chain. They lead from every former root to it.
    pub fn ways_from_former_roots(&self) -> impl Iterator<Item = &[u8]> {
        self.crosses.iter().chain(&self.former_roots).map(|certificate| certificate.der.as_slice())
    }
}

fn pem(text: String) -> Document {
    Document::new("application/x-pem-file", MAX_AGE, text)
}
