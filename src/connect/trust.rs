//! Verification of the authority: a root by fingerprint or certificate, and under it only the authority's own URI.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::ConnectError;
use crate::id::Fingerprint;

/// The trust anchor of a server.
pub enum Trust {
    /// The SHA-256 of the authority's root certificate, as tokens carry it. The server must present that root.
    Fingerprint(Fingerprint),
    /// Root certificates of the authority, from a CA file. Only the authority's own certificate under them is accepted.
    Roots(Vec<CertificateDer<'static>>),
    /// The SHA-256 of the one certificate that the server may present, whatever its names and expiry.
    Certificate(Fingerprint),
    /// Roots of an outside CA, from which the authority has its listener's certificate: its name alone is checked.
    Outside(Vec<CertificateDer<'static>>),
}

/// A valid certificate that is not the authority's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Distrust {
    #[error("the pinned root {pinned} was not presented")]
    WrongRoot { pinned: Fingerprint, presented: Option<Fingerprint> },
    #[error("the pinned certificate {pinned} was not presented")]
    WrongCertificate { pinned: Fingerprint, presented: Fingerprint },
    #[error("the certificate is not the authority's own")]
    NotTheAuthority { found: String },
}

impl From<Distrust> for Error {
    fn from(distrust: Distrust) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(distrust))))
    }
}

/// The verifier of a [`Trust`]; it remembers the root of the first server that passed.
#[derive(Debug)]
pub(super) struct TrustedServer {
    anchor: Anchor,
    provider: Arc<CryptoProvider>,
    root: Arc<OnceLock<CertificateDer<'static>>>,
}

#[derive(Debug)]
enum Anchor {
    Fingerprint(Fingerprint),
    Certificate(Fingerprint),
    Roots(Vec<CertificateDer<'static>>, Arc<WebPkiServerVerifier>),
    Outside(Arc<WebPkiServerVerifier>),
}

/// The verifier of a chain, and the root to remember if the chain passes.
type Anchored = (Arc<WebPkiServerVerifier>, Option<CertificateDer<'static>>);

impl TrustedServer {
    pub(super) fn new(
        trust: Trust,
        provider: Arc<CryptoProvider>,
        root: Arc<OnceLock<CertificateDer<'static>>>,
    ) -> Result<Self, ConnectError> {
        let verifier = |roots: &[_]| {
            chain_verifier(roots, &provider).map_err(|error| ConnectError::Roots { why: error.to_string() })
        };
        let anchor = match trust {
            Trust::Fingerprint(fingerprint) => Anchor::Fingerprint(fingerprint),
            Trust::Certificate(fingerprint) => Anchor::Certificate(fingerprint),
            Trust::Roots(roots) => {
                let verifier = verifier(&roots)?;
                Anchor::Roots(roots, verifier)
            }
            Trust::Outside(roots) => Anchor::Outside(verifier(&roots)?),
        };
        Ok(Self { anchor, provider, root })
    }

    /// `None` if the leaf itself is pinned, and presented.
    fn anchored(
        &self,
        leaf: &CertificateDer<'_>,
        presented: &[CertificateDer<'_>],
    ) -> Result<Option<Anchored>, Error> {
        Ok(Some(match &self.anchor {
            Anchor::Certificate(pinned) => {
                pinned_leaf(*pinned, leaf)?;
                return Ok(None);
            }
            Anchor::Fingerprint(pinned) => {
                let root = pinned_root(*pinned, presented)?;
                let verifier = chain_verifier(std::slice::from_ref(&root), &self.provider)?;
                (verifier, Some(root))
            }
            Anchor::Roots(roots, verifier) => {
                let used = roots.iter().find(|root| presented.contains(root));
                // A server need not send its root. Which of several it was is then not known.
                let only = || (roots.len() == 1).then(|| &roots[0]);
                (Arc::clone(verifier), used.or_else(only).cloned())
            }
            Anchor::Outside(verifier) => (Arc::clone(verifier), None),
        }))
    }
}

impl ServerCertVerifier for TrustedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some((verifier, root)) = self.anchored(end_entity, intermediates)? else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified =
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        if !matches!(self.anchor, Anchor::Outside(_)) {
            require_authority(end_entity)?;
        }
        if let Some(root) = root {
            // Another handshake may have been first; it verified against the same trust.
            let _ = self.root.set(root);
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn chain_verifier(
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map_err(|error| Error::General(error.to_string()))
}

/// The presented root that is pinned. Only a self-signed certificate is a root: a fingerprint of anything else must not
/// become a trust anchor.
fn pinned_root(
    pinned: Fingerprint,
    presented: &[CertificateDer<'_>],
) -> Result<CertificateDer<'static>, Distrust> {
    let roots = || presented.iter().filter(|certificate| is_self_issued(certificate));
    roots().find(|root| Fingerprint::of(root) == pinned).map(|root| root.clone().into_owned()).ok_or_else(
        || Distrust::WrongRoot { pinned, presented: roots().next().map(|root| Fingerprint::of(root)) },
    )
}

fn pinned_leaf(pinned: Fingerprint, leaf: &CertificateDer<'_>) -> Result<(), Distrust> {
    match Fingerprint::of(leaf) {
        presented if presented == pinned => Ok(()),
        presented => Err(Distrust::WrongCertificate { pinned, presented }),
    }
}

fn is_self_issued(certificate: &[u8]) -> bool {
    X509Certificate::from_der(certificate)
        .is_ok_and(|(_, certificate)| certificate.subject().as_raw() == certificate.issuer().as_raw())
}

/// Accepts the authority's own certificate only: its single URI is `spiffe://<trust domain>/gatepass`. Every enrolled host
/// holds a certificate under the same root, for server authentication too, and must not pass for the authority.
fn require_authority(leaf: &[u8]) -> Result<(), Distrust> {
    let uris = uris(leaf);
    match uris.as_slice() {
        [uri] if is_authority(uri) => Ok(()),
        _ => Err(Distrust::NotTheAuthority { found: uris.join(", ").escape_debug().to_string() }),
    }
}

fn is_authority(uri: &str) -> bool {
    uri.strip_prefix("spiffe://")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(domain, path)| !domain.is_empty() && path == "gatepass")
}

fn uris(leaf: &[u8]) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf) else { return Vec::new() };
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let uri = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    };
    names.value.general_names.iter().filter_map(uri).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_uri_of_an_authority_is_one() {
        assert!(is_authority("spiffe://gate.example.org/gatepass"));
        for wrong in [
            "spiffe://gate.example.org/host/0190a0b0-0000-7000-8000-000000000000",
            "spiffe://gate.example.org/host/gatepass",
            "spiffe://gate.example.org/gatepass/",
            "spiffe:///gatepass",
            "https://gate.example.org/gatepass",
        ] {
            assert!(!is_authority(wrong), "{wrong}");
        }
    }
}
