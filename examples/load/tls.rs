//! The generator's side of TLS: cheap, because it shares the machine with the server, and still verified.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, NamedGroup, RootCertStore, SignatureScheme};

use crate::error::LoadError;

/// Verifies the server's chain once; afterwards that very certificate is known, and only its signature is checked.
#[derive(Debug)]
struct KnownServer {
    first: Arc<WebPkiServerVerifier>,
    known: OnceLock<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

/// Makes TLS configurations for one server.
#[derive(Clone)]
pub(crate) struct Trusting {
    verifier: Arc<KnownServer>,
}

impl Trusting {
    /// Trusts the server under these roots.
    pub(crate) fn roots(roots: Vec<CertificateDer<'static>>) -> Result<Self, LoadError> {
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        // Floor and measured line do the same key exchange.
        provider.kx_groups.retain(|group| group.name() == NamedGroup::X25519MLKEM768);
        let provider = Arc::new(provider);
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root).map_err(LoadError::crypto)?;
        }
        let first = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(&provider))
            .build()
            .map_err(LoadError::crypto)?;
        Ok(Self { verifier: Arc::new(KnownServer { first, known: OnceLock::new(), provider }) })
    }

    /// A configuration that presents `identity`, if there is one. Nothing is resumed, as gatepass resumes nothing.
    pub(crate) fn config(
        &self,
        identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    ) -> Result<Arc<ClientConfig>, LoadError> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.verifier.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(LoadError::crypto)?
            .dangerous()
            .with_custom_certificate_verifier(self.verifier.clone());
        let mut config = match identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(LoadError::crypto)?,
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }
}

impl ServerCertVerifier for KnownServer {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.known.get().is_some_and(|known| known == leaf) {
            return Ok(ServerCertVerified::assertion());
        }
        let verified = self.first.verify_server_cert(leaf, chain, name, ocsp, now)?;
        // Another connection may have been first with the same certificate.
        let _ = self.known.set(leaf.clone().into_owned());
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
