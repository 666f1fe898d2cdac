//! The listener's certificates: from the issuing CA, or from files that may change while the server runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::local::LocalPins;
use super::named_certificates::NamedCertificates;
use crate::ca::{BACKDATED, CertificateAuthority, IssueError, ServerIdentity, ServerProfile, dns_names};
use crate::clock::Timestamp;
use crate::config::{Config, TlsFiles};
use crate::http::tls::{Identities, TlsIdentity};
use crate::id::Fingerprint;
use crate::name::DnsName;
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

/// The identities that the listener presents.
pub(super) struct Presented {
    /// Certificates, chains and keys.
    pub(super) identities: Identities,
    /// The first expiry of the certificates.
    pub(super) expires_at: Timestamp,
    /// The pins by which clients on this machine verify the main one.
    pub(super) pins: LocalPins,
    /// The names in external certificates.
    pub(super) outside_names: Vec<DnsName>,
}

/// The identity for every name without one of its own.
struct MainIdentity {
    identity: TlsIdentity,
    expires_at: Timestamp,
    pins: LocalPins,
}

/// Source of the listener's certificates.
pub(super) struct TlsSource {
    main: MainSource,
    named: NamedCertificates,
}

/// Source of the certificate for every name without one of its own.
enum MainSource {
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
    fn issue(&self, cas: &CaSet, time: &TimeKeeper) -> Result<MainIdentity, IssueError> {
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
        let main = match &config.server.tls {
            Some(files) => MainSource::Outside(files.clone()),
            None => MainSource::Own(IssuedFor { names, trust_domain, issued: Mutex::default() }),
        };
        Self { main, named: NamedCertificates::of(&config.server) }
    }

    /// Returns true if the main certificate comes from the issuing CA.
    pub(super) const fn is_own(&self) -> bool {
        matches!(self.main, MainSource::Own(_))
    }

    /// Returns true if any certificate comes from a file.
    pub(super) fn has_files(&self) -> bool {
        !self.is_own() || !self.named.is_empty()
    }

    /// Returns the names that a certificate from the issuing CA must have now.
    pub(super) fn names(&self) -> BTreeSet<ServerName> {
        match &self.main {
            MainSource::Own(own) => own.names.all(),
            MainSource::Outside(_) => BTreeSet::new(),
        }
    }

    /// Returns the certificates to serve with.
    pub(super) fn identities(&self, cas: &CaSet, time: &TimeKeeper) -> Result<Presented, TlsSourceError> {
        let (MainIdentity { identity: main, expires_at, pins }, is_outside) = match &self.main {
            MainSource::Own(own) => (own.issue(cas, time).map_err(ServiceError::from)?, false),
            MainSource::Outside(files) => (outside(files, cas)?, true),
        };
        let leaf = main.chain.first().filter(|_| is_outside);
        let mut outside_names = leaf.map(|leaf| dns_names(leaf)).unwrap_or_default();
        let (named, first_expiry) = self.named.identities();
        outside_names.extend(self.named.names_in_use());
        let expires_at = first_expiry.map_or(expires_at, |first| first.min(expires_at));
        Ok(Presented { identities: Identities { main, is_outside, named }, expires_at, pins, outside_names })
    }

    /// Returns true if a certificate from the issuing CA is to be replaced.
    pub(super) fn is_due(&self, cas: &CaSet, time: &TimeKeeper) -> bool {
        match &self.main {
            MainSource::Own(own) => own.is_due(cas, time),
            MainSource::Outside(_) => false,
        }
    }

    /// Returns the last changes of the files.
    pub(super) fn written_at(&self) -> Vec<Option<(SystemTime, SystemTime)>> {
        let mut written = self.named.written_at();
        if let MainSource::Outside(files) = &self.main {
            written.push(written_at(files));
        }
        written
    }
}

/// Returns the last changes of a certificate's files; `None` if one of them is missing.
pub(super) fn written_at(files: &TlsFiles) -> Option<(SystemTime, SystemTime)> {
    let written = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    Some((written(&files.certificate)?, written(&files.key)?))
}

fn outside(files: &TlsFiles, cas: &CaSet) -> Result<MainIdentity, TlsSourceError> {
    let (identity, expires_at) = read(files)?;
    let certificate = identity.chain.first().map(|leaf| Fingerprint::of(leaf));
    let pins = LocalPins { fingerprint: cas.current().root_fingerprint(), certificate };
    Ok(MainIdentity { identity, expires_at, pins })
}

fn present(profile: &ServerProfile, cas: &CaSet, now: Timestamp) -> Result<MainIdentity, IssueError> {
    let ServerIdentity { certificate, key, not_after, .. } = cas.current().issue_server(profile, now)?;
    let chain = std::iter::once(certificate).chain(cas.own_chain().map(<[u8]>::to_vec));
    let chain = chain.map(CertificateDer::from).collect();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.expose().clone()));
    let pins = LocalPins { fingerprint: cas.current().root_fingerprint(), certificate: None };
    Ok(MainIdentity { identity: TlsIdentity { chain, key }, expires_at: not_after, pins })
}

/// Returns a certificate for the time in which the CA is not valid. Its root is temporary, and only the file of the local
/// credential names it. So a process that may read the keys directory can rotate the CA. No other client trusts it.
fn stand_in(profile: &ServerProfile, now: Timestamp) -> Result<MainIdentity, IssueError> {
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
