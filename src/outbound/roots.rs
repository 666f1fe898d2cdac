//! The trust of a call: the CA of an output, or the roots of the system.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::OutboundError;
use crate::connect::{SYSTEM_BUNDLES, provider};

pub(super) const NO_SYSTEM_ROOTS: OutboundError =
    OutboundError::Roots("this system has no file of trusted roots: give the output's `ca`");
const BAD_CA: OutboundError =
    OutboundError::Roots("the output's `ca` has no usable certificate: set it again");
const NO_TLS: OutboundError = OutboundError::Roots("the TLS provider refuses TLS 1.2 and 1.3");

/// The configuration with the roots of the system, and the state of their file: they are read again when it changes.
#[derive(Default)]
pub(super) struct Roots {
    system: Mutex<Option<(Bundle, Arc<ClientConfig>)>>,
}

/// The state of a file of roots.
#[derive(Clone, PartialEq, Eq)]
struct Bundle {
    path: PathBuf,
    modified: SystemTime,
    bytes: u64,
}

impl Bundle {
    fn of(path: &Path) -> Option<Self> {
        let file = std::fs::metadata(path).ok()?;
        Some(Self { path: path.to_owned(), modified: file.modified().ok()?, bytes: file.len() })
    }
}

impl Roots {
    /// The configuration of a connection that trusts the certificates of `ca`, or else the roots of the system.
    pub(super) fn client(&self, ca: Option<&str>) -> Result<Arc<ClientConfig>, OutboundError> {
        match ca {
            Some(ca) => client(CertificateDer::pem_slice_iter(ca.as_bytes()).collect(), BAD_CA),
            None => self.system(&SYSTEM_BUNDLES.map(Path::new)),
        }
    }

    pub(super) fn system(&self, bundles: &[&Path]) -> Result<Arc<ClientConfig>, OutboundError> {
        let bundle = bundles.iter().find_map(|path| Bundle::of(path)).ok_or(NO_SYSTEM_ROOTS)?;
        let mut system = self.system.lock();
        if let Some((_, known)) = system.as_ref().filter(|(known, _)| *known == bundle) {
            return Ok(Arc::clone(known));
        }
        let file = CertificateDer::pem_file_iter(&bundle.path).ok();
        let known = client(file.into_iter().flatten().filter(Result::is_ok).collect(), NO_SYSTEM_ROOTS)?;
        *system = Some((bundle, Arc::clone(&known)));
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
