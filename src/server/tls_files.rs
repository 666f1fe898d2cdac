//! The listener's own certificate: from the issuing CA, or from files that may change while the server runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::local::LocalPins;
use crate::ca::{BACKDATED, CertificateAuthority, IssueError, ServerIdentity, ServerProfile};
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

/// The names in a certificate from the issuing CA, and the certificate that was issued last.
pub(super) struct IssuedFor {
    names: Arc<OwnNames>,
    trust_domain: String,
    issued: Mutex<Option<Issued>>,
}

/// A certificate that was issued.
#[derive(Clone, Copy)]
struct Issued {
    term: Term,
    at: Timestamp,
    expires_at: Timestamp,
}

/// The time for which a certificate is to be valid. Clients check it by their own clocks. While the clock is in doubt, the
/// certificate is valid both at the clock's reading and at the time of decisions, if the CA is.
#[derive(Clone, Copy)]
struct Term {
    from: Timestamp,
    until: Timestamp,
    /// True if the CA is valid at neither time.
    stand_in: bool,
    /// True if this machine's clock does not accept it. Its clients pin the certificate then, for `clock accept`.
    pinned: bool,
}

impl Term {
    fn at(ca: &CertificateAuthority, time: &TimeKeeper) -> Self {
        let (wall, now) = (time.wall(), time.now());
        let (earlier, later) = (wall.min(now), wall.max(now));
        let is_good = |at| ca.is_good_at(at).is_ok();
        let term = |from, until, stand_in| Self { from, until, stand_in, pinned: wall < from };
        match (is_good(earlier), is_good(later)) {
            (true, _) => term(earlier, later, false),
            (false, true) => term(later, later, false),
            (false, false) => term(wall, wall, true),
        }
    }

    /// Returns true if a certificate of this term replaces one of the term `before`. Either the CA became valid, or the clock
    /// was set back behind the certificate's start.
    fn replaces(self, before: Self) -> bool {
        let set_back = self.from.plus(BACKDATED) < before.from;
        // Before the CA is valid, its certificate is of more use than a stand-in.
        !self.stand_in && (before.stand_in || self.pinned != before.pinned || set_back)
    }

    /// The lifetime of its certificate: longer if the two times are far apart.
    fn lifetime(self) -> Duration {
        match self.until.since(self.from) {
            near if near < LIFETIME / 2 => LIFETIME,
            far => LIFETIME + far,
        }
    }
}

impl IssuedFor {
    fn issue(&self, cas: &CaSet, time: &TimeKeeper) -> Result<Presented, IssueError> {
        let term = Term::at(cas.current(), time);
        let profile = self.profile(term.lifetime());
        let mut presented = match term.stand_in {
            true => stand_in(&profile, term.from)?,
            false => present(&profile, cas, term.from)?,
        };
        let leaf = presented.identity.chain.first().filter(|_| term.pinned);
        presented.pins.certificate = leaf.map(|leaf| Fingerprint::of(leaf));
        let expires_at = presented.expires_at;
        *self.issued.lock() = Some(Issued { term, at: time.now(), expires_at });
        Ok(presented)
    }

    /// Returns true at two thirds of the certificate's life, or if the clock or the CA asks for another one.
    fn is_due(&self, cas: &CaSet, time: &TimeKeeper) -> bool {
        let Some(Issued { term, at, expires_at }) = *self.issued.lock() else { return true };
        Term::at(cas.current(), time).replaces(term) || time.now() >= at.plus(expires_at.since(at) * 2 / 3)
    }

    fn profile(&self, lifetime: Duration) -> ServerProfile {
        let (mut dns_names, mut addresses) = (Vec::new(), Vec::new());
        for name in self.names.all() {
            match name {
                ServerName::Dns(name) => dns_names.push(name.to_string()),
                ServerName::Address(address) => addresses.push(address),
            }
        }
        ServerProfile { dns_names, addresses, trust_domain: self.trust_domain.clone(), lifetime }
    }
}

impl TlsSource {
    pub(super) fn new(config: &Config, names: Arc<OwnNames>, trust_domain: String) -> Self {
        match &config.server.tls {
            Some(files) => Self::Outside(files.clone()),
            None => Self::Own(IssuedFor { names, trust_domain, issued: Mutex::default() }),
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
        match self {
            Self::Own(own) => Ok(own.issue(cas, time).map_err(ServiceError::from)?),
            Self::Outside(files) => {
                let (identity, expires_at) = read(files)?;
                let certificate = identity.chain.first().map(|leaf| Fingerprint::of(leaf));
                let pins = LocalPins { fingerprint: cas.current().root_fingerprint(), certificate };
                Ok(Presented { identity, expires_at, pins })
            }
        }
    }

    /// Returns true if a certificate from the issuing CA is to be replaced.
    pub(super) fn is_due(&self, cas: &CaSet, time: &TimeKeeper) -> bool {
        match self {
            Self::Own(own) => own.is_due(cas, time),
            Self::Outside(_) => false,
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
        .ok_or_else(|| wrong(&files.certificate, "its first block is not a certificate".to_owned()))?;
    let key = load_imported(&files.key).map_err(ServiceError::from)?;
    let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes());
    let key = key.map_err(|error| wrong(&files.key, error.to_string()))?;
    Ok((TlsIdentity { chain, key }, expires_at))
}
