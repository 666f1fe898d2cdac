//! The listener's own certificate: from the issuing CA, or from files that may change while the server runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::local::LocalPins;
use crate::ca::{CertificateAuthority, IssueError, ServerIdentity, ServerProfile};
use crate::clock::Timestamp;
use crate::config::{Config, TlsFiles};
use crate::http::tls::TlsIdentity;
use crate::id::Fingerprint;
use crate::server_url::ServerName;
use crate::service::ca::set::CaSet;
use crate::service::own_names::OwnNames;
use crate::service::vault::load_imported;
use crate::service::{ServiceError, TimeKeeper};

/// Lifetime of a certificate from the issuing CA.
const LIFETIME: Duration = Duration::from_secs(90 * 86_400);

/// Reasons for which the listener has no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TlsSourceError {
    /// A file is missing or malformed.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: String,
        /// The problem.
        cause: String,
    },
    /// The issuing CA did not issue a certificate.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// The identity that the listener presents.
pub(super) struct Presented {
    /// Certificate, chain and key.
    pub(super) identity: TlsIdentity,
    /// The certificate's expiry.
    pub(super) expires_at: Timestamp,
    /// The pins by which clients on this machine verify it.
    pub(super) pins: LocalPins,
}

/// Source of the listener's certificate.
pub(super) enum TlsSource {
    /// The issuing CA.
    Own(IssuedFor),
    /// External files.
    Outside(TlsFiles),
}

/// The names in a certificate from the issuing CA.
pub(super) struct IssuedFor {
    names: Arc<OwnNames>,
    trust_domain: String,
}

impl IssuedFor {
    fn profile(&self) -> ServerProfile {
        let (mut dns_names, mut addresses) = (Vec::new(), Vec::new());
        for name in self.names.all() {
            match name {
                ServerName::Dns(name) => dns_names.push(name.to_string()),
                ServerName::Address(address) => addresses.push(address),
            }
        }
        ServerProfile { dns_names, addresses, trust_domain: self.trust_domain.clone(), lifetime: LIFETIME }
    }
}

impl TlsSource {
    pub(super) fn new(config: &Config, names: Arc<OwnNames>, trust_domain: String) -> Self {
        match &config.server.tls {
            Some(files) => Self::Outside(files.clone()),
            None => Self::Own(IssuedFor { names, trust_domain }),
        }
    }

    /// Returns true for external files.
    pub(super) const fn is_outside(&self) -> bool {
        matches!(self, Self::Outside(_))
    }

    /// Returns the names that a certificate from the issuing CA must have now.
    pub(super) fn names(&self) -> BTreeSet<ServerName> {
        match self {
            Self::Own(own) => own.names.all(),
            Self::Outside(_) => BTreeSet::new(),
        }
    }

    /// Returns a certificate to serve with.
    pub(super) fn identity(&self, cas: &CaSet, time: &TimeKeeper) -> Result<Presented, TlsSourceError> {
        // Clients check it by their own clocks. The mark may be ahead of a clock that was corrected since, and
        // `clock accept` needs this listener.
        let wall = time.wall();
        let now = if cas.current().is_good_at(wall).is_ok() { wall } else { time.now() };
        match self {
            Self::Own(own) if cas.current().is_good_at(now).is_ok() => {
                Ok(present(&own.profile(), cas, now).map_err(ServiceError::from)?)
            }
            Self::Own(own) => Ok(stand_in(&own.profile(), now).map_err(ServiceError::from)?),
            Self::Outside(files) => {
                let (identity, expires_at) = read(files)?;
                let certificate = identity.chain.first().map(|leaf| Fingerprint::of(leaf));
                let pins = LocalPins { fingerprint: cas.current().root_fingerprint(), certificate };
                Ok(Presented { identity, expires_at, pins })
            }
        }
    }

    /// Returns the last changes of the files; `None` for a certificate from the issuing CA.
    pub(super) fn written_at(&self) -> Option<(SystemTime, SystemTime)> {
        let Self::Outside(files) = self else { return None };
        let written = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
        Some((written(&files.certificate)?, written(&files.key)?))
    }
}

fn present(profile: &ServerProfile, cas: &CaSet, now: Timestamp) -> Result<Presented, IssueError> {
    let ServerIdentity { certificate, key, not_after, .. } = cas.current().issue_server(profile, now)?;
    let chain = std::iter::once(certificate).chain(cas.own_chain().map(<[u8]>::to_vec));
    let chain = chain.map(CertificateDer::from).collect();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.expose().clone()));
    let pins = LocalPins { fingerprint: cas.current().root_fingerprint(), certificate: None };
    Ok(Presented { identity: TlsIdentity { chain, key }, expires_at: not_after, pins })
}

/// Returns a certificate for the time in which the CA is not valid. Its root is temporary, and only the file of the local
/// credential names it. So a process that may read the keys directory can rotate the CA. No other client trusts it.
fn stand_in(profile: &ServerProfile, now: Timestamp) -> Result<Presented, IssueError> {
    let made = CertificateAuthority::generate("gatepass stand-in", now)?;
    let ca = CertificateAuthority::from_pem(&made.root_pem, &made.issuing_pem, &made.issuing_key, now);
    let ca = ca.map_err(IssueError::Authority)?;
    present(profile, &CaSet::new(ca), now)
}

pub(super) fn read(files: &TlsFiles) -> Result<(TlsIdentity, Timestamp), TlsSourceError> {
    let wrong = |path: &Path, cause: String| TlsSourceError::File { path: path.display().to_string(), cause };
    let text = fs::read(&files.certificate).map_err(|error| wrong(&files.certificate, error.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| wrong(&files.certificate, error.to_string()))?;
    let leaf = chain.first().ok_or_else(|| wrong(&files.certificate, "no certificate in it".to_owned()))?;
    let expires_at = crate::ca::not_after(leaf)
        .ok_or_else(|| wrong(&files.certificate, "its first block is no certificate".to_owned()))?;
    let key = load_imported(&files.key).map_err(ServiceError::from)?;
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes());
    let key = key.map_err(|error| wrong(&files.key, error.to_string()))?;
    Ok((TlsIdentity { chain, key }, expires_at))
}
