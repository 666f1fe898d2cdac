//! The chain of a certificate that did not come by a handshake, checked as a handshake does.

use std::sync::Arc;
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;

use crate::clock::Timestamp;
use crate::service::ca::set::CaSet;

/// Whether one of the issuing CAs signed this certificate, and it is a client's and good at `now`.
pub(super) fn leads_to(cas: &CaSet, certificate: &[u8], now: Timestamp) -> bool {
    let mut roots = RootCertStore::empty();
    for anchor in cas.client_anchors() {
        // One that is unusable lets nobody in.
        let _ = roots.add(CertificateDer::from(anchor));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let Ok(verifier) = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return false;
    };
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.secs()).unwrap_or(0)));
    verifier.verify_client_cert(&CertificateDer::from(certificate), &[], at).is_ok()
}
