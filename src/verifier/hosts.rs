//! Verification of host certificates inside a service: chain to the root, time, usage, and CRL of the issuing CA.
//!
//! A TLS stack checks the chain, but not recent revocations. [`HostVerifier`] holds the newest CRL of each issuing CA. It
//! refuses a revoked certificate, and one without a fresh CRL.

mod crl;
mod crl_set;
mod error;
mod issuer;
mod signature;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use quick_cache::sync::Cache;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use self::crl::KnownCrl;
pub use self::crl::{CrlError, MAX_CRL_BYTES};
pub use self::crl_set::{CrlSet, CrlSetError, CrlSummary};
pub use self::error::{HostRefusal, HostSetupError};
use self::issuer::{Issuer, IssuerKey};
pub use super::MAX_STALENESS;
use super::staleness::Staleness;
use crate::clock::Timestamp;
pub use crate::host_certificate::HostPeer;
use crate::id::Fingerprint;

/// Maximum number of certificates that a peer presents beside its own.
const MOST_INTERMEDIATES: usize = 8;
/// Maximum number of known issuing CAs: an authority has a few in its life.
const MOST_ISSUERS: usize = 32;
/// Number of cached chains, so that the second request of a connection costs no signature.
const MOST_CHAINS: usize = 4096;

/// Verifies host certificates against one authority's root and its CRLs. Share it behind an `Arc`: every method takes
/// `&self`, and verifying takes no lock.
///
/// It fails closed: without a CRL of the certificate's issuer, or with one that was not confirmed for
/// [`MAX_STALENESS`], a host is refused.
///
/// ```
/// use gatepass::verifier::hosts::{HostSetupError, HostVerifier};
///
/// // The root comes from the authority's `/ca/root.pem`, kept beside the service.
/// let refused = HostVerifier::new("not a certificate", "gate.example.org");
/// assert!(matches!(refused, Err(HostSetupError::NoRoot)));
/// ```
pub struct HostVerifier {
    anchors: Vec<TrustAnchor<'static>>,
    roots: Vec<Issuer>,
    trust_domain: String,
    staleness: Staleness,
    issuers: ArcSwap<Vec<Issuer>>,
    crls: ArcSwap<HashMap<IssuerKey, KnownCrl>>,
    chains: Cache<Fingerprint, Arc<Chained>>,
}

/// A certificate with a verified chain. Time and revocation are checked at each request.
struct Chained {
    peer: HostPeer,
    issuer: IssuerKey,
    /// The earliest end of validity in the chain.
    not_after: Timestamp,
}

impl HostVerifier {
    /// A verifier of hosts under the root certificates in `roots_pem`, the authority's `/ca/root.pem`.
    ///
    /// `trust_domain` is the trust domain of their SPIFFE ids. By default it is the host of the authority's first external URL.
    ///
    /// # Errors
    /// [`HostSetupError`], if `roots_pem` holds no usable root, or the trust domain is invalid.
    pub fn new(roots_pem: &str, trust_domain: &str) -> Result<Self, HostSetupError> {
        let roots = certificates(roots_pem)?;
        Self::under(&roots, trust_domain)
    }

    /// A verifier of hosts under the one root in `chain_pem` whose SHA-256 is `root`, as in `gatepass ca fingerprint`.
    ///
    /// `chain_pem` is `/ca/chain.pem` or `/ca/root/<sha256>.pem` of the authority. It needs no trusted source.
    ///
    /// # Errors
    /// [`HostSetupError::OtherRoot`], if `chain_pem` does not hold that root; otherwise as [`Self::new`].
    pub fn pinned(root: Fingerprint, chain_pem: &str, trust_domain: &str) -> Result<Self, HostSetupError> {
        let found = certificates(chain_pem)?.into_iter().find(|der| Fingerprint::of(der) == root);
        let found = found.filter(|der| Issuer::read(der).is_some_and(|ca| ca.is_self_signed()));
        Self::under(&[found.ok_or(HostSetupError::OtherRoot { pinned: root })?], trust_domain)
    }

