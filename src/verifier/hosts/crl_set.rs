//! All CRLs of an authority, for a file that servers read which check whole chains.

use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use serde::Serialize;
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Name};

use super::crl::{CrlError, KnownCrl};
use super::issuer::{self, Issuer, IssuerKey};
use crate::clock::Timestamp;

/// The CRLs of an authority's `/ca/crl.pem`. Each is valid and signed by a CA that leads to a pinned root.
pub struct CrlSet {
    /// In the order of the authority.
    crls: Vec<KnownCrl>,
    left_out: Vec<String>,
    without_crl: Vec<String>,
    /// Every CA of the authority, below a pinned root or not.
    issuers: Vec<Issuer>,
}

/// A refused set of CRLs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlSetError {
    /// The text is not PEM.
    #[error("{what} cannot be read: {why}")]
    Pem {
        /// The text.
        what: &'static str,
        /// The defect.
        why: String,
    },
    /// No self-signed certificate is pinned.
    #[error("no root certificate is pinned: give the authority's /ca/root.pem")]
    NoRoot,
    /// A CRL cannot be used.
    #[error("the CRL of {issuer} is refused: {why}")]
    Crl {
        /// The issuer that it names.
        issuer: String,
        /// The defect.
        why: CrlError,
    },
    /// An issuing CA has no CRL.
    #[error(
        "the authority has no CRL of {issuer}, which signs host certificates: try again, then see its log"
    )]
    Missing {
        /// Its subject.
        issuer: String,
    },
    /// A CA in use has a CRL in the earlier set only.
    #[error(
        "{issuer} is still in use, but its CRL would be lost: pin its root too, which is in the authority's \
         /ca/bundle.pem"
    )]
    Lost {
        /// The subject of the CA.
        issuer: String,
    },
    /// No CRL is of a CA below a pinned root.
    #[error("the authority has no CRL of a CA that leads to the pinned root: check which root is pinned")]
    Nothing,
    /// The earlier file has no CRL of this authority.
    #[error("it holds no CRL of this authority")]
    OtherFile,
}

/// A CRL, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CrlSummary {
    /// The subject of its issuer.
    pub issuer: String,
    /// Its number, in decimal.
    pub number: String,
    /// The end of its validity.
    pub next_update: Timestamp,
    /// The number of revoked certificates.
    pub revoked: usize,
}

