//! The trust of a call: the CA of an output, or the roots of the system.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::OutboundError;
use crate::connect::{SYSTEM_BUNDLES, provider};

const NO_SYSTEM_ROOTS: OutboundError =
    OutboundError::Roots("this system has no file of trusted roots: give the output's `ca`");
const BAD_CA: OutboundError =
    OutboundError::Roots("the output's `ca` has no usable certificate: set it again");
const NO_TLS: OutboundError = OutboundError::Roots("the TLS provider refuses TLS 1.2 and 1.3");

/// The roots of the system, read at the first call that needs them.
#[derive(Default)]
pub(super) struct Roots {
    system: Mutex<Option<Arc<ClientConfig>>>,
}

impl Roots {
    /// The configuration of a connection that trusts the certificates of `ca`, or else the roots of the system.
    pub(super) fn client(&self, ca: Option<&str>) -> Result<Arc<ClientConfig>, OutboundError> {
        if let Some(ca) = ca {
            return client(CertificateDer::pem_slice_iter(ca.as_bytes()).collect(), BAD_CA);
        }
        let mut system = self.system.lock();
        if let Some(system) = &*system {
            return Ok(Arc::clone(system));
        }
        let file = SYSTEM_BUNDLES.into_iter().find_map(|path| CertificateDer::pem_file_iter(path).ok());
        let known = client(file.into_iter().flatten().filter(Result::is_ok).collect(), NO_SYSTEM_ROOTS)?;
        *system = Some(Arc::clone(&known));
        Ok(known)
    }
}

/// The error of reading a PEM file, of which only its presence counts.
type Read = Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error>;

fn client(roots: Read, otherwise: OutboundError) -> Result<Arc<ClientConfig>, OutboundError> {
    let mut store = RootCertStore::empty();
    let (added, _) = store.add_parsable_certificates(roots.unwrap_or_default());
    if added == 0 {
        return Err(otherwise);
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|_| NO_TLS)?;
    let mut config = config.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}
