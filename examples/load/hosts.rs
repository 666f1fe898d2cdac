//! Hosts: their keys, their certificate requests, what they enrolled as.

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

use crate::error::LoadError;

/// The key of a host, and its certificate request.
pub(crate) struct HostKey {
    key: KeyPair,
    /// The certificate request, PEM.
    pub(crate) csr: String,
}

impl HostKey {
    /// A new P-256 key.
    pub(crate) fn generate() -> Result<Self, LoadError> {
        let key = KeyPair::generate().map_err(LoadError::crypto)?;
        let params = CertificateParams::new(Vec::new()).map_err(LoadError::crypto)?;
        let csr = params.serialize_request(&key).and_then(|request| request.pem());
        Ok(Self { key, csr: csr.map_err(LoadError::crypto)? })
    }

    /// The host's client certificate, from the answer of an enrollment.
    pub(crate) fn identity(
        &self,
        enrolled: &Value,
    ) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), LoadError> {
        let mut chain = Vec::new();
        for part in ["certificate", "chain"] {
            let pem = enrolled[part].as_str().unwrap_or_default();
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                chain.push(certificate.map_err(LoadError::crypto)?);
            }
        }
        // The issuing CA is known to the server: the leaf is enough, and cheaper for both.
        chain.truncate(1);
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).map_err(LoadError::crypto)?;
        Ok((chain, key))
    }
}