impl CrlSet {
    /// Checks the CRLs in `crls`, an authority's `/ca/crl.pem`, against the self-signed certificates in `roots`.
    ///
    /// `bundle` is `/ca/bundle.pem`. It needs no trusted source. A CRL whose issuer leads to another root of the bundle is
    /// left out: a server that trusts only `roots` has no use for it.
    ///
    /// # Errors
    /// [`CrlSetError`], if a CRL is broken, outdated or of an unknown issuer, or an issuing CA has none.
    pub fn check(
        crls: &str,
        bundle: &str,
        roots: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<Self, CrlSetError> {
        let bundle = certificates(bundle)?;
        let roots = self_signed(roots);
        if roots.is_empty() {
            return Err(CrlSetError::NoRoot);
        }
        let (pinned, all) = (under(&roots, &bundle), under(&self_signed(&bundle), &bundle));
        let all = pinned.iter().cloned().chain(all).collect::<Vec<_>>();
        let mut set = Self { crls: Vec::new(), left_out: Vec::new(), without_crl: Vec::new(), issuers: all };
        for der in lists("/ca/crl.pem", crls.as_bytes())? {
            set.add(&der, &pinned, now)?;
        }
        set.complete(&roots, &pinned, &bundle)
    }

    fn add(&mut self, der: &[u8], pinned: &[Issuer], now: Timestamp) -> Result<(), CrlSetError> {
        let refused = |why| CrlSetError::Crl { issuer: issuer_of(der), why };
        let crl = KnownCrl::parse(der, &self.issuers, now).map_err(refused)?;
        if pinned.iter().any(|issuer| issuer.key == crl.issuer) {
            self.crls.push(crl);
        } else {
            self.left_out.push(issuer_of(der));
        }
        Ok(())
    }

    /// Checks that every issuing CA has a CRL, and notes the roots without one.
    fn complete(
        mut self,
        roots: &[Issuer],
        pinned: &[Issuer],
        bundle: &[CertificateDer<'_>],
    ) -> Result<Self, CrlSetError> {
        let of_roots = self_signed(bundle).into_iter().chain(roots.iter().cloned()).map(|root| root.key);
        let of_roots = of_roots.collect::<Vec<_>>();
        let mut without_crl = Vec::new();
        for issuer in pinned.iter().filter(|issuer| self.of(issuer.key).is_none()) {
            let name = printable(&issuer.subject);
            match of_roots.contains(&issuer.key) {
                false => return Err(CrlSetError::Missing { issuer: name }),
                true if without_crl.contains(&name) => {}
                true => without_crl.push(name),
            }
        }
        self.without_crl = without_crl;
        if self.crls.is_empty() { Err(CrlSetError::Nothing) } else { Ok(self) }
    }

    fn of(&self, issuer: IssuerKey) -> Option<&KnownCrl> {
        self.crls.iter().find(|crl| crl.issuer == issuer)
    }

    /// Checks that this set may replace `before`, the PEM of an earlier set: no CRL is older, and none is lost.
    ///
    /// A CRL may go once it has ended. It may also go with its issuer: a CA that has expired or was revoked is not in the
    /// authority's bundle.
    ///
    /// # Errors
    /// [`CrlSetError`], by the first CRL of `before` that forbids it.
    pub fn may_replace(&self, before: &[u8], now: Timestamp) -> Result<(), CrlSetError> {
        let (blank, before) = (before.trim_ascii().is_empty(), lists("the file", before)?);
        let mut known = false;
        for der in &before {
            let refused = |why| CrlSetError::Crl { issuer: issuer_of(der), why };
            let crl = match KnownCrl::read(der, &self.issuers, now) {
                Err(CrlError::Untrusted) => continue,
                read => read.map_err(refused)?,
            };
            known = true;
            match self.of(crl.issuer) {
                Some(next) if next.is_older_than(&crl) => return Err(refused(CrlError::WentBack)),
                None if !crl.has_ended(now) => return Err(CrlSetError::Lost { issuer: issuer_of(der) }),
                _ => {}
            }
        }
        if blank || known { Ok(()) } else { Err(CrlSetError::OtherFile) }
    }

    /// The CRLs, DER.
    pub fn der(&self) -> impl Iterator<Item = &[u8]> {
        self.crls.iter().map(|crl| &*crl.der)
    }

    /// The issuers whose CRLs are left out, because they lead to no pinned root.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The roots that have no CRL. Servers that check whole chains refuse every certificate below them.
    pub fn roots_without_crl(&self) -> &[String] {
        &self.without_crl
    }

    /// The CRLs, for people.
    pub fn summaries(&self) -> Vec<CrlSummary> {
        let summary = |crl: &KnownCrl| {
            let (_, list) = CertificateRevocationList::from_der(&crl.der).ok()?;
            Some(CrlSummary {
                issuer: printable(list.issuer().as_raw()),
                number: list.crl_number()?.to_string(),
                next_update: crl.next_update,
                revoked: list.iter_revoked_certificates().count(),
            })
        };
        self.crls.iter().filter_map(summary).collect()
    }
}

/// The roots and every CA of `bundle` that leads to one of them. An expired CA counts: its last CRL does no harm.
fn under(roots: &[Issuer], bundle: &[CertificateDer<'_>]) -> Vec<Issuer> {
    let (found, _) = issuer::below(roots, bundle, |_| true);
    roots.iter().cloned().chain(found).collect()
}

fn self_signed(certificates: &[CertificateDer<'_>]) -> Vec<Issuer> {
    certificates.iter().filter_map(Issuer::read).filter(Issuer::is_self_signed).collect()
}

fn certificates(bundle: &str) -> Result<Vec<CertificateDer<'static>>, CrlSetError> {
    let parsed = CertificateDer::pem_slice_iter(bundle.as_bytes()).collect::<Result<Vec<_>, _>>();
    parsed.map_err(|error| CrlSetError::Pem { what: "/ca/bundle.pem", why: defect(&error) })
}

fn lists(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateRevocationListDer<'static>>, CrlSetError> {
    let parsed = CertificateRevocationListDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    parsed.map_err(|error| CrlSetError::Pem { what, why: defect(&error) })
}

/// The defect of a file in PEM form. The library's own text has the bytes of the missing line.
fn defect(error: &pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { .. } => String::from("it is cut off: it has no END line"),
        other => other.to_string(),
    }
}

/// The issuer that a CRL names.
fn issuer_of(der: &[u8]) -> String {
    let parsed = CertificateRevocationList::from_der(der);
    parsed.map_or_else(|_| "an unknown issuer".to_owned(), |(_, list)| printable(list.issuer().as_raw()))
}

/// A name (DER) as text, without control characters.
fn printable(name: &[u8]) -> String {
    let parsed = X509Name::from_der(name).map(|(_, name)| name.to_string());
    parsed.unwrap_or_default().escape_debug().to_string()
}

#[cfg(feature = "server")]
#[cfg(test)]
mod tests;