    fn under(roots: &[CertificateDer<'static>], trust_domain: &str) -> Result<Self, HostSetupError> {
        if roots.is_empty() {
            return Err(HostSetupError::NoRoot);
        }
        if trust_domain.is_empty() || trust_domain.contains(['/', ':', '@']) {
            return Err(HostSetupError::TrustDomain { text: trust_domain.to_owned() });
        }
        let anchor = |root| anchor_from_trusted_cert(root).map(|anchor| anchor.to_owned());
        let anchors = roots.iter().map(anchor).collect::<Result<_, _>>();
        let root = |der| {
            Issuer::read(der).ok_or(HostSetupError::Root { why: "it is not a CA certificate".to_owned() })
        };
        Ok(Self {
            roots: roots.iter().map(root).collect::<Result<_, _>>()?,
            anchors: anchors.map_err(|error| HostSetupError::Root { why: error.to_string() })?,
            trust_domain: trust_domain.to_owned(),
            staleness: Staleness::DEFAULT,
            issuers: ArcSwap::default(),
            crls: ArcSwap::default(),
            chains: Cache::new(MOST_CHAINS),
        })
    }

    /// Sets the maximum time without confirmation of CRLs. Default: [`MAX_STALENESS`].
    #[must_use]
    pub const fn max_staleness(mut self, limit: Duration) -> Self {
        self.staleness.limit = limit;
        self
    }

    /// Accepts the last CRL of an issuer when it is stale. An issuer without any CRL is still refused: another CA under the
    /// same root may not issue host certificates.
    #[must_use]
    pub const fn fail_open(mut self) -> Self {
        self.staleness.fail_open = true;
        self
    }

    /// Adds the issuing CAs in `chain_pem`, the authority's `/ca/chain.pem`. Returns the number of known issuing CAs.
    ///
    /// Known issuers allow hosts to present their certificate alone, and CRLs to be checked.
    ///
    /// # Errors
    /// [`HostSetupError::Chain`], if a certificate does not lead to the root at `now`; the others are added.
    pub fn learn_issuers(&self, chain_pem: &str, now: Timestamp) -> Result<usize, HostSetupError> {
        let (issuers, all) = issuer::below(&self.roots, &certificates(chain_pem)?, |ca| ca.is_valid_at(now));
        issuers.into_iter().for_each(|issuer| self.remember(issuer));
        if all { Ok(self.issuers.load().len()) } else { Err(HostSetupError::Chain) }
    }

    /// The subject key identifiers of the known issuing CAs, in hexadecimal.
    ///
    /// The authority publishes their CRLs at `/ca/crl/<ski>.der`.
    pub fn issuers(&self) -> Vec<String> {
        self.issuers.load().iter().map(|issuer| issuer.ski.clone()).collect()
    }

    /// Replaces the CRL of its issuer by this one (DER), or confirms the known one.
    ///
    /// # Errors
    /// [`CrlError`]; the known CRL stays.
    pub fn update_crl(&self, der: &[u8], now: Timestamp) -> Result<(), CrlError> {
        let crl = KnownCrl::parse(der, &self.issuers.load(), now)?;
        let mut outcome = Ok(());
        self.crls.rcu(|known| {
            let mut next = HashMap::clone(known);
            outcome = crl.clone().replace_in(&mut next);
            next
        });
        outcome
    }

    /// Longest time since a CRL was confirmed; `None` while an issuer has no CRL.
    pub fn crl_age(&self, now: Timestamp) -> Option<Duration> {
        let crls = self.crls.load();
        let issuers = self.issuers.load();
        let age = |issuer: &Issuer| crls.get(&issuer.key).map(|crl| now.since(crl.confirmed_at));
        issuers.iter().map(age).max_by_key(|age| age.unwrap_or(Duration::MAX)).flatten()
    }

    /// Verifies a host's certificate (DER) at `now`. `intermediates` are the other certificates of the peer.
    ///
    /// Checks the chain to the root for client authentication (RFC 5280 section 6) and the dates. Then it checks the CRL of
    /// the issuer and the form of a host certificate.
    ///
    /// # Errors
    /// [`HostRefusal`], by the first failed check.
    pub fn verify(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<HostPeer, HostRefusal> {
        let chained = self.chained(certificate, intermediates, now)?;
        if now < chained.peer.not_before {
            return Err(HostRefusal::NotYetValid);
        }
        if now >= chained.not_after {
            return Err(HostRefusal::Expired);
        }
        self.judge_revocation(&chained, now)?;
        Ok(chained.peer.clone())
    }

    fn judge_revocation(&self, chained: &Chained, now: Timestamp) -> Result<(), HostRefusal> {
        let crls = self.crls.load();
        let Some(crl) = crls.get(&chained.issuer) else { return Err(HostRefusal::NoCrl) };
        if crl.lists(chained.peer.serial) {
            return Err(HostRefusal::Revoked { host: chained.peer.host });
        }
        self.staleness.judge(crl.confirmed_at, now).map_err(|age| HostRefusal::StaleCrl { age })?;
        match now < crl.next_update || self.staleness.fail_open {
            true => Ok(()),
            false => Err(HostRefusal::StaleCrl { age: now.since(crl.confirmed_at) }),
        }
    }

    /// The verified chain of `certificate`, from the cache if possible.
    fn chained(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<Arc<Chained>, HostRefusal> {
        let fingerprint = Fingerprint::of(certificate);
        if let Some(known) = self.chains.get(&fingerprint) {
            return Ok(known);
        }
        let chained = Arc::new(self.build_chain(certificate, intermediates, now)?);
        self.chains.insert(fingerprint, Arc::clone(&chained));
        Ok(chained)
    }

    fn build_chain(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<Chained, HostRefusal> {
        let known = self.issuers.load();
        let presented = intermediates.iter().take(MOST_INTERMEDIATES).cloned();
        let pool = presented.chain(known.iter().map(|issuer| issuer.der.clone())).collect::<Vec<_>>();
        let leaf = EndEntityCert::try_from(certificate).map_err(|_| HostRefusal::Malformed)?;
        let path = leaf.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &self.anchors,
            &pool,
            unix(now),
            KeyUsage::client_auth(),
            None,
            None,
        )?;
        let mut above = path.intermediate_certificates();
        let direct = above.next().ok_or(HostRefusal::NotAHost)?;
        let issuer = Issuer::read(&direct.der()).ok_or(HostRefusal::Malformed)?;
        let above = above.filter_map(|ca| Issuer::read(&ca.der())).map(|ca| ca.not_after);
        let peer = HostPeer::parse(certificate).ok_or(HostRefusal::NotAHost)?;
        if peer.spiffe_id != format!("spiffe://{}/host/{}", self.trust_domain, peer.host) {
            return Err(HostRefusal::NotAHost);
        }
        let not_after = above.fold(peer.not_after.min(issuer.not_after), Timestamp::min);
        let chained = Chained { peer, issuer: issuer.key, not_after };
        self.remember(issuer);
        Ok(chained)
    }

    fn remember(&self, issuer: Issuer) {
        let known = |issuers: &[Issuer]| issuers.iter().any(|other| other.key == issuer.key);
        if known(&self.issuers.load()) {
            return;
        }
        self.issuers.rcu(|issuers| {
            let mut next = Vec::clone(issuers);
            if !known(&next) && next.len() < MOST_ISSUERS {
                next.push(issuer.clone());
            }
            next
        });
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, HostSetupError> {
    let parsed = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    parsed.map_err(|error| HostSetupError::Pem { why: error.to_string() })
}

fn unix(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(now.millis()).unwrap_or(0)))
}

#[cfg(feature = "server")]
#[cfg(test)]
mod tests;
