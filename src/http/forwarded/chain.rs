//! Verifies the chain of a certificate outside a handshake, by the rules of a handshake.

use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;

use crate::clock::Timestamp;
use crate::service::ca::set::CaSet;

/// Returns true if one of the issuing CAs signed this client certificate, and it is valid at `now`.
pub(super) fn leads_to(cas: &CaSet, certificate: &[u8], now: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    for anchor in cas.client_anchors() {
        // An unusable CA admits no client.
        let _ = roots.add(CertificateDer::from(anchor));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let Ok(verifier) = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return false;
    };
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.secs()).unwrap_or(0)));
    verifier.verify_client_cert(&CertificateDer::from(certificate), &[], at).is_ok()
}
